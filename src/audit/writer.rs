//! Takes decisions out of the queue and writes them, many in one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use belgie_api::crypto::sha256;
use belgie_api::db::Db;
use belgie_api::{Caller, Clock, DecisionId, Entropy, Failure, Principal, Result, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::batch::Packer;
use super::kept_caller::KeptCaller;
use super::recorder::{Decision, Lost, Recorder, Waiting};
use crate::store::decisions::{self, NewBatch};

/// How long an entry waits at most while the database answers.
pub const FLUSH_EVERY: Duration = Duration::from_millis(250);
/// How many entries are written in one transaction.
const AT_ONCE: usize = 2_048;
/// How many callers are remembered as written. One that is forgotten is written again, which changes nothing.
const MOST_KNOWN: usize = 10_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Writes what waits.
pub(super) struct Writer {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) recorder: Recorder,
    /// How far it is; held by whoever writes, so that one does at a time.
    pub(super) progress: Mutex<Progress>,
    pub(super) is_failing: AtomicBool,
}

impl Writer {
    /// Writes everything that waits now. What cannot be written goes on waiting.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn flush(&self) -> Result<()> {
        let Some(waiting) = self.recorder.waiting() else { return Ok(()) };
        let mut progress = self.progress.lock().await;
        loop {
            if progress.packed.is_none() {
                progress.packed = self.pack(waiting)?;
            }
            let Some(packed) = &progress.packed else { return Ok(()) };
            // Given up in here, by whoever waits or by the engine, it may be written or not. It stays as it is, under its ids, and
            // is written again, which changes nothing where it was.
            self.write(packed, &progress.known).await?;
            if let Some(packed) = progress.packed.take() {
                if progress.known.len() > MOST_KNOWN {
                    progress.known.clear();
                }
                progress.known.extend(packed.callers.iter().map(|caller| caller.id));
                waiting.give_room(packed.count);
            }
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

    async fn write(&self, packed: &Packed, known: &HashSet<Uuid>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for caller in packed.callers.iter().filter(|caller| !known.contains(&caller.id)) {
            decisions::insert_caller(&mut tx, caller.id, caller.day, &caller.kept).await?;
        }
        for batch in &packed.batches {
            decisions::insert(&mut tx, batch).await?;
        }
        tx.commit(self.clock.now()).await
    }

    /// Takes out what waits and makes rows of it; `None` when nothing waits.
    fn pack(&self, waiting: &Arc<Waiting>) -> Result<Option<Packed>> {
        let batch = Batch::take(waiting);
        if batch.decisions.is_empty() && batch.lost.is_empty() {
            return Ok(None);
        }
        let mut callers = Callers::default();
        let mut packer = Packer::default();
        for decision in &batch.decisions {
            let (number, id) = callers.find(decision)?;
            packer.add(decision, number, id);
        }
        for (organization, lost) in &batch.lost {
            packer.add_gap(*organization, *lost, self.clock.now());
        }
        let batches = packer.finish(|| DecisionId::new(self.clock.as_ref(), self.entropy.as_ref()))?;
        let callers = callers.all.into_iter().map(|written| written.row).collect();
        Ok(Some(Packed { callers, batches, count: batch.finish() }))
    }
}

/// How far the writing is.
#[derive(Default)]
pub(super) struct Progress {
    /// Callers that are written.
    known: HashSet<Uuid>,
    /// What is to be written next, and may be written already.
    packed: Option<Packed>,
}

/// Rows of decisions that have been taken out.
struct Packed {
    callers: Vec<CallerRow>,
    batches: Vec<NewBatch>,
    /// How many decisions there are.
    count: usize,
}

/// What a caller was on a day.
struct CallerRow {
    id: Uuid,
    day: Timestamp,
    kept: Value,
}

/// What has been taken out. Dropped before there are rows of it, it waits again.
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

    /// There are rows of it: of how many decisions.
    fn finish(mut self) -> usize {
        self.lost.clear();
        std::mem::take(&mut self.decisions).len()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.waiting.put_back(std::mem::take(&mut self.decisions), std::mem::take(&mut self.lost));
    }
}

/// The callers of one batch, each looked at once.
#[derive(Default)]
struct Callers<'a> {
    all: Vec<Written<'a>>,
    /// Those with one credential on one day: what they are in their organization may have changed meanwhile.
    by_credential: HashMap<(usize, i64), Vec<usize>>,
}

/// A caller of a batch.
struct Written<'a> {
    caller: &'a Caller,
    row: CallerRow,
}

impl<'a> Callers<'a> {
    /// The number and the row of a caller.
    fn find(&mut self, decision: &'a Decision) -> Result<(usize, Uuid)> {
        let caller = &decision.caller;
        let day = decision.at.unix_micros().div_euclid(MICROS_PER_DAY);
        // Entries of one batch keep their callers, so no two principals are at one place.
        let place = std::ptr::from_ref::<Principal>(caller.principal()).addr();
        let numbers = self.by_credential.entry((place, day)).or_default();
        let known = numbers.iter().filter_map(|number| Some((*number, self.all.get(*number)?)));
        if let Some((number, written)) = known.into_iter().find(|(_, written)| is_same(written.caller, caller)) {
            return Ok((number, written.row.id));
        }
        let kept = serde_json::to_value(KeptCaller::of(caller)).map_err(Failure::internal)?;
        let hash = sha256(format!("{day} {kept}").as_bytes());
        let id = Uuid::from_slice(hash.get(..16).unwrap_or_default()).map_err(Failure::internal)?;
        let day = Timestamp::from_unix_micros(day.saturating_mul(MICROS_PER_DAY));
        numbers.push(self.all.len());
        self.all.push(Written { caller, row: CallerRow { id, day, kept } });
        Ok((self.all.len() - 1, id))
    }
}

/// Whether two callers with one credential are the same for the record.
fn is_same(one: &Caller, other: &Caller) -> bool {
    one.organization() == other.organization()
        && one.teams() == other.teams()
        && one.principal().binding().teams == other.principal().binding().teams
        && one.subscription() == other.subscription()
}
