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
    needs: Mutex<HashMap<String, Need>>,
}

/// What stands before a resource, and how often the client has asked to be told of it.
struct Need {
    guard: Arc<Guard>,
    times: usize,
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

    /// Notes what the client must go on to meet for as long as it is told of a resource.
    pub(crate) fn need(&self, uri: &str, guard: Arc<Guard>) {
        self.needs().entry(uri.to_owned()).or_insert(Need { guard, times: 0 }).times += 1;
    }

    /// Takes back what was noted once: the client is not told after all. If it asked more than once, the others stand.
    pub(crate) fn need_less(&self, uri: &str) {
        let mut needs = self.needs();
        let Some(need) = needs.get_mut(uri) else { return };
        need.times = need.times.saturating_sub(1);
        if need.times == 0 {
            needs.remove(uri);
        }
    }

    /// Forgets it, however often it was noted.
    pub(crate) fn need_no_more(&self, uri: &str) {
        self.needs().remove(uri);
    }

    /// Whether this caller still meets all of it.
    pub(crate) fn is_met_by(&self, caller: &Caller) -> bool {
        still_meets(caller, self.needs().values().map(|need| &need.guard))
    }

    fn needs(&self) -> MutexGuard<'_, HashMap<String, Need>> {
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

impl Drop for Running {
    fn drop(&mut self) {
        self.within.session.calls().running.retain(|(running, _)| *running != self.id);
    }
}
