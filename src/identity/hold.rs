//! Looking again, in the transaction of an act, at what the act relies on. Between the moment a request is let in and the
//! moment it writes lie seconds, of hashing or of asking a provider. Whatever ended in between must not be done any more.

use async_trait::async_trait;
use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::Ground;
use belgie_api::{Caller, Failure, Result, SessionId, UserId};

use super::accounts::Identity;
use crate::store::users::lock;
use crate::store::{sessions, users};

/// What somebody is told whose session ended while they asked.
fn signed_out() -> Failure {
    Failure::forbidden("session.ended", "You were signed out in the meantime. Nothing was changed.")
        .hint("Sign in again.")
}

/// What somebody is told whose proof is none any more.
pub(super) fn outdated() -> Failure {
    Failure::forbidden("sign_in.outdated", "What you signed in with was changed in the meantime.")
        .hint("Sign in again with what is good now.")
}

impl Identity {
    /// Holds a person and one of their sessions until the transaction ends; `false` when the session is over or somebody
    /// else's. Whoever ends it waits for this transaction, or has ended it before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hold_session(&self, tx: &mut Tx, session: SessionId, user: UserId) -> Result<bool> {
        Ok(lock::lock(tx, user).await?.is_some() && sessions::hold(tx, session, user).await?)
    }

    /// Holds whoever acts, with the session they act in.
    ///
    /// # Errors
    /// 403 when the account or the session is gone.
    pub async fn hold_caller(&self, tx: &mut Tx, caller: &Caller) -> Result<()> {
        let user = caller.user().id;
        let is_there = match caller.session() {
            Some(session) => self.hold_session(tx, session, user).await?,
            None => lock::lock(tx, user).await?.is_some(),
        };
        if is_there { Ok(()) } else { Err(signed_out()) }
    }
}

/// The address a person proved to read is the one of the account.
pub struct SameAddress<'a>(pub &'a UserContext);

#[async_trait]
impl Ground for SameAddress<'_> {
    async fn stands(&self, _tx: &mut Tx, user: &UserContext) -> Result<bool> {
        Ok(self.0.email == user.email)
    }
}

/// Somebody who named the password of an account. As a ground it stands while address and password are the same.
pub struct PasswordProof {
    /// The person.
    pub user: UserContext,
    pub(super) hash: Option<String>,
}

#[async_trait]
impl Ground for PasswordProof {
    async fn stands(&self, tx: &mut Tx, user: &UserContext) -> Result<bool> {
        let row = users::find(tx, user.id).await?;
        let is_same = |hash: &Option<String>| hash.is_some() && *hash == self.hash;
        Ok(self.user.email == user.email && row.is_some_and(|row| is_same(&row.password_hash)))
    }
}
