//! How long news are kept.

use std::time::Duration;

use belgie_api::Result;
use belgie_api::db::{Tx, last_event_before, purge_events};

use super::accounts::Identity;
use crate::store::observers;

/// News older than this are not kept for observers that are behind.
const KEPT_FOR_OBSERVERS: Duration = Duration::from_hours(7 * 24);
/// Every process has heard them by then.
const KEPT_FOR_PROCESSES: Duration = Duration::from_hours(1);

impl Identity {
    /// Forgets news everybody has heard. An observer that is behind for too long loses what it did not hear, and the log
    /// says so.
    pub(super) async fn purge_news(&self, tx: &mut Tx) -> Result<()> {
        let now = self.clock.now();
        let lost = last_event_before(tx, now.minus(KEPT_FOR_OBSERVERS)).await?;
        for name in observers::skip(tx, lost).await? {
            tracing::error!(
                observer = name,
                "an observer is more than seven days behind: it will not hear what is older. If nothing observes under \
                 this name any more, delete its row of core_observers"
            );
        }
        let up_to = observers::slowest(tx).await?.unwrap_or(i64::MAX);
        purge_events(tx, now.minus(KEPT_FOR_PROCESSES), up_to).await
    }
}
