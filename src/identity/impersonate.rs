//! Wearing somebody's session, to see what they see: short, never prolonged, never fresh, on record from begin to end.

use std::time::Duration;

use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::Act;
use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Event, Failure, Result, SessionId, Timestamp, TokenKind, UserId};
use serde_json::json;

use super::accounts::{Identity, context};
use super::operate::{By, unknown};
use super::sessions::{Started, closed, shorten_user_agent};
use super::setup::ADMIN;
use crate::store::sessions::{self, Ended, SessionRow};
use crate::store::users;
use crate::store::users::lock::lock;

/// How long an operator may wear somebody's session.
const LIFETIME: Duration = Duration::from_hours(1);
/// How a worn session began.
const METHOD: &str = "impersonation";

fn refused() -> Failure {
    Failure::forbidden("admin.not_this_one", "Nobody can be seen as this person.")
        .hint("Other administrators, and you yourself, are not to be impersonated.")
}

impl Identity {
    /// Begins a session of somebody that an operator wears, once every veto has agreed.
    ///
    /// # Errors
    /// 404 when there is no such account; 403 when it is the operator's own, another operator's or banned, when the caller
    /// is no operator any more, was signed out in the meantime or wears a session already, or when a veto refuses.
    pub async fn impersonate(
        &self,
        user: UserId,
        caller: &Caller,
        info: &RequestInfo,
        user_agent: &str,
    ) -> Result<Started> {
        let (now, operator) = (self.clock.now(), caller.user().id);
        let mut tx = self.db.begin().await?;
        let is_worn = caller.principal().presence().is_none_or(|presence| presence.impersonator.is_some());
        // Looked at before anybody is held: two operators who try each other would wait in a circle.
        let is_one_of_us = users::find(&mut tx, user).await?.is_some_and(|row| row.scopes.has_named(ADMIN));
        if is_worn || operator == user || is_one_of_us {
            return Err(refused());
        }
        // Whoever ends the session of an operator ends what is worn in it: so it must be there until the worn one is.
        self.hold_caller(&mut tx, caller).await?;
        if !self.is_operator(&mut tx, operator, now).await? {
            return Err(refused());
        }
        let row = lock(&mut tx, user).await?.ok_or_else(unknown)?;
        if row.is_banned(now) {
            return Err(closed());
        }
        if row.scopes.has_named(ADMIN) {
            return Err(refused());
        }
        self.veto(&mut tx, Act::SignIn { user: &context(row), method: METHOD }).await?;
        let token = TokenKind::Session.mint(self.entropy.as_ref());
        let session = SessionRow {
            id: SessionId::new(self.clock.as_ref(), self.entropy.as_ref()),
            user_id: user,
            created_at: now,
            renewed_at: now,
            expires_at: now.plus(LIFETIME),
            last_seen_at: now,
            ip: info.ip.to_string(),
            user_agent: shorten_user_agent(user_agent),
            authenticated_at: Timestamp::EPOCH,
            method: METHOD.to_owned(),
            impersonator_id: Some(operator),
        };
        sessions::insert(&mut tx, &session, token.hash()).await?;
        let entry = By::Operator(caller, info).entry("impersonation.began").to(user);
        self.record(&mut tx, &entry.with(json!({ "session": session.id }))).await?;
        tx.commit(now).await?;
        Ok(Started { session, token })
    }

    /// Tells of sessions that were ended, whichever way: to whoever listens, and on record where an operator wore them.
    pub(super) async fn tell_of_ended(&self, tx: &mut Tx, all: &[Ended]) -> Result<()> {
        for ended in all {
            tx.emit(Event::SessionRevoked { session: ended.id });
            // One that is over already has ended by itself.
            if let Some(operator) = ended.impersonator_id.filter(|_| ended.expires_at > self.clock.now()) {
                let entry = AuditEntry { actor: Some(operator), ..AuditEntry::done("impersonation.ended") };
                self.record(tx, &entry.to(ended.user_id).with(json!({ "session": ended.id }))).await?;
            }
        }
        Ok(())
    }

    /// Whether an account is an operator's who can sign in.
    pub(super) async fn is_operator(&self, conn: &mut Conn, user: UserId, now: Timestamp) -> Result<bool> {
        let row = users::find(conn, user).await?;
        Ok(row.is_some_and(|row| row.scopes.has_named(ADMIN) && !row.is_banned(now)))
    }
}
