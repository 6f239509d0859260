//! Units that are set aside for a call: used when it has succeeded, given back otherwise.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use belgie_api::db::Conn;
use belgie_api::ports::{Reservation, Uncommitted, Usage};
use belgie_api::{Caller, Failure, MeteredId, Result, Timestamp, async_trait};

use super::reserve::Wanted;
use crate::model::meter::{Entry, unsigned};
use crate::service::Billing;
use crate::store::meter_calls;
use crate::store::meter_usage::Stand;

/// How long is waited before the database is asked again whether a call is charged.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// A meter of a call whose units are set aside.
pub struct Aside {
    entry: Entry,
    included: u64,
    resets_at: Timestamp,
}

impl Aside {
    /// What is wanted of it.
    pub(super) fn of(wanted: &Wanted<'_>) -> Self {
        let Wanted { entry, quota, period, .. } = wanted;
        Self { entry: entry.clone(), included: quota.included, resets_at: period.end }
    }

    /// How it stands when the share of the plan stands like this.
    fn usage(&self, stand: Stand) -> Usage {
        let used = unsigned(stand.used + stand.reserved);
        Usage {
            meter: self.entry.place.meter.clone(),
            id: self.entry.id,
            units: unsigned(self.entry.units),
            used,
            included: self.included,
            remaining: self.included.saturating_sub(used),
            resets_at: self.resets_at,
        }
    }
}

/// What is set aside for one call.
pub struct Held {
    billing: Arc<Billing>,
    caller: Caller,
    name: String,
    entries: Vec<Aside>,
    usages: Vec<Usage>,
    stage: Stage,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Somebody may still be setting it aside.
    Begun,
    /// It is set aside.
    Set,
    /// Nothing is left to settle.
    Settled,
}

impl Held {
    /// These, on these meters: from now on this process answers for them. `name`: what is called.
    #[must_use]
    pub fn begin(billing: Arc<Billing>, (caller, name): (&Caller, &str), entries: Vec<Aside>) -> Self {
        let now = billing.host.now();
        billing.running.all().extend(entries.iter().map(|own| (own.entry.id, now)));
        let stage = if entries.is_empty() { Stage::Settled } else { Stage::Begun };
        Self { billing, caller: caller.clone(), name: name.to_owned(), entries, usages: Vec::new(), stage }
    }

    /// They are set aside; how the shares of the plan stand with them.
    pub fn set(&mut self, stands: impl Iterator<Item = Stand>) {
        self.stage = Stage::Set;
        self.usages = self.entries.iter().zip(stands).map(|(own, stand)| own.usage(stand)).collect();
    }

    /// Nothing is left to settle.
    pub fn forget(&mut self) {
        self.stage = Stage::Settled;
        let mut running = self.billing.running.all();
        for own in &self.entries {
            running.remove(&own.entry.id);
        }
    }

    fn ids(&self) -> Vec<MeteredId> {
        self.entries.iter().map(|own| own.entry.id).collect()
    }

    /// Uses what is set aside, of all meters or of none.
    async fn use_up(&self) -> Result<Vec<Stand>> {
        let (host, now) = (&self.billing.host, self.billing.host.now());
        if let [own] = self.entries.as_slice() {
            return Ok(vec![commit(&mut host.db().single().await?, &own.entry, now).await?]);
        }
        let mut stands = Vec::with_capacity(self.entries.len());
        let mut tx = host.db().begin().await?;
        for own in &self.entries {
            stands.push(commit(&mut tx, &own.entry, now).await?);
        }
        tx.commit(now).await?;
        Ok(stands)
    }

    /// Whether it is used after all: a connection that broke may have done so after the database had written it down. What is not
    /// used is given back first, so that nothing that is still on its way can use it any more. `None` when it is given back.
    async fn find_out(&self) -> Result<Option<Vec<Stand>>> {
        let mut pauses = ASK_AGAIN_AFTER.into_iter();
        loop {
            let said = self.ask().await;
            match pauses.next() {
                Some(pause) if said.is_err() => tokio::time::sleep(pause).await,
                _ => return said,
            }
        }
    }

    async fn ask(&self) -> Result<Option<Vec<Stand>>> {
        self.billing.release(&self.ids(), "not written down as used").await?;
        let mut conn = self.billing.host.db().read().await?;
        let mut stands = Some(Vec::with_capacity(self.entries.len()));
        for own in &self.entries {
            let stand = meter_calls::find_committed(&mut conn, own.entry.id).await?;
            stands = stands.zip(stand).map(|(mut stands, stand)| {
                stands.push(stand);
                stands
            });
        }
        Ok(stands)
    }
}

#[async_trait]
impl Reservation for Held {
    fn usages(&self) -> &[Usage] {
        &self.usages
    }

    async fn commit(mut self: Box<Self>) -> Result<Vec<Usage>, Uncommitted> {
        if self.entries.is_empty() {
            return Ok(Vec::new());
        }
        let stands = match self.use_up().await {
            Ok(stands) => stands,
            Err(failure) => match self.find_out().await {
                Ok(Some(stands)) => {
                    tracing::warn!(error = ?failure, "the database did not say that a call is charged, and it is");
                    stands
                }
                Ok(None) => {
                    self.forget();
                    return Err(Uncommitted::GivenBack(failure));
                }
                Err(unknown) => {
                    tracing::error!(error = ?unknown, "it is not known whether a call is charged");
                    return Err(Uncommitted::Unknown(failure));
                }
            },
        };
        self.forget();
        Ok(self.entries.iter().zip(stands).map(|(own, stand)| own.usage(stand)).collect())
    }

    async fn release(mut self: Box<Self>) -> Result<()> {
        self.billing.release(&self.ids(), "failed").await?;
        self.forget();
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let stage = self.stage;
        if stage == Stage::Settled {
            return;
        }
        self.forget();
        let billing = Arc::clone(&self.billing);
        let host = billing.host.clone();
        if stage == Stage::Set {
            let ids = self.ids();
            host.on_the_side("stripe.meter.release", async move { billing.release(&ids, "cut off").await });
            return;
        }
        // The statement that sets it aside may wait for a row at the database yet, and come through when nobody waits for it.
        let (caller, name, entries) = (self.caller.clone(), mem::take(&mut self.name), mem::take(&mut self.entries));
        host.on_the_side("stripe.meter.prevent", async move { billing.prevent(&caller, &name, &entries).await });
    }
}

/// Uses what is set aside for a call.
async fn commit(conn: &mut Conn, entry: &Entry, now: Timestamp) -> Result<Stand> {
    let stand = meter_calls::commit(conn, entry.id, now, now).await?;
    stand.ok_or_else(|| Failure::internal("the units of this call were given back while it ran"))
}

impl Billing {
    /// Gives units back, or sees to it that they are not set aside any more.
    async fn prevent(&self, caller: &Caller, name: &str, entries: &[Aside]) -> Result<()> {
        let mut conn = self.host.db().single().await?;
        for Aside { entry, .. } in entries {
            let who = (caller.user().id, &caller.client().id);
            meter_calls::prevent(&mut conn, (entry, name, who), self.host.now(), "cut off").await?;
        }
        Ok(())
    }

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
