//! People as operators and applications look for them.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::{Accounts, NewUser, UserChanges};
use belgie_api::{Caller, Failure, Result, UserId};

use super::accounts::{Identity, context};
use super::operate::unknown;
use super::sessions::closed;
use super::setup::ADMIN;
use crate::store::audit::{self, AuditRow};
use crate::store::sessions;
use crate::store::users::search::{self, Figures};
use crate::store::users::{self, UserRow};

/// How many people one page shows.
pub const PAGE: usize = 50;
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

    /// A page of people whose address or name begins with a text, behind an address, and whether there are more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search(&self, prefix: &str, after: &str) -> Result<(Vec<UserRow>, bool)> {
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let mut rows = search::search(&mut self.db.read().await?, prefix, after, limit).await?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        Ok((rows, has_more))
    }

    /// An account as callers show it.
    #[must_use]
    pub fn describe(row: UserRow) -> UserContext {
        context(row)
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

    /// The latest acts on record, the last one first: all of them, or those by and to a person.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn acts(&self, about: Option<UserId>, limit: u32) -> Result<Vec<AuditRow>> {
        let mut conn = self.db.read().await?;
        match about {
            Some(user) => audit::about(&mut conn, user, limit.into()).await,
            None => audit::latest(&mut conn, limit.into()).await,
        }
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
        self.find_by_email(&user.email).await?.map(|found| (found, false)).ok_or_else(closed)
    }

    /// Changes an account, once every veto has agreed; observers hear of it.
    ///
    /// # Errors
    /// 404 when there is none; 409 when another has the address or the last operator would go; a veto's refusal.
    pub async fn change(&self, user: UserId, changes: &UserChanges) -> Result<UserContext> {
        self.change_in(self.db.begin().await?, user, changes).await
    }

    /// As [`change`](Self::change), by the person: the session must not have ended since the request came.
    ///
    /// # Errors
    /// When it has; or as `change`.
    pub async fn change_own(&self, caller: &Caller, changes: &UserChanges) -> Result<UserContext> {
        let mut tx = self.db.begin().await?;
        self.hold_caller(&mut tx, caller).await?;
        self.change_in(tx, caller.user().id, changes).await
    }

    async fn change_in(&self, mut tx: Tx, user: UserId, changes: &UserChanges) -> Result<UserContext> {
        let Some(row) = users::find(&mut tx, user).await? else { return Err(unknown()) };
        let changed = Accounts::update(self, &mut tx, row.id, changes).await?;
        let changed = changed
            .ok_or_else(|| Failure::conflict("user.email_taken", "There is an account for this address already."))?;
        tx.commit(self.clock.now()).await?;
        Ok(changed)
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
