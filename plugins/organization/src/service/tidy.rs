//! Forgetting what no longer matters.

use std::time::Duration;

use belgie_api::Result;

use super::Organizations;
use crate::store;

/// How often the tables are tidied.
pub const TIDY_EVERY: Duration = Duration::from_secs(6 * 3600);

/// How long a deleted organization can be brought back by whoever runs the database, and how long it is remembered how an
/// invitation ended.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

impl Organizations {
    /// Forgets organizations that were deleted, services that ended, and invitations whose time was over, a month ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::organizations::purge(&mut tx, now.minus(REMEMBERED)).await?;
        store::services::purge(&mut tx, now.minus(REMEMBERED)).await?;
        store::invitations::purge(&mut tx, now.minus(REMEMBERED)).await?;
        tx.commit(now).await
    }
}
