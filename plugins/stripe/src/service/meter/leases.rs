//! Units of calls for which nobody answers any more: their process has died, or cannot reach the database.

use std::time::Duration;

use belgie_api::Result;
use belgie_api::ports::first_id_at;

use crate::service::Billing;
use crate::store::meter_calls;

/// How long counted calls are kept. What was used stays with the account.
const KEPT_FOR: Duration = Duration::from_secs(400 * 24 * 60 * 60);

impl Billing {
    /// Says for which calls this process answers, gives back the units of those for which nobody does, and forgets those of
    /// long ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_after_leases(&self) -> Result<()> {
        let (now, lease) = (self.host.now(), self.settings.lease());
        let older: Vec<_> = self
            .running
            .all()
            .iter_mut()
            .filter(|(_, since)| now.since(**since) >= lease / 4)
            .map(|(id, since)| {
                *since = now;
                *id
            })
            .collect();
        if !older.is_empty() {
            let mut tx = self.host.db().begin().await?;
            for id in older {
                meter_calls::prolong(&mut tx, id, now.plus(lease)).await?;
            }
            tx.commit(now).await?;
        }
        loop {
            let orphans = meter_calls::orphans(&mut self.host.db().read().await?, self.host.now()).await?;
            if orphans.is_empty() {
                break;
            }
            // One by one: each locks what others are counted on.
            for id in &orphans {
                self.release(&[*id], "nobody answers for it").await?;
            }
        }
        let mut tx = self.host.db().begin().await?;
        meter_calls::purge(&mut tx, first_id_at(now.minus(KEPT_FOR))).await?;
        tx.commit(now).await
    }
}
