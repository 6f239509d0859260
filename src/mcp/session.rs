//! What goes on in one session of the older era: the client behind it as rmcp knows it, and the calls that run in it
//! without rmcp.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use belgie_api::{Caller, Timestamp};
use rmcp::model::RequestId;
use rmcp::{Peer, RoleServer};
use tokio_util::sync::CancellationToken;

use super::stream::still_meets;
use crate::access::Guard;

/// A session as long as it is open.
#[derive(Default)]
pub(crate) struct Session {
    /// Known once rmcp has seen `initialize`.
    peer: OnceLock<Peer<RoleServer>>,
    /// When rmcp last heard of it, in microseconds.
    passed_at: AtomicI64,
    calls: Mutex<Calls>,
    /// What its client must go on to meet, by the resources it has subscribed to.
    needs: Mutex<Needs>,
}

#[derive(Default)]
struct Needs {
    by_uri: HashMap<String, Need>,
    /// How many subscriptions have begun to stand.
    stood: u64,
}

/// What stands before a resource, while the client asks to be told of it or is told.
struct Need {
    guard: Arc<Guard>,
    /// How many times it asks just now.
    pending: usize,
    /// Whether it is told: the number of the subscription that was the last to begin.
    standing: Option<u64>,
}

/// A subscription that is asked for. Unless it is known to be refused the client may be told from then on, also when nobody
/// heard the answer, so it stands when this is dropped.
pub(crate) struct Subscribing {
    within: InUse,
    uri: String,
    is_refused: bool,
}

/// The calls that run without rmcp: a handful at most, so they are looked through.
#[derive(Default)]
struct Calls {
    running: Vec<(RequestId, CancellationToken)>,
    is_over: bool,
}

/// Kept by whatever is done in a session: while one is there, the session is not idle.
#[derive(Clone)]
pub struct InUse {
    session: Arc<Session>,
    since: Timestamp,
}

/// A call that runs without rmcp, until this is dropped.
pub(crate) struct Running {
    within: InUse,
    id: RequestId,
}

impl Session {
    /// Cancels what runs in the session and lets nothing begin any more.
    pub(crate) fn end(&self) {
        let running = {
            let mut calls = self.calls();
            calls.is_over = true;
            std::mem::take(&mut calls.running)
        };
        for (_, cancelled) in running {
            cancelled.cancel();
        }
    }

    /// Which subscription to a resource stands: what an end that is asked for now will be the end of.
    pub(crate) fn standing(&self, uri: &str) -> Option<u64> {
        self.needs().by_uri.get(uri)?.standing
    }

    /// The client is not told of a resource any more. What began to stand after `standing` was asked for stands on, and so
    /// does what is asked for still.
    pub(crate) fn stands_no_more(&self, uri: &str, standing: Option<u64>) {
        self.needs().change(uri, |need| {
            if need.standing == standing {
                need.standing = None;
            }
        });
    }

    /// Whether this caller still meets all of it.
    pub(crate) fn is_met_by(&self, caller: &Caller) -> bool {
        still_meets(caller, self.needs().by_uri.values().map(|need| &need.guard))
    }

    fn needs(&self) -> MutexGuard<'_, Needs> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client as rmcp knows it; `None` before `initialize`.
    pub(crate) fn peer(&self) -> Option<&Peer<RoleServer>> {
        self.peer.get()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse {
    /// Something is done in the session. `since`: now.
    pub(crate) const fn new(session: Arc<Session>, since: Timestamp) -> Self {
        Self { session, since }
    }

    pub(crate) const fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Remembers the client as rmcp knows it.
    pub(crate) fn meet(&self, peer: Peer<RoleServer>) {
        // A client that initializes its session again is the one that is known.
        let _ = self.session.peer.set(peer);
    }

    /// The client as rmcp knows it; `None` before `initialize`.
    pub(crate) fn peer(&self) -> Option<&Peer<RoleServer>> {
        self.session.peer()
    }

    /// Notes that rmcp hears of the session.
    pub(crate) fn pass(&self) {
        self.session.passed_at.fetch_max(self.since.unix_micros(), Ordering::Relaxed);
    }

    /// When rmcp last heard of the session.
    pub(crate) fn passed_at(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.session.passed_at.load(Ordering::Relaxed))
    }

    /// When this was begun.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    /// Notes what the client must go on to meet while it asks to be told of a resource, and for as long as it is told.
    pub(crate) fn subscribe(&self, uri: &str, guard: Arc<Guard>) -> Subscribing {
        let mut needs = self.session.needs();
        let need = needs.by_uri.entry(uri.to_owned()).or_insert(Need { guard, pending: 0, standing: None });
        need.pending += 1;
        Subscribing { within: self.clone(), uri: uri.to_owned(), is_refused: false }
    }

    /// Begins a call, which `cancelled` will end when the client says so or the session is over. `None` when one with the
    /// same id runs already or the session is over.
    pub(crate) fn begin(&self, id: &RequestId, cancelled: &CancellationToken) -> Option<Running> {
        let mut calls = self.session.calls();
        if calls.is_over || calls.running.iter().any(|(running, _)| running == id) {
            return None;
        }
        calls.running.push((id.clone(), cancelled.clone()));
        Some(Running { within: self.clone(), id: id.clone() })
    }

    /// Cancels a call that runs without rmcp, if there is one of this id.
    pub(crate) fn cancel(&self, id: &RequestId) {
        let found = self.session.calls().running.iter().find(|(running, _)| running == id).cloned();
        if let Some((_, cancelled)) = found {
            cancelled.cancel();
        }
    }
}

impl Needs {
    /// Changes what is kept of a resource, and forgets it when nothing is asked for and nothing stands.
    fn change(&mut self, uri: &str, change: impl FnOnce(&mut Need)) {
        let Some(need) = self.by_uri.get_mut(uri) else { return };
        change(need);
        if need.pending == 0 && need.standing.is_none() {
            self.by_uri.remove(uri);
        }
    }
}

impl Subscribing {
    /// The client is not told: whoever was to tell it says so.
    pub(crate) fn refused(mut self) {
        self.is_refused = true;
    }
}

impl Drop for Subscribing {
    fn drop(&mut self) {
        let mut needs = self.within.session.needs();
        needs.stood += 1;
        let stood = needs.stood;
        needs.change(&self.uri, |need| {
            need.pending = need.pending.saturating_sub(1);
            if !self.is_refused {
                need.standing = Some(stood);
            }
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.within.session.calls().running.retain(|(running, _)| *running != self.id);
    }
}
