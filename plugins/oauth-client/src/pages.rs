//! What people see: their linked accounts, two questions, and the page of a sign-in that went wrong.

use std::sync::Arc;

use belgie_api::axum::http::{HeaderValue, header};
use belgie_api::axum::response::Response;
use belgie_api::plugin::{AccountSection, Template};
use belgie_api::web::{FormAction, Visitor};
use belgie_api::{Caller, Failure, Result, Timestamp, async_trait};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::model::account::LinkedAccount;
use crate::provider::Provider;
use crate::service::{Engine, Lost};

/// The section of the account page.
const ACCOUNTS: &str = "oauth-client/accounts.html";
/// The question before an account is linked.
const LINK: &str = "oauth-client/link.html";
/// The question before one is unlinked.
const UNLINK: &str = "oauth-client/unlink.html";
/// A sign-in that went wrong.
const REFUSED: &str = "oauth-client/refused.html";

/// A stop on the way back.
const AGAIN: &str = "oauth-client/again.html";

/// Every page, with the contexts it is tried with when the gateway starts.
pub fn templates() -> Vec<Template> {
    vec![
        Template {
            name: ACCOUNTS,
            source: include_str!("../templates/accounts.html"),
            samples: include_str!("../templates/samples/accounts.json"),
        },
        Template {
            name: LINK,
            source: include_str!("../templates/link.html"),
            samples: include_str!("../templates/samples/link.json"),
        },
        Template {
            name: UNLINK,
            source: include_str!("../templates/unlink.html"),
            samples: include_str!("../templates/samples/unlink.json"),
        },
        Template {
            name: REFUSED,
            source: include_str!("../templates/refused.html"),
            samples: include_str!("../templates/samples/refused.json"),
        },
        Template {
            name: AGAIN,
            source: include_str!("../templates/again.html"),
            samples: include_str!("../templates/samples/again.json"),
        },
    ]
}

fn face(provider: &Provider) -> Value {
    json!({ "id": provider.id(), "name": provider.name(), "icon": provider.icon() })
}

/// The accounts elsewhere, on the account page. Nothing at all, when there is nothing to link.
pub struct LinkedAccounts(pub Arc<Engine>);

#[async_trait]
impl AccountSection for LinkedAccounts {
    fn id(&self) -> &'static str {
        "linked-accounts"
    }

    fn title(&self) -> &'static str {
        "Linked accounts"
    }

    async fn render(&self, visitor: &Visitor) -> Result<String> {
        let engine = &self.0;
        let providers = engine.all();
        let Some(caller) = &visitor.caller else { return Ok(String::new()) };
        let user = caller.user().id;
        let linked = engine.list_all(user).await?;
        if providers.is_empty() && linked.is_empty() {
            return Ok(String::new());
        }
        let is_last = engine.is_last_way_in(user).await?;
        let now = engine.host().now();
        let rows: Vec<Value> = linked.iter().map(|account| row(engine, account, is_last, now)).collect();
        let offers =
            providers.iter().filter(|provider| !linked.iter().any(|account| account.provider == provider.id()));
        let offers: Vec<Value> = offers.map(|provider| face(provider)).collect();
        let context = json!({ "csrf_token": visitor.csrf_token, "accounts": rows, "offers": offers });
        engine.host().pages().fragment(ACCOUNTS, context)
    }

    fn has_forms_that_leave(&self) -> bool {
        !self.0.all().is_empty()
    }
}

fn row(engine: &Engine, account: &LinkedAccount, is_last: bool, now: Timestamp) -> Value {
    let provider = engine.provider(&account.provider).ok();
    let (name, icon) =
        provider.as_ref().map_or((account.provider.as_str(), ""), |provider| (provider.name(), provider.icon()));
    json!({
        "id": account.id,
        "name": name,
        "icon": icon,
        "is_on": provider.is_some(),
        "email": account.email,
        "created_at": account.created_at.day(),
        "created_at_iso": account.created_at,
        "last_used_at": account.last_used_at.map(|last| last.ago(now)),
        "last_used_at_iso": account.last_used_at,
        // An account of a provider that is off is no way in, so nothing is lost with it.
        "is_last": is_last && provider.is_some(),
    })
}

/// The question before an account is linked. Its form ends at the provider, and on the way at any host the provider leads
/// through, so the policy of the page cannot say where forms may end.
///
/// # Errors
/// When the page cannot be rendered.
pub fn link(engine: &Engine, visitor: &Visitor, caller: &Caller, provider: &Provider) -> Result<Response> {
    let context = json!({ "provider": face(provider), "email": caller.user().email });
    let mut page = engine.host().pages().page(visitor, LINK, &format!("Link {}", provider.name()), context)?;
    page.extensions_mut().insert(FormAction(String::new()));
    Ok(page)
}

/// The question before an account is unlinked.
///
/// # Errors
/// When the page cannot be rendered.
pub fn unlink(engine: &Engine, visitor: &Visitor, account: &LinkedAccount, is_last: bool) -> Result<Response> {
    let row = row(engine, account, is_last, engine.host().now());
    engine.host().pages().page(visitor, UNLINK, "Unlink an account", json!({ "account": row }))
}

/// A stop on the way back that goes on by itself. A strict session cookie stays at home when the browser comes from a
/// provider, redirects of ours included; from a page of ours it comes along.
///
/// # Errors
/// When the page cannot be rendered.
pub fn again(engine: &Engine, visitor: &Visitor, provider: &Provider, path: &str) -> Result<Response> {
    let context = json!({ "provider": face(provider), "path": path });
    let mut page = engine.host().pages().page(visitor, AGAIN, "One moment", context)?;
    let refresh = HeaderValue::from_str(&format!("0; url={path}")).map_err(Failure::internal)?;
    page.headers_mut().insert(header::REFRESH, refresh);
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(page)
}

/// A sign-in or link that went wrong, with what to do next.
///
/// # Errors
/// When the page cannot be rendered.
pub fn refused(engine: &Engine, visitor: &Visitor, provider: Option<&Provider>, lost: &Lost) -> Result<Response> {
    let failure = &lost.failure;
    report(failure);
    let begin_again = provider.map(|provider| match lost.is_link {
        true => format!("/auth/provider/{}/link", provider.id()),
        false => with_return(&format!("/auth/provider/{}/start", provider.id()), lost.return_to.as_deref()),
    });
    let context = json!({
        "message": failure.message(),
        "hint": failure.remedy(),
        "code": failure.code(),
        "provider": provider.map(face),
        "begin_again": begin_again,
        "elsewhere": if lost.is_link { "/account".to_owned() } else { with_return("/auth/signin", lost.return_to.as_deref()) },
        "is_link": lost.is_link,
    });
    let title = if lost.is_link { "Not linked" } else { "Not signed in" };
    let mut page = engine.host().pages().page(visitor, REFUSED, title, context)?;
    *page.status_mut() = failure.status();
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after) = failure.retry_after() {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    Ok(page)
}

/// The page says no more than the code; the rest is for the log.
pub fn report(failure: &Failure) {
    let source = failure.private_source();
    tracing::info!(error.code = failure.code(), error.source = source, "nobody was signed in by a provider");
}

fn with_return(path: &str, return_to: Option<&str>) -> String {
    let Some(return_to) = return_to else { return path.to_owned() };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
    format!("{path}?{query}")
}
