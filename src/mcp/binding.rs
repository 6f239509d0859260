//! Sessions of the older protocol era belong to the person and the client that opened them, and to the organization they
//! were opened for. rmcp takes any session id
//! from anybody, so nothing reaches it with an id that is not the caller's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belgie_api::{Caller, ClientId, Clock, Event, Principal, Timestamp, UserId};
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

use super::doubts::News;
use super::session::{InUse, Session};

/// The id of a session, as it stands in `Mcp-Session-Id`.
pub type McpSessionId = Arc<str>;

/// Who owns which session.
pub struct Binding {
    sessions: Arc<LocalSessionManager>,
    clock: Arc<dyn Clock>,
    idle: Duration,
    max_per_user: usize,
    bound: Mutex<HashMap<McpSessionId, Bound>>,
}

struct Bound {
    id: McpSessionId,
    user: UserId,
    client: ClientId,
    /// The credential seen last; a session outlives the token it was opened with, but not the last one.
    principal: Arc<Principal>,
    opened_at: Timestamp,
    seen_at: Timestamp,
    session: Arc<Session>,
}

impl Bound {
    /// Whether something is going on.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.session) > 1
    }

    /// Whether nothing has been going on for longer than `limit`.
    fn is_idle(&self, now: Timestamp, limit: Duration) -> bool {
        !self.is_in_use() && now.since(self.seen_at) > limit
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.session.end();
    }
}

/// A session whose caller may have become another.
pub struct TouchedSession {
    /// Which.
    pub id: McpSessionId,
    /// The credential seen last.
    pub principal: Arc<Principal>,
    pub(crate) session: Arc<Session>,
}

/// The ids of sessions that nobody holds any more. Each ends what runs in it when it goes.
fn ids_of(over: Vec<Bound>) -> Vec<McpSessionId> {
    over.iter().map(|session| Arc::clone(&session.id)).collect()
}

impl Binding {
    /// `idle`: how long a session lives without a request. `max_per_user`: one more closes the oldest.
    #[must_use]
    pub fn new(sessions: Arc<LocalSessionManager>, clock: Arc<dyn Clock>, idle: Duration, max_per_user: usize) -> Self {
        Self { sessions, clock, idle, max_per_user: max_per_user.max(1), bound: Mutex::default() }
    }

    /// A session that is about to be opened.
    pub fn open(&self) -> InUse {
        InUse::new(Arc::default(), self.clock.now())
    }

    /// Gives a session that was just opened to its owner, and closes the owner's oldest when there are too many.
    pub async fn bind(&self, id: &str, caller: &Caller, opened: &InUse) {
        let now = self.clock.now();
        let surplus = {
            let mut bound = self.bound();
            let id = McpSessionId::from(id);
            bound.insert(
                Arc::clone(&id),
                Bound {
                    id,
                    user: caller.user().id,
                    client: caller.client().id.clone(),
                    principal: Arc::clone(caller.principal()),
                    opened_at: now,
                    seen_at: now,
                    session: Arc::clone(opened.session()),
                },
            );
            let mut own: Vec<(Timestamp, McpSessionId)> = bound
                .iter()
                .filter(|(_, session)| session.user == caller.user().id)
                .map(|(id, session)| (session.opened_at, Arc::clone(id)))
                .collect();
            own.sort();
            let surplus = own.len().saturating_sub(self.max_per_user);
            own.into_iter().take(surplus).filter_map(|(_, id)| bound.remove(&id)).collect::<Vec<_>>()
        };
        self.close(ids_of(surplus)).await;
    }

    /// Lets the caller use the session. An unknown one, another's, and one that has been idle for too long are all the
    /// same: not there.
    pub async fn admit(&self, id: &str, caller: &Caller) -> Option<InUse> {
        let (id, is_idle, in_use) = {
            let now = self.clock.now();
            let mut bound = self.bound();
            let session = bound.get_mut(id)?;
            let is_own = session.user == caller.user().id && session.client == caller.client().id;
            let is_for_the_same = session.principal.binding() == caller.principal().binding();
            if !(is_own && is_for_the_same) {
                return None;
            }
            let is_idle = session.is_idle(now, self.idle);
            session.seen_at = now;
            session.principal = Arc::clone(caller.principal());
            (Arc::clone(&session.id), is_idle, InUse::new(Arc::clone(&session.session), now))
        };
        if is_idle {
            self.release(&id);
            self.close(vec![id]).await;
            return None;
        }
        // rmcp closes sessions by itself, too.
        if !self.sessions.has_session(&id).await.unwrap_or(false) {
            self.release(&id);
            return None;
        }
        Some(in_use)
    }

    /// Forgets a session that has been closed.
    pub fn release(&self, id: &str) {
        let removed = self.bound().remove(id);
        // It wakes others when it goes, so the lock is let go before.
        drop(removed);
    }

    /// Takes the sessions away whose last credential is over after this event; close them. A mere change of the account ends
    /// none: the next request is authenticated anew anyway. News of a place or a plan are not heard here, but doubted.
    #[must_use]
    pub fn hear(&self, event: &Event) -> Vec<McpSessionId> {
        if matches!(event, Event::UserChanged { .. }) {
            return Vec::new();
        }
        self.take(|session| session.principal.is_touched_by(event))
    }

    /// The sessions for which something may have changed in their organization.
    pub fn list_touched(&self, news: &News) -> Vec<TouchedSession> {
        let bound = self.bound();
        let touched = bound.values().filter(|session| news.touch(&session.principal));
        touched
            .map(|session| TouchedSession {
                id: Arc::clone(&session.id),
                principal: Arc::clone(&session.principal),
                session: Arc::clone(&session.session),
            })
            .collect()
    }

    /// Closes what has been idle for too long and forgets what rmcp has closed by itself.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        let idle = self.take(|session| session.is_idle(now, self.idle));
        self.close(idle).await;
        let open = self.sessions.sessions.read().await;
        let mut bound = self.bound();
        bound.retain(|id, _| open.contains_key(id));
        for session in bound.values_mut().filter(|session| session.is_in_use()) {
            session.seen_at = now;
        }
    }

    /// Closes sessions: their streams end and what runs in them is cancelled.
    pub async fn close(&self, ids: Vec<McpSessionId>) {
        for id in ids {
            if let Err(error) = self.sessions.close_session(&id).await {
                tracing::debug!(%error, "a session could not be closed");
            }
        }
    }

    fn take(&self, is_over: impl Fn(&Bound) -> bool) -> Vec<McpSessionId> {
        let over: Vec<Bound> =
            self.bound().extract_if(|_, session| is_over(session)).map(|(_, session)| session).collect();
        ids_of(over)
    }

    fn bound(&self) -> MutexGuard<'_, HashMap<McpSessionId, Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
