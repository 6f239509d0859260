//! Units of calls for which nobody answers any more: their process has died, or cannot reach the database.

use std::time::Duration;

use belgie_api::ports::first_id_at;
use belgie_api::{MeteredId, Result, Timestamp};

use crate::model::meter::Place;
use crate::service::Billing;
use crate::store::meter_calls::{self, Gone, PURGED_AT_ONCE};
use crate::store::{meter_alerts, meter_usage};

/// How long counted calls are kept. What was used stays with the account until all of its period is older than that.
const KEPT_FOR: Duration = Duration::from_secs(400 * DAY);
/// A period is a year at most, as plans are paid.
const LONGEST_PERIOD: Duration = Duration::from_secs(366 * DAY);
/// What is noted to be told and never reached, after the end of its period.
const ALERTS_KEPT_FOR: Duration = Duration::from_secs(7 * DAY);
/// How often old calls are forgotten in a round at most, so that one round comes to its end.
const PURGES_A_ROUND: usize = 20;
const DAY: u64 = 24 * 60 * 60;

impl Billing {
    /// Says for which calls this process answers, gives back the units of those for which nobody does, and forgets those of
    /// long ago. What fails keeps nothing else from being done, and is done next time.
    ///
    /// # Errors
    /// When the database does not answer: what it said first.
    pub async fn look_after_leases(&self) -> Result<()> {
        let prolonged = self.prolong_leases().await;
        let released = self.release_orphans().await;
        let forgotten = self.forget_old_calls().await;
        prolonged.and(released).and(forgotten)
    }

    /// One by one: a call that ends locks rows in another order.
    async fn prolong_leases(&self) -> Result<()> {
        let (now, lease) = (self.host.now(), self.settings.lease());
        let is_old = |since: Timestamp| now.since(since) >= lease / 4;
        let older: Vec<_> = self.running.all().iter().filter(|(_, since)| is_old(**since)).map(|(id, _)| *id).collect();
        let mut all = Ok(());
        for id in older {
            let done = self.prolong(id, now.plus(lease)).await;
            if done.is_ok()
                && let Some(since) = self.running.all().get_mut(&id)
            {
                *since = now;
            }
            all = all.and(done);
        }
        all
    }

    async fn prolong(&self, id: MeteredId, until: Timestamp) -> Result<()> {
        let mut tx = self.host.db().begin().await?;
        meter_calls::prolong(&mut tx, id, until).await?;
        tx.commit(self.host.now()).await
    }

    async fn release_orphans(&self) -> Result<()> {
        loop {
            let orphans = meter_calls::orphans(&mut self.host.db().read().await?, self.host.now()).await?;
            if orphans.is_empty() {
                return Ok(());
            }
            let mut all = Ok(());
            // One by one: each locks what others are counted on.
            for id in &orphans {
                all = all.and(self.release(&[*id], "nobody answers for it").await);
            }
            all?;
        }
    }

    /// As many as there are, up to what a round may take: what is left comes with the next, a quarter of a lease later.
    async fn forget_old_calls(&self) -> Result<()> {
        for _ in 0..PURGES_A_ROUND {
            if self.forget_some_old_calls().await? < PURGED_AT_ONCE {
                break;
            }
        }
        Ok(())
    }

    /// In one transaction with what was used, so that the sum of the calls stays what is used.
    async fn forget_some_old_calls(&self) -> Result<usize> {
        let now = self.host.now();
        let before = now.minus(KEPT_FOR);
        let mut tx = self.host.db().begin().await?;
        let all = meter_calls::purge(&mut tx, first_id_at(before)).await?;
        let count = all.len();
        for gone in all {
            if gone.committed_at.is_some() {
                let Gone { subject, meter, period_start, units, .. } = gone;
                meter_usage::forget(&mut tx, &Place { subject, meter, period_start }, units).await?;
            }
        }
        meter_usage::purge(&mut tx, before.minus(LONGEST_PERIOD)).await?;
        meter_alerts::purge(&mut tx, before.minus(LONGEST_PERIOD), now.minus(ALERTS_KEPT_FOR)).await?;
        tx.commit(now).await?;
        Ok(count)
    }
}
