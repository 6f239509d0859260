//! Signing in with a code sent by mail.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use belgie_api::ports::{LimitBucket, normalize_email};
use belgie_api::web::Visitor;
use belgie_api::{Failure, PlainToken, Result, TokenKind};
use serde::Deserialize;
use serde_json::json;

use super::Web;
use super::by_mail::{browser_mark, limit_mail_here, needs, private, senders};
use super::sign_in::{Destination, leave_for_clients, open_session, sign_in_again};
use crate::identity::accounts::is_email;
use crate::identity::code::CodeTry;
use crate::identity::hold::SameAddress;

/// First the address, then the handle and what was typed.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    email: String,
    handle: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(flatten)]
    destination: Destination,
}

/// The page a code is typed into.
pub struct CodePage<'a> {
    /// Where the form goes.
    pub action: &'a str,
    /// The address the code went to.
    pub email: &'a str,
    /// The handle of this try.
    pub handle: &'a str,
    /// Where to go afterwards.
    pub return_to: Option<&'a str>,
    /// What was wrong.
    pub error: Option<&'a str>,
}

impl CodePage<'_> {
    /// Shows the page.
    pub fn render(self, web: &Web, visitor: &Visitor) -> Result<Response> {
        let context = json!({
            "action": self.action,
            "email": self.email,
            "handle": self.handle,
            "return_to": self.return_to,
            "error": self.error,
        });
        let mut response = web.pages.page(visitor, "code.html", "Type the code", context)?;
        leave_for_clients(&mut response, self.return_to);
        if self.error.is_some() {
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        }
        Ok(private(response))
    }
}

/// The failure of a handle that was used, has expired or was tried too often.
pub fn used_up() -> Failure {
    Failure::not_found("code.over", "This code is not good any more.")
        .hint("A code works once, for ten minutes, and five tries. Ask for a new one.")
}

/// Reads a handle as it stands in a form.
pub fn read_handle(text: &str) -> Result<PlainToken> {
    PlainToken::parse_as(TokenKind::Interaction, text).ok_or_else(used_up)
}

/// `POST /auth/code`
pub async fn submit(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Typed>,
) -> Result<Response> {
    needs(web.identity.rules().signs_in_by_code)?;
    match form.handle.as_deref().map(read_handle).transpose()? {
        Some(handle) => check(&web, &visitor, &headers, &handle, form).await,
        None => ask(&web, &visitor, &headers, form).await,
    }
}

async fn ask(web: &Web, visitor: &Visitor, headers: &HeaderMap, form: Typed) -> Result<Response> {
    let return_to = form.destination.path();
    if !is_email(form.email.trim()) {
        return sign_in_again(web, visitor, return_to, &form.email, "Write your e-mail address first.").await;
    }
    limit_mail_here(web, visitor, headers, &form.email).await?;
    let handle = web.identity.ask_for_code(&form.email, &browser_mark(visitor), return_to.clone()).await?;
    let page = CodePage {
        action: "/auth/code",
        email: form.email.trim(),
        handle: handle.expose(),
        return_to: return_to.as_deref(),
        error: None,
    };
    page.render(web, visitor)
}

async fn check(
    web: &Web,
    visitor: &Visitor,
    headers: &HeaderMap,
    handle: &PlainToken,
    form: Typed,
) -> Result<Response> {
    // Five tries at each code are counted with the code; this is for whoever tries many.
    let (bucket, key) = match senders(web).known_device(headers, &normalize_email(&form.email)).await? {
        Some(device) => (LimitBucket::SignInByDevice, device),
        None => (LimitBucket::SignInByAddress, visitor.info.ip.to_string()),
    };
    web.limits.take(bucket, &key).await?;
    match web.identity.try_code(handle, &form.code, &browser_mark(visitor)).await? {
        CodeTry::Right(arrival) => {
            open_session(web, visitor, headers, (&arrival.user, "code", &SameAddress(&arrival.user)), arrival.return_to)
                .await
        }
        CodeTry::Over => Err(used_up()),
        CodeTry::Wrong => {
            let return_to = form.destination.path();
            let page = CodePage {
                action: "/auth/code",
                email: form.email.trim(),
                handle: handle.expose(),
                return_to: return_to.as_deref(),
                error: Some("This is not the code. Look at the newest mail."),
            };
            page.render(web, visitor)
        }
    }
}
