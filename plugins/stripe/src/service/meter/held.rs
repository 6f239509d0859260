//! Units that are set aside for a call: used when it has succeeded, given back otherwise.

use std::sync::Arc;

use belgie_api::db::Tx;
use belgie_api::ports::{AuditEntry, Level, Reservation, Usage};
use belgie_api::{Event, Failure, MeteredId, Quota, Result, async_trait};
use serde_json::json;

use super::reserve::{unsigned, usage};
use crate::model::meter::{Entry, Period, reached, read_levels, word};
use crate::model::subject;
use crate::service::Billing;
use crate::store::meter_usage::Stand;
use crate::store::{meter_calls, meter_usage};

/// What is set aside for one call.
pub struct Held {
    billing: Arc<Billing>,
    entries: Vec<(Entry, Quota, Period)>,
    usages: Vec<Usage>,
    is_settled: bool,
}

impl Held {
    /// These, on these meters.
    #[must_use]
    pub fn new(billing: Arc<Billing>, entries: Vec<(Entry, Quota, Period)>, usages: Vec<Usage>) -> Self {
        let is_settled = entries.is_empty();
        Self { billing, entries, usages, is_settled }
    }

    fn forget(&mut self) {
        self.is_settled = true;
        let mut running = self.billing.running.all();
        for (entry, _, _) in &self.entries {
            running.remove(&entry.id);
        }
    }

    fn ids(&self) -> Vec<MeteredId> {
        self.entries.iter().map(|(entry, _, _)| entry.id).collect()
    }
}

#[async_trait]
impl Reservation for Held {
    fn usages(&self) -> &[Usage] {
        &self.usages
    }

    async fn commit(mut self: Box<Self>) -> Result<Vec<Usage>> {
        if self.entries.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.billing.host.now();
        let mut tx = self.billing.host.db().begin().await?;
        let mut usages = Vec::with_capacity(self.entries.len());
        for (entry, quota, period) in &self.entries {
            if !meter_calls::commit(&mut tx, entry.id, now, now).await? {
                return Err(Failure::internal("the units of this call were given back while it ran"));
            }
            let mut of_plan = Stand::default();
            for share in &entry.shares {
                let key = (word(share.level), share.id.as_str());
                let settled = meter_usage::settle(&mut tx, &entry.place, key, entry.units, entry.units).await?;
                let stand = settled.ok_or_else(|| Failure::internal("a share that is not there"))?;
                if share.level == Level::Plan {
                    of_plan = stand;
                }
            }
            let after = unsigned(of_plan.used);
            for percent in reached(quota, after.saturating_sub(unsigned(entry.units)), after) {
                self.billing.alert(&mut tx, entry, percent, (after, quota.included)).await?;
            }
            usages.push(usage(entry, quota, *period, of_plan));
        }
        tx.commit(now).await?;
        self.forget();
        Ok(usages)
    }

    async fn release(mut self: Box<Self>) -> Result<()> {
        self.billing.release(&self.ids(), "failed").await?;
        self.forget();
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let ids = self.ids();
        self.forget();
        let billing = Arc::clone(&self.billing);
        let host = billing.host.clone();
        host.on_the_side("stripe.meter.release", async move { billing.release(&ids, "cut off").await });
    }
}

impl Billing {
    /// Gives units back. Those of a call that is over already stay as they are.
    pub(super) async fn release(&self, ids: &[MeteredId], note: &str) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        for id in ids {
            let Some(call) = meter_calls::release(&mut tx, *id, now, note).await? else { continue };
            for (level, of) in read_levels(&call.levels)? {
                meter_usage::settle(&mut tx, &call.place(), (&level, &of), call.units, 0).await?;
            }
        }
        tx.commit(now).await
    }

    /// Says that a part of what is included is used: to whoever listens, on record and in the log.
    async fn alert(&self, tx: &mut Tx, entry: &Entry, percent: u16, (used, included): (u64, u64)) -> Result<()> {
        let subject = entry.place.subject.subject()?;
        let meter = entry.place.meter.clone();
        let details = json!({ "meter": meter, "percent": percent, "used": used, "included": included });
        let record = AuditEntry::done("quota.reached")
            .to(subject::shown(&subject))
            .within(subject::organization(&subject))
            .with(details);
        self.host.audit().record(tx, &record).await?;
        tracing::info!(billing.account = %subject::shown(&subject), meter.name = %meter, meter.percent = percent, "a quota is reached");
        tx.emit(Event::QuotaReached { subject, meter, percent });
        Ok(())
    }
}
