//! People as operators and applications look for them.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::{Accounts, AuditEntry, NewUser, UserChanges};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure, Result, UserId};

use super::accounts::{Identity, context};
use super::operate::unknown;
use super::sessions::{closed, suspended};
use super::setup::ADMIN;
use crate::store::sessions;
use crate::store::users::search::{self, Figures};
use crate::store::users::{self, UserRow};

const NEW_WITHIN: Duration = Duration::from_hours(7 * 24);

/// What operators see first.
#[derive(Clone, Copy, Debug)]
pub struct Overview {
    /// Accounts; `new` are those of the last seven days, `holders` the operators.
    pub people: Figures,
    /// Live browser sessions.
    pub sessions: i64,
}

impl Identity {
    /// The figures operators see first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn overview(&self) -> Result<Overview> {
        let now = self.clock.now();
        let mut conn = self.db.read().await?;
        let people = search::figures(&mut conn, ADMIN, now.minus(NEW_WITHIN), now).await?;
        Ok(Overview { people, sessions: sessions::count(&mut conn, now).await? })
    }

    /// Everything about an account, banned or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn row(&self, user: UserId) -> Result<Option<UserRow>> {
        users::find(&mut self.db.read().await?, user).await
    }

    /// Everything about the account of an address, banned or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn row_by_email(&self, email: &str) -> Result<Option<UserRow>> {
        users::find_by_email(&mut self.db.read().await?, email).await
    }

    /// The account of an address, made if there is none; says whether it was.
    ///
    /// # Errors
    /// 403 when the account is banned; when the address is none or a veto refuses.
    pub async fn get_or_create(&self, user: &NewUser, method: &str) -> Result<(UserContext, bool)> {
        if let Some(found) = self.find_by_email(&user.email).await? {
            return Ok((found, false));
        }
        let mut tx = self.db.begin().await?;
        if let Some(made) = Accounts::create(self, &mut tx, user, method).await? {
            tx.commit(self.clock.now()).await?;
            return Ok((made, true));
        }
        // Somebody was faster, or is banned.
        drop(tx);
        let row = self.row_by_email(&user.email).await?.ok_or_else(closed)?;
        if row.is_banned(self.clock.now()) {
            return Err(suspended(&row));
        }
        Ok((context(row), false))
    }

    /// Changes an account, once every veto has agreed; observers hear of it.
    ///
    /// # Errors
    /// 404 when there is none; 409 when another has the address or the last operator would go; a veto's refusal.
    pub async fn change(&self, user: UserId, changes: &UserChanges) -> Result<UserContext> {
        let mut tx = self.db.begin().await?;
        let changed = self.change_in(&mut tx, user, changes).await?;
        tx.commit(self.clock.now()).await?;
        Ok(changed)
    }

    /// As [`change`](Self::change), by the person: the session must not have ended since the request came.
    ///
    /// # Errors
    /// When it has; or as `change`.
    pub async fn change_own(&self, caller: &Caller, info: &RequestInfo, changes: &UserChanges) -> Result<UserContext> {
        let user = caller.user().id;
        let mut tx = self.db.begin().await?;
        self.hold_caller(&mut tx, caller).await?;
        let changed = self.change_in(&mut tx, user, changes).await?;
        let entry = AuditEntry::done("profile.changed").by(caller).during(info).to(user);
        self.record(&mut tx, &entry).await?;
        tx.commit(self.clock.now()).await?;
        Ok(changed)
    }

    async fn change_in(&self, tx: &mut Tx, user: UserId, changes: &UserChanges) -> Result<UserContext> {
        let Some(row) = users::find(tx, user).await? else { return Err(unknown()) };
        Accounts::update(self, tx, row.id, changes)
            .await?
            .ok_or_else(|| Failure::conflict("user.email_taken", "There is an account for this address already."))
    }

    /// Removes the rows of sessions that are over, and says how many. The gateway does so by itself, a day later.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cleanup(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let count = sessions::purge(&mut tx, now).await?;
        tx.commit(now).await?;
        Ok(count)
    }
}
