//! Browser sessions as plugins and pages begin them: a new row, a new secret, the cookie that hands it over.

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, header};
use belgie_api::db::Tx;
use belgie_api::ports::{BegunSession, Ground, Sessions};
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result, SessionId, UserId};

use super::{Cookies, Devices};
use crate::identity::{Identity, Started};

/// [`Sessions`] of this host.
pub struct BrowserSessions {
    identity: Identity,
    cookies: Cookies,
    devices: Devices,
}

impl BrowserSessions {
    /// Puts it together.
    #[must_use]
    pub fn new(identity: Identity, cookies: Cookies, devices: Devices) -> Self {
        Self { identity, cookies, devices }
    }
}

#[async_trait]
impl Sessions for BrowserSessions {
    async fn begin_on(
        &self,
        visitor: &Visitor,
        headers: &HeaderMap,
        (user, method): (UserId, &str),
        ground: &dyn Ground,
    ) -> Result<BegunSession> {
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Started { session, token } =
            self.identity.start_session(user, (visitor.info.ip, user_agent), method, ground).await?;
        self.identity
            .greet_device(&session, |email| self.devices.known(headers, email).map(|device| device.since))
            .await?;
        if let Some(caller) = &visitor.caller
            && let Some(before) = caller.session()
        {
            self.identity.revoke_session(before, caller.user().id).await?;
        }
        let lifetime = session.expires_at.since(session.created_at);
        let cookie = self.cookies.set_session(&token, lifetime);
        let cookie = cookie.ok_or_else(|| Failure::internal("the session cookie cannot be written"))?;
        let (began_at, expires_at) = (session.created_at, session.expires_at);
        Ok(BegunSession { session: session.id, cookie, token, began_at, expires_at })
    }

    async fn hold(&self, tx: &mut Tx, session: SessionId, user: UserId) -> Result<bool> {
        self.identity.hold_session(tx, session, user).await
    }

    async fn is_live(&self, session: SessionId, user: UserId) -> Result<bool> {
        Ok(self.identity.find_session(session).await?.is_some_and(|(_, person)| person.id == user))
    }

    async fn end(&self, visitor: &Visitor) -> Result<Vec<HeaderValue>> {
        if let Some(caller) = &visitor.caller {
            if caller.is_worn() {
                return Err(Failure::forbidden("session.impersonated", "This is for the person alone.")
                    .hint("End the impersonation first."));
            }
            if let Some(session) = caller.session() {
                self.identity.revoke_session(session, caller.user().id).await?;
            }
        }
        Ok(self.cookies.clear_session().into_iter().collect())
    }

    async fn confirm(&self, session: SessionId, method: &str) -> Result<()> {
        self.identity.confirm_session(session, method).await
    }
}
