//! Units of calls for which nobody answers any more: their process has died, or cannot reach the database.

use std::time::Duration;

use belgie_api::Result;
use belgie_api::ports::first_id_at;

use crate::model::meter::Place;
use crate::service::Billing;
use crate::store::meter_calls::{self, Gone};
use crate::store::{meter_alerts, meter_usage};

/// How long counted calls are kept. What was used stays with the account until all of its period is older than that.
const KEPT_FOR: Duration = Duration::from_secs(400 * DAY);
/// A period is a year at most, as plans are paid.
const LONGEST_PERIOD: Duration = Duration::from_secs(366 * DAY);
/// What is noted to be told and never reached, after the end of its period.
const ALERTS_KEPT_FOR: Duration = Duration::from_secs(7 * DAY);
const DAY: u64 = 24 * 60 * 60;

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
        // One by one: a call that ends locks rows in another order.
        for id in older {
            let mut tx = self.host.db().begin().await?;
            meter_calls::prolong(&mut tx, id, now.plus(lease)).await?;
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
        self.forget_old_calls().await
    }

    /// In one transaction with what was used, so that the sum of the calls stays what is used.
    async fn forget_old_calls(&self) -> Result<()> {
        let now = self.host.now();
        let before = now.minus(KEPT_FOR);
        let mut tx = self.host.db().begin().await?;
        for gone in meter_calls::purge(&mut tx, first_id_at(before)).await? {
            if gone.committed_at.is_some() {
                let Gone { subject, meter, period_start, units, .. } = gone;
                meter_usage::forget(&mut tx, &Place { subject, meter, period_start }, units).await?;
            }
        }
        meter_usage::purge(&mut tx, before.minus(LONGEST_PERIOD)).await?;
        meter_alerts::purge(&mut tx, before.minus(LONGEST_PERIOD), now.minus(ALERTS_KEPT_FOR)).await?;
        tx.commit(now).await
    }
}
