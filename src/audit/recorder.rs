//! Where decisions wait to be written. A call makes room for its entry before it runs, and leaves the entry when it ends;
//! both cost it a counter, two looks at the clock and one lock that nobody holds for long.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belgie_api::{Caller, Clock, OrgId, Timestamp};
use tokio::sync::Notify;

/// So many entries are written without waiting for the next time that is done anyway.
const RING_AT: usize = 512;
/// The longest name that is kept, in bytes.
const MAX_NAME: usize = 512;

/// What is recorded, and what happens when there is no room.
#[derive(Clone, Copy, Debug)]
pub struct RecorderSettings {
    /// Whether decisions that let somebody through are kept, too.
    pub keeps_allowed: bool,
    /// Whether a call may run though its entry finds no room.
    pub may_lose: bool,
    /// How many entries may wait, those of calls that still run among them.
    pub capacity: usize,
    /// How long a call waits for room.
    pub patience: Duration,
}

/// Takes decisions. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Recorder(Option<Arc<Waiting>>);

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// In which request.
    pub request_id: Option<&'a Arc<str>>,
    /// What: `tool.call` and the like.
    pub kind: &'static str,
    /// With which tool, prompt, resource.
    pub name: &'a str,
    /// The fingerprint of the rules that were asked.
    pub rules: i64,
}

/// There is no room on record, so nothing may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A call that was let through, until it ends. Dropped without a word, it was cut off.
#[must_use]
pub struct Underway(Option<Box<(Arc<Waiting>, Decision)>>);

/// Everything that waits.
pub(super) struct Waiting {
    settings: RecorderSettings,
    clock: Arc<dyn Clock>,
    /// Entries that wait, are being written, or belong to calls that still run.
    taken: AtomicUsize,
    queue: Mutex<Queue>,
    /// Rings when there is much to write.
    bell: Arc<Notify>,
    /// Rings when there is room again.
    room: Notify,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Decision>,
    lost: Lost,
}

/// How many entries were lost, by the organization on whose record they would be.
pub(super) type Lost = HashMap<Option<OrgId>, u64>;

/// An entry.
pub(super) struct Decision {
    pub(super) at: Timestamp,
    pub(super) took: Duration,
    pub(super) caller: Caller,
    pub(super) request_id: Option<Arc<str>>,
    pub(super) kind: &'static str,
    pub(super) name: Box<str>,
    pub(super) decision: &'static str,
    pub(super) outcome: &'static str,
    pub(super) rules: i64,
}

impl Recorder {
    /// A place for decisions.
    #[must_use]
    pub fn new(settings: RecorderSettings, clock: Arc<dyn Clock>) -> Self {
        Self(Some(Arc::new(Waiting {
            settings,
            clock,
            taken: AtomicUsize::new(0),
            queue: Mutex::default(),
            bell: Arc::default(),
            room: Notify::new(),
        })))
    }

    /// Keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    pub(super) fn waiting(&self) -> Option<&Arc<Waiting>> {
        self.0.as_ref()
    }

    /// Rings when there is much to write.
    #[must_use]
    pub fn bell(&self) -> Option<Arc<Notify>> {
        self.0.as_ref().map(|waiting| Arc::clone(&waiting.bell))
    }

    /// Makes room for the entry of a call that was let through and is about to run.
    ///
    /// # Errors
    /// When there is no room for longer than a call should wait, and nothing may be lost.
    pub async fn begin(&self, asked: Asked<'_>) -> Result<Underway, Full> {
        let Some(waiting) = self.0.as_ref().filter(|waiting| waiting.settings.keeps_allowed) else {
            return Ok(Underway(None));
        };
        if !waiting.take() && !Box::pin(waiting.wait()).await {
            return if waiting.settings.may_lose {
                waiting.lose(asked.caller);
                Ok(Underway(None))
            } else {
                Err(Full)
            };
        }
        Ok(Underway(Some(Box::new((Arc::clone(waiting), waiting.entry(asked, "allowed", "cut_off"))))))
    }

    /// Keeps that somebody was refused. `decision`: why.
    pub async fn refused(&self, asked: Asked<'_>, decision: &'static str) {
        let Some(waiting) = &self.0 else { return };
        if waiting.take() || Box::pin(waiting.wait()).await {
            waiting.leave(waiting.entry(asked, decision, "refused"));
        } else {
            // Nothing has run, so nothing needs to be held back.
            waiting.lose(asked.caller);
        }
    }
}

impl Underway {
    /// The call has ended.
    pub fn end(mut self, outcome: &'static str) {
        self.leave(outcome);
    }

    fn leave(&mut self, outcome: &'static str) {
        if let Some(kept) = self.0.take() {
            let (waiting, mut decision) = *kept;
            decision.took = waiting.clock.now().since(decision.at);
            decision.outcome = outcome;
            waiting.leave(decision);
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.leave("cut_off");
    }
}

impl Waiting {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Whoever panicked has pushed an entry or not.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, asked: Asked<'_>, decision: &'static str, outcome: &'static str) -> Decision {
        let Asked { caller, request_id, kind, name, rules } = asked;
        Decision {
            at: self.clock.now(),
            took: Duration::ZERO,
            caller: caller.clone(),
            request_id: request_id.map(Arc::clone),
            kind,
            name: name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default().into(),
            decision,
            outcome,
            rules,
        }
    }

    /// Makes room for one entry; `false` when there is none.
    fn take(&self) -> bool {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.settings.capacity {
            return true;
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Waits for room, unless entries may be lost.
    async fn wait(&self) -> bool {
        if self.settings.may_lose {
            return false;
        }
        self.bell.notify_one();
        let wait = async {
            loop {
                let mut rung = std::pin::pin!(self.room.notified());
                // Whoever makes room after this look is heard.
                rung.as_mut().enable();
                if self.take() {
                    return;
                }
                rung.await;
            }
        };
        let has_room = tokio::time::timeout(self.settings.patience, wait).await.is_ok();
        if !has_room {
            tracing::error!("decisions cannot be put on record, so calls are refused: does the database answer?");
        }
        has_room
    }

    fn leave(&self, decision: Decision) {
        let length = {
            let mut queue = self.queue();
            queue.entries.push_back(decision);
            queue.entries.len()
        };
        if length == RING_AT {
            self.bell.notify_one();
        }
    }

    fn lose(&self, caller: &Caller) {
        let is_first = {
            let mut queue = self.queue();
            let is_first = queue.lost.is_empty();
            *queue.lost.entry(caller.organization().map(|organization| organization.id)).or_default() += 1;
            is_first
        };
        if is_first {
            tracing::error!("there is no room for decisions, so they are lost: does the database answer?");
        }
    }

    /// Takes out the oldest entries, and what was lost.
    pub(super) fn take_out(&self, most: usize) -> (Vec<Decision>, Lost) {
        let mut queue = self.queue();
        let count = queue.entries.len().min(most);
        (queue.entries.drain(..count).collect(), std::mem::take(&mut queue.lost))
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, decisions: Vec<Decision>, lost: Lost) {
        let mut queue = self.queue();
        for decision in decisions.into_iter().rev() {
            queue.entries.push_front(decision);
        }
        for (organization, count) in lost {
            *queue.lost.entry(organization).or_default() += count;
        }
    }

    /// So many entries are written: there is room again.
    pub(super) fn give_room(&self, count: usize) {
        self.taken.fetch_sub(count, Ordering::Relaxed);
        self.room.notify_waiters();
    }
}
