//! Forgetting what no longer matters.

use std::time::Duration;

use belgie_api::Result;

use super::OAuth;
use crate::store;

/// How often the tables are tidied.
pub const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// How often answers to refreshes are forgotten that are not to be given any more.
pub const FORGET_EVERY: Duration = Duration::from_secs(15);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long ended grants are remembered, so that a late replay is still recognised and a known client is not called new; and, once none is
/// left, clients that registered themselves and are given no other.
const ENDED_GRANT_AGE: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long assertions are remembered that are over here: another node, whose clock is behind, may still take them.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);

impl OAuth {
    /// Forgets registrations that nobody used for long, ended grants, and spent or expired secrets. A job and never a part
    /// of a request: a client that stopped waiting for its answer would present its spent refresh token again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self) -> Result<()> {
        self.tidy_keys().await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        // In the order in which everybody locks rows (the README has it).
        let (unused, idle) = (now.minus(self.settings.unused_client_ttl), now.minus(ENDED_GRANT_AGE));
        store::clients::purge(&mut tx, unused, idle).await?;
        store::secrets::forget_previous(&mut tx, now).await?;
        store::interactions::purge(&mut tx, now.minus(DAY)).await?;
        store::grants::purge(&mut tx, now.minus(ENDED_GRANT_AGE)).await?;
        store::consents::purge(&mut tx, now.minus(self.settings.grant_max_age)).await?;
        store::codes::purge(&mut tx, now.minus(DAY)).await?;
        store::devices::purge(&mut tx, now.minus(DAY)).await?;
        store::pushed::purge(&mut tx, now).await?;
        store::steps::purge(&mut tx, now).await?;
        store::tokens::purge_access(&mut tx, now.minus(DAY)).await?;
        store::client_tokens::purge(&mut tx, now.minus(DAY)).await?;
        store::assertions::purge(&mut tx, now.minus(CLOCKS_DIFFER)).await?;
        store::secrets::purge_attempts(&mut tx, now).await?;
        store::invitations::purge(&mut tx, now.minus(DAY)).await?;
        store::devices::purge_guesses(&mut tx, now).await?;
        tx.commit(now).await
    }
}
