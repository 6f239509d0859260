//! Units that are set aside for a call: used when it has succeeded, given back otherwise.

use std::sync::Arc;

use belgie_api::db::Conn;
use belgie_api::ports::{Reservation, Usage};
use belgie_api::{Failure, MeteredId, Quota, Result, Timestamp, async_trait};

use super::reserve::usage;
use crate::model::meter::{Entry, Period};
use crate::service::Billing;
use crate::store::meter_calls::{self, OfPlan};

/// What is set aside for one call.
pub struct Held {
    billing: Arc<Billing>,
    entries: Vec<(Entry, Quota, Period)>,
    usages: Vec<Usage>,
    is_settled: bool,
}

impl Held {
    /// These, on these meters: from now on this process answers for them.
    #[must_use]
    pub fn begin(billing: Arc<Billing>, entries: Vec<(Entry, Quota, Period)>) -> Self {
        let now = billing.host.now();
        billing.running.all().extend(entries.iter().map(|(entry, _, _)| (entry.id, now)));
        let is_settled = entries.is_empty();
        Self { billing, entries, usages: Vec::new(), is_settled }
    }

    /// They are set aside.
    pub fn set(&mut self, usages: Vec<Usage>) {
        self.usages = usages;
    }

    /// Nothing is left to settle.
    pub fn forget(&mut self) {
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
        let (host, now) = (&self.billing.host, self.billing.host.now());
        let mut stands = Vec::with_capacity(self.entries.len());
        if let [(entry, _, _)] = self.entries.as_slice() {
            stands.push(commit(&mut host.db().single().await?, entry, now).await?);
        } else {
            let mut tx = host.db().begin().await?;
            for (entry, _, _) in &self.entries {
                stands.push(commit(&mut tx, entry, now).await?);
            }
            tx.commit(now).await?;
        }
        self.forget();
        let mut usages = Vec::with_capacity(self.entries.len());
        for ((entry, quota, period), of_plan) in self.entries.iter().zip(stands) {
            self.billing.alert(entry, (quota, period), of_plan).await;
            usages.push(usage(entry, quota, *period, of_plan.stand));
        }
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

/// Uses what is set aside for a call.
async fn commit(conn: &mut Conn, entry: &Entry, now: Timestamp) -> Result<OfPlan> {
    let of_plan = meter_calls::commit(conn, entry.id, now, now).await?;
    of_plan.ok_or_else(|| Failure::internal("the units of this call were given back while it ran"))
}

impl Billing {
    /// Gives units back. Those of a call that is over already stay as they are.
    pub(super) async fn release(&self, ids: &[MeteredId], note: &str) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut conn = self.host.db().single().await?;
        for id in ids {
            meter_calls::release(&mut conn, *id, self.host.now(), note).await?;
        }
        Ok(())
    }
}
