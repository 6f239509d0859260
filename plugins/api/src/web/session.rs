//! The current session, for pages and for handlers of applications.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::{SignedIn, Visitor, extension};
use crate::context::UserContext;
use crate::failure::{Failure, Result};
use crate::id::SessionId;
use crate::principal::Presence;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// The browser session of a signed-in person; strangers are answered as [`SignedIn`] answers them.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserContext,
    /// How and when the person proved to be there, and whether an operator wears the session.
    pub presence: Presence,
    /// When it ends unless it is prolonged.
    pub expires_at: Timestamp,
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let SignedIn { caller, .. } = <SignedIn as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let principal = caller.principal();
        let (Some(id), Some(presence)) = (principal.session(), principal.presence()) else {
            return Err(Failure::internal("a person in a room for browsers has no session").into_response());
        };
        let (user, presence) = (principal.user().clone(), presence.clone());
        Ok(Self { id, user, presence, expires_at: principal.expires_at() })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Failure> {
        let visitor: Visitor = extension(parts)?;
        Ok(visitor.caller.clone().map(|caller| Self { caller, visitor }))
    }
}

impl SignedIn {
    /// Asks that the account holds all of these scopes.
    ///
    /// # Errors
    /// 403 that names every scope that is missing, in one sentence.
    pub fn require(&self, scopes: &ScopeSet) -> Result<()> {
        let missing = self.caller.user().scopes.missing(scopes);
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::forbidden("access.scope_missing", format!("Your account lacks: {missing}."))
            .hint("An administrator can grant it."))
    }
}
