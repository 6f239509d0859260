//! Takes decisions out of the queue and writes them, many in one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use belgie_api::crypto::sha256;
use belgie_api::db::{Db, Tx};
use belgie_api::{Caller, Clock, DecisionId, Entropy, Failure, Result, Timestamp};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::kept_caller::{KeptCaller, storable};
use super::recorder::{Decision, Lost, Recorder, Waiting};
use crate::store::decisions::{self, NewDecision};

/// How long an entry waits at most while the database answers.
pub const FLUSH_EVERY: Duration = Duration::from_millis(250);
/// How many entries are written in one transaction.
const AT_ONCE: usize = 1024;
/// How many callers are remembered as written. One that is forgotten is written again, which changes nothing.
const MOST_KNOWN: usize = 10_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Writes what waits.
pub(super) struct Writer {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) recorder: Recorder,
    /// Callers that are written; held by whoever writes, so that one does at a time.
    pub(super) known: Mutex<HashSet<Uuid>>,
    pub(super) is_failing: AtomicBool,
}

impl Writer {
    /// Writes everything that waits now. What cannot be written goes on waiting.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn flush(&self) -> Result<()> {
        let Some(waiting) = self.recorder.waiting() else { return Ok(()) };
        let mut known = self.known.lock().await;
        loop {
            let batch = Batch::take(waiting);
            let (count, has_lost) = (batch.decisions.len(), !batch.lost.is_empty());
            if count == 0 && !has_lost {
                return Ok(());
            }
            self.write(&batch, &mut known).await?;
            batch.finish();
        }
    }

    /// As [`flush`](Self::flush), for the task that does it all the time: it says once that it does not work, and once that
    /// it does again.
    pub(super) async fn flush_patiently(&self) {
        match self.flush().await {
            Ok(()) if self.is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!("decisions are put on record again");
            }
            Err(failure) if !self.is_failing.swap(true, Ordering::Relaxed) => {
                tracing::error!(error = ?failure, "decisions cannot be put on record and wait in memory");
            }
            Ok(()) | Err(_) => {}
        }
    }

    async fn write(&self, batch: &Batch, known: &mut HashSet<Uuid>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let mut callers = Callers::default();
        let mut rows = Vec::with_capacity(batch.decisions.len() + batch.lost.len());
        for decision in &batch.decisions {
            let caller_id = callers.keep(&mut tx, decision, known).await?;
            rows.push(self.row(decision, caller_id));
        }
        rows.extend(batch.lost.iter().map(|(organization, count)| NewDecision {
            at: self.clock.now(),
            id: DecisionId::new(self.clock.as_ref(), self.entropy.as_ref()),
            organization_id: *organization,
            user_id: None,
            client_id: None,
            kind: "gap",
            name: count.to_string(),
            decision: "lost",
            outcome: "lost",
            took_us: 0,
            request_id: None,
            rules: 0,
            caller_id: None,
        }));
        decisions::insert_all(&mut tx, &rows).await?;
        tx.commit(self.clock.now()).await?;
        if known.len() > MOST_KNOWN {
            known.clear();
        }
        known.extend(callers.ids.into_values());
        Ok(())
    }

    fn row(&self, decision: &Decision, caller_id: Uuid) -> NewDecision {
        let Decision { at, took, caller, request_id, kind, name, decision, outcome, rules } = decision;
        NewDecision {
            at: *at,
            id: DecisionId::new(self.clock.as_ref(), self.entropy.as_ref()),
            organization_id: caller.organization().map(|organization| organization.id),
            user_id: Some(caller.user().id),
            client_id: Some(caller.client().id.as_str().to_owned()),
            kind,
            name: storable(name),
            decision,
            outcome,
            took_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            request_id: request_id.as_deref().map(str::to_owned),
            rules: *rules,
            caller_id: Some(caller_id),
        }
    }
}

/// What is being written. Dropped before it is, it waits again.
struct Batch {
    waiting: Arc<Waiting>,
    decisions: Vec<Decision>,
    lost: Lost,
}

impl Batch {
    fn take(waiting: &Arc<Waiting>) -> Self {
        let (decisions, lost) = waiting.take_out(AT_ONCE);
        Self { waiting: Arc::clone(waiting), decisions, lost }
    }

    /// It is written.
    fn finish(mut self) {
        self.lost.clear();
        let count = std::mem::take(&mut self.decisions).len();
        self.waiting.give_room(count);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.waiting.put_back(std::mem::take(&mut self.decisions), std::mem::take(&mut self.lost));
    }
}

/// The callers of one batch, each looked at once.
#[derive(Default)]
struct Callers {
    ids: HashMap<(usize, i64), Uuid>,
}

impl Callers {
    /// The row of a caller, made if it is not there.
    async fn keep(&mut self, tx: &mut Tx, decision: &Decision, known: &HashSet<Uuid>) -> Result<Uuid> {
        let day = decision.at.unix_micros().div_euclid(MICROS_PER_DAY);
        let key = (place_of(&decision.caller), day);
        if let Some(id) = self.ids.get(&key) {
            return Ok(*id);
        }
        let kept = serde_json::to_value(KeptCaller::of(&decision.caller)).map_err(Failure::internal)?;
        let hash = sha256(format!("{day} {kept}").as_bytes());
        let id = Uuid::from_slice(hash.get(..16).unwrap_or_default()).map_err(Failure::internal)?;
        if !known.contains(&id) && !self.ids.values().any(|written| *written == id) {
            let at = Timestamp::from_unix_micros(day.saturating_mul(MICROS_PER_DAY));
            decisions::insert_caller(tx, id, at, &kept).await?;
        }
        self.ids.insert(key, id);
        Ok(id)
    }
}

/// Where a caller is in memory. Entries of one batch keep their callers, so no two of them are at one place.
fn place_of(caller: &Caller) -> usize {
    std::ptr::from_ref(caller.principal()).addr()
}
