//! Forgetting what no longer matters.

use std::sync::atomic::Ordering;
use std::time::Duration;

use belgie_api::Result;

use super::OAuth;
use crate::store;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a client that registered itself may stay without a grant; agents register anew at every login.
pub const UNUSED_CLIENT_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long ended grants are remembered, so that a late replay is still recognised and a known client is not called new.
const ENDED_GRANT_AGE: Duration = Duration::from_secs(90 * 24 * 3600);

const INTERVAL_SECONDS: i64 = 3600;

impl OAuth {
    /// Forgets registrations that were never used for this long, ended grants, and spent or expired secrets; how many
    /// registrations went.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self, unused_client_age: Duration) -> Result<usize> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::interactions::purge(&mut tx, now.minus(DAY)).await?;
        store::tokens::purge_access(&mut tx, now.minus(DAY)).await?;
        store::grants::purge(&mut tx, now.minus(ENDED_GRANT_AGE)).await?;
        store::codes::purge(&mut tx, now.minus(DAY)).await?;
        let clients = store::clients::purge(&mut tx, now.minus(unused_client_age)).await?;
        tx.commit(now).await?;
        Ok(clients)
    }

    /// Tidies at most once an hour, after a request has done its work. A failure is only noted: the next hour tries
    /// again.
    pub(super) async fn tidy_sometimes(&self) {
        let (now, last) = (self.host.now().unix_seconds(), self.tidied_at.load(Ordering::Relaxed));
        let is_due = now.saturating_sub(last) >= INTERVAL_SECONDS;
        // One request of many goes.
        if !is_due || self.tidied_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        if let Err(failure) = self.purge(UNUSED_CLIENT_AGE).await {
            tracing::warn!(error = ?failure, "the tables of the authorization server could not be tidied");
        }
    }
}
