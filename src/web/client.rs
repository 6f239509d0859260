//! What applications do with people, in the name of one request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use belgie_api::context::UserContext;
use belgie_api::ports::{Accounts, BegunSession, NewUser, UserChanges};
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result, ScopeSet, SessionId, UserId};

use super::{Web, worn};
use crate::identity::{By, SessionInfo};

#[derive(Clone)]
pub(super) struct ClientSource {
    pub web: Arc<Web>,
    pub visitor: Visitor,
    pub headers: HeaderMap,
}

/// People and sessions in the name of one request: an extractor in the routes of an application, behind
/// [`Gateway::layer`](crate::Gateway::layer). Vetoes are asked and observers told, whatever it is used for. The application
/// answers for what it asks: nothing here checks whether the visitor may.
#[derive(Clone)]
pub struct Client(ClientSource);

/// Somebody who signed up.
pub struct SignedUp {
    /// The person.
    pub user: UserContext,
    /// Whether the account is new.
    pub is_new: bool,
    /// The session that began.
    pub session: BegunSession,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let source = parts.extensions.get::<ClientSource>().cloned();
        source
            .map(Self)
            .ok_or_else(|| Failure::internal("put `gateway.layer()` around the routes that take a `Client`"))
    }
}

impl Client {
    /// Who visits.
    #[must_use]
    pub fn visitor(&self) -> &Visitor {
        &self.0.visitor
    }

    /// The signed-in person, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&UserContext> {
        self.0.visitor.caller.as_ref().map(belgie_api::Caller::user)
    }

    /// The session of the visitor, if there is one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.0.visitor.caller.as_ref().and_then(belgie_api::Caller::session)
    }

    /// The account, unless it is deleted or banned.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, user: UserId) -> Result<Option<UserContext>> {
        self.0.web.identity.find(user).await
    }

    /// The account of an address, however it is written (white space around it, upper case); `None` when there is none, or it
    /// is banned.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_by_email(&self, email: &str) -> Result<Option<UserContext>> {
        self.0.web.identity.find_by_email(email).await
    }

    /// The person of a live session, by its id: the seed's `get_individual_from_session`. `None` when the session is over or
    /// unknown, or the account is banned. An id is no credential: whoever shows one has proved nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_by_session(&self, session: SessionId) -> Result<Option<UserContext>> {
        Ok(self.0.web.identity.find_session(session).await?.map(|(_, user)| user))
    }

    /// A live session, by its id: the seed's `get_session`, for any session. `None` as for
    /// [`find_by_session`](Self::find_by_session).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_session(&self, session: SessionId) -> Result<Option<SessionInfo>> {
        Ok(self.0.web.identity.find_session(session).await?.map(|(session, _)| session))
    }

    /// The account of an address, made if there is none; says whether it was. `method`: how the person came, for vetoes.
    ///
    /// # Errors
    /// 403 when the account is banned; when the address is none or a veto refuses.
    pub async fn get_or_create(&self, user: &NewUser, method: &str) -> Result<(UserContext, bool)> {
        self.0.web.identity.get_or_create(user, method).await
    }

    /// Makes an account unless the address has one, and begins a session. The application has made sure that the visitor is
    /// the person of that address. Add `session.cookie` to the answer.
    ///
    /// # Errors
    /// As [`get_or_create`](Self::get_or_create) and [`sign_in`](Self::sign_in).
    pub async fn sign_up(&self, user: &NewUser, method: &str) -> Result<SignedUp> {
        let (user, is_new) = self.get_or_create(user, method).await?;
        let session = self.sign_in(user.id, method).await?;
        Ok(SignedUp { user, is_new, session })
    }

    /// Begins a session; the one the browser came with ends. The application has made sure that the visitor is this person.
    /// Add `cookie` to the answer as `Set-Cookie`.
    ///
    /// # Errors
    /// 403 when the account is banned, gone, or a veto refuses.
    pub async fn sign_in(&self, user: UserId, method: &str) -> Result<BegunSession> {
        self.0.web.sessions.begin(&self.0.visitor, &self.0.headers, user, method).await
    }

    /// Ends the visitor's session, if there is one. Add the value to the answer as `Set-Cookie`. An operator who wears
    /// somebody's session is back in their own by it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_out(&self) -> Result<HeaderValue> {
        let unwritten = || Failure::internal("the session cookie cannot be written");
        if let Some(ended) = worn::take_off(&self.0.web, &self.0.visitor, &self.0.headers).await? {
            return ended.session.ok_or_else(unwritten);
        }
        if let (Some(session), Some(user)) = (self.session(), self.user()) {
            self.0.web.identity.revoke_session(session, user.id).await?;
        }
        self.0.web.cookies.clear_session().ok_or_else(unwritten)
    }

    /// Ends one session, whoever's it is, and what its person wears: the seed's `sign_out(session_id)`. Heard everywhere before
    /// this returns, and put on record. `false` when there is no such live session.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_out_session(&self, session: SessionId) -> Result<bool> {
        self.0.web.identity.end_session_by(session, By::Host).await
    }

    /// Changes an account. With `email_verified` everything in the account stays, a stranger's password and sessions
    /// included; the application must know that the owner of the address made the account.
    ///
    /// # Errors
    /// 404 when there is none; 409 when another has the address or the last administrator would go; a veto's refusal.
    pub async fn update(&self, user: UserId, changes: &UserChanges) -> Result<UserContext> {
        self.0.web.identity.change(user, changes).await
    }

    /// Gives an account these scopes and no others; it is put on record.
    ///
    /// # Errors
    /// 404 when there is no such account; 409 when the last administrator would go; a veto's refusal.
    pub async fn set_scopes(&self, user: UserId, scopes: ScopeSet) -> Result<()> {
        self.0.web.identity.set_scopes(user, scopes, By::Host).await
    }

    /// Deletes an account with everything that hangs on it; `false` when there was none. It is put on record.
    ///
    /// # Errors
    /// 409 when it is the last administrator's; a veto's refusal.
    pub async fn delete(&self, user: UserId) -> Result<bool> {
        self.0.web.identity.delete_by(user, By::Host).await
    }

    /// The live sessions of a person, the one used last first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_sessions(&self, user: UserId) -> Result<Vec<SessionInfo>> {
        self.0.web.identity.list_sessions(user).await
    }

    /// Removes the rows of sessions that are over, and says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cleanup(&self) -> Result<u64> {
        self.0.web.identity.cleanup().await
    }
}
