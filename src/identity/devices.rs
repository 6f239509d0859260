//! What browsers an account was signed in to in are to it.

use std::time::Duration;

use belgie_api::{Result, Timestamp};
use serde_json::json;

use super::accounts::Identity;
use super::device_name::device_name;
use super::notes::when;
use crate::mail::Letter;
use crate::store::sessions::SessionRow;
use crate::store::users::{self, UserRow};

/// Whoever made the account a moment ago knows of the sign-in.
const NEW_ACCOUNT: Duration = Duration::from_mins(10);

impl Identity {
    /// Whether a browser that was signed in to the account of this address at a moment still counts as one of its owner: not
    /// when somebody has been put out of the account since, and it may be theirs.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trusts_device(&self, email: &str, since: Timestamp) -> Result<bool> {
        let row = users::find_by_email(&mut self.db.read().await?, email).await?;
        Ok(row.is_some_and(|row| row.trusts_what_is_of(since)))
    }

    /// Tells a person by mail of a session begun in a browser that was not used before, unless the account is new.
    /// `known_since`: when the browser was last signed in to by whoever has this address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn greet_device(
        &self,
        session: &SessionRow,
        known_since: impl FnOnce(&str) -> Option<Timestamp>,
    ) -> Result<()> {
        let now = self.clock.now();
        if !(self.rules.notifies_of_new_devices && self.post.is_available()) {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        let row = users::find(&mut tx, session.user_id).await?;
        let is_news = |row: &UserRow| {
            row.email_verified_at.is_some()
                && now.since(row.created_at) > NEW_ACCOUNT
                && !known_since(&row.email).is_some_and(|since| row.trusts_what_is_of(since))
        };
        let Some(row) = row.filter(is_news) else { return Ok(()) };
        let letter = Letter {
            template: "notice",
            kind: "new_device",
            name: &row.name,
            path: None,
            facts: json!({ "when": when(now), "device": device_name(&session.user_agent), "ip": session.ip }),
        };
        self.post.send(&mut tx, &row.email, &letter).await?;
        tx.commit(now).await
    }
}
