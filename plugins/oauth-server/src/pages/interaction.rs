//! What an application's own page shows of an authorization request.

use std::sync::Arc;

use belgie_api::web::Visitor;
use belgie_api::{Caller, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{AskedPerson, Way, account_of, choices_of, client_of, explain_all, is_loopback};
use crate::model::redirect::host_of;
use crate::model::request::AuthorizationRequest;
use crate::model::step::Step;
use crate::service::{OAuth, Shown};

/// Where a person goes on from a page of the application.
pub const CONTINUE: &str = "/authorize/continue";

/// An authorization request at a page of the application.
#[derive(Clone, Debug, Serialize)]
pub struct Interaction {
    /// What the page is for.
    pub step: Step,
    /// Where the person goes on: `GET /authorize/continue` with the handle, once they are signed in; `None` for a consent, which is answered.
    #[serde(rename = "continue")]
    pub onward: Option<String>,
    /// The forgery token for forms of this browser, such as that of `POST /auth/signin`.
    pub csrf_token: String,
    /// What is asked for: `client` (`id`, `name`, `host`, `uri`, `verified_host`), `redirect_host`, `redirect_uri`, `is_loopback`, `scopes`
    /// (`name`, `description`, `is_sensitive`), `resource`, `account` (`email`, `name`; null for a stranger), `login_hint`. For a consent also
    /// `choices` (organizations: `id`, `name`, `slug`, `is_chosen`, `teams`), `is_fixed`, `is_personal`, `is_new_client`, `is_remembered` and
    /// `is_device`.
    #[serde(flatten)]
    pub request: Map<String, Value>,
}

/// Interactions, for the application's own handlers: `Use<Interactions>` where the application is wrapped by the gateway's layer.
pub struct Interactions(pub(crate) Arc<OAuth>);

impl Interactions {
    /// What stands behind the handle that the page was opened with (`interaction`). It stays unspent.
    ///
    /// # Errors
    /// `interaction.stale` (400) when it is unknown, spent, too old, another browser's, or, of a consent, another session's.
    pub async fn find(&self, visitor: &Visitor, interaction: &str) -> Result<Interaction> {
        let csrf_token = visitor.csrf_token.to_string();
        match self.0.find_step(visitor, interaction).await? {
            Shown::Underway(step, asked) => {
                let mut request = self.describe(&asked.request, visitor.caller.as_ref(), false)?;
                request.insert("login_hint".to_owned(), json!(asked.wishes.login_hint));
                let onward = Some(format!("{CONTINUE}?interaction={interaction}"));
                Ok(Interaction { step, onward, csrf_token, request })
            }
            Shown::Asked(asked) => {
                let caller = visitor.caller.as_ref();
                let mut request = self.describe(&asked, caller, asked.device.is_some())?;
                if let Some(caller) = caller {
                    let way = Way { here: "", user_code: None };
                    let person = AskedPerson::find(&self.0, caller, &asked, way).await?;
                    request.extend(choices_of(&asked, &person));
                }
                request.insert("is_device".to_owned(), asked.device.is_some().into());
                Ok(Interaction { step: Step::Consent, onward: None, csrf_token, request })
            }
        }
    }

    fn describe(
        &self,
        request: &AuthorizationRequest,
        caller: Option<&Caller>,
        is_device: bool,
    ) -> Result<Map<String, Value>> {
        let redirect_uri = request.reply.redirect_uri.as_str();
        let members = [
            ("client", client_of(&request.client)),
            ("redirect_host", host_of(redirect_uri).into()),
            ("redirect_uri", redirect_uri.into()),
            ("is_loopback", is_loopback(redirect_uri, is_device).into()),
            ("scopes", explain_all(&request.scopes, &self.0.host().catalog()?.scopes).into()),
            ("resource", request.resources.join(", ").into()),
            ("account", caller.map_or(Value::Null, account_of)),
        ];
        Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
