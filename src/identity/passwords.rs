//! The password of somebody who is there: another, a first, or none.

use belgie_api::db::Tx;
use belgie_api::ports::{Audit, AuditEntry};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure, Result, Timestamp};
use serde_json::json;

use super::accounts::Identity;
use super::notes::when;
use crate::mail::Letter;
use crate::store::{sessions, users};

/// What follows upon another password.
#[derive(Clone, Copy, Debug)]
pub struct Then {
    /// Whether every other session ends, and no browser counts as known any more.
    pub ends_others: bool,
    /// Whether the person gets a letter.
    pub tells: bool,
}

/// What came of another password.
#[derive(Debug)]
pub enum Replaced {
    /// It is the password since this moment.
    Done(Timestamp),
    /// It will not do, for this reason.
    Problem(String),
}

/// Refused: it would be the last way into the account.
pub(super) fn last_way_in() -> Failure {
    Failure::conflict("account.last_way_in", "This is the only way into your account.")
        .hint("Add another way to sign in first.")
}

impl Identity {
    /// Sets the password of somebody who proved to be there.
    ///
    /// # Errors
    /// 403 when the session has ended in the meantime, or when the database does not answer.
    pub async fn set_password(
        &self,
        caller: &Caller,
        info: &RequestInfo,
        password: String,
        then: Then,
    ) -> Result<Replaced> {
        let user = caller.user();
        if let Some(problem) = self.password_problem(&password, &user.email).await? {
            return Ok(Replaced::Problem(problem));
        }
        let hash = self.hasher.hash(password).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        self.hold_caller(&mut tx, caller).await?;
        users::set_password(&mut tx, user.id, Some(&hash), now).await?;
        if then.ends_others {
            users::note_secured(&mut tx, user.id, now).await?;
        }
        if then.ends_others
            && let Some(session) = caller.session()
        {
            let ended = sessions::revoke_others(&mut tx, user.id, session, now).await?;
            self.tell_of_ended(&mut tx, &ended).await?;
        }
        self.tell_of_password(&mut tx, caller, info, ("password_changed", "password.changed"), then.tells).await?;
        tx.commit(now).await?;
        Ok(Replaced::Done(now))
    }

    /// Removes the password, unless it is the last way in. `tells`: whether the person gets a letter.
    ///
    /// # Errors
    /// When it is, the session has ended in the meantime, or the database does not answer.
    pub async fn remove_password(&self, caller: &Caller, info: &RequestInfo, tells: bool) -> Result<()> {
        let user = caller.user().id;
        let mut tx = self.db.begin().await?;
        // Whoever takes another way in away holds the account, too: what is counted now stays until this is done.
        self.hold_caller(&mut tx, caller).await?;
        if self.count_ways_in(&mut tx, user).await? < 2 {
            return Err(last_way_in());
        }
        users::set_password(&mut tx, user, None, self.clock.now()).await?;
        self.tell_of_password(&mut tx, caller, info, ("password_removed", "password.removed"), tells).await?;
        tx.commit(self.clock.now()).await
    }

    async fn tell_of_password(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        info: &RequestInfo,
        (kind, action): (&'static str, &'static str),
        tells: bool,
    ) -> Result<()> {
        let user = caller.user();
        let letter = Letter {
            template: "notice",
            kind,
            name: if user.email_verified { &user.name } else { "" },
            path: None,
            facts: json!({ "when": when(self.clock.now()), "device": "", "ip": info.ip }),
        };
        if tells {
            self.post.send_if_possible(tx, &user.email, &letter).await?;
        }
        let entry = AuditEntry { action, outcome: "done", ..AuditEntry::default() };
        self.audit.record(tx, &entry.by(caller).during(info).to(user.id)).await
    }

    /// Whether the password of this person is the right one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_password_of(&self, caller: &Caller, password: String) -> Result<bool> {
        let found = self.check_password(&caller.user().email, password).await?;
        Ok(found.is_some_and(|proof| proof.user.id == caller.user().id))
    }
}
