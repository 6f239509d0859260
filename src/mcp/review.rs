//! What is still going on when somebody's place in an organization changes, or their plan: it goes on for the caller as it is now, is
//! ended when they may not any more, and clients are told that their lists have changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use belgie_api::event::Bus;
use belgie_api::{Caller, Event, Principal};
use futures::{StreamExt, stream};
use rmcp::{Peer, RoleServer};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::binding::{Binding, TouchedSession};
use super::doubts::{Doubts, Group, News, Turns};
use super::stream::{Doubtful, Leases};
use crate::access::caller::Callers;
use crate::tasks::Watch;

/// How long a client may take to accept that its list has changed.
const TELL_WITHIN: Duration = Duration::from_secs(5);

/// How many callers are established anew at a time.
const AT_A_TIME: usize = 8;

/// How many are before it is looked whether there are more news.
const IN_A_ROUND: usize = 4 * AT_A_TIME;

/// What goes on for one credential.
struct Touched {
    principal: Arc<Principal>,
    leases: Vec<Doubtful>,
    sessions: Vec<TouchedSession>,
}

/// Whoever waits to be looked at, by the place of their principal in memory: while they wait, nothing else is there.
type Waiting = Turns<Group, usize, Touched>;

impl Touched {
    fn of<'a>(all: &'a mut HashMap<usize, Self>, principal: &Arc<Principal>) -> &'a mut Self {
        let own = || Self { principal: Arc::clone(principal), leases: Vec::new(), sessions: Vec::new() };
        all.entry(Arc::as_ptr(principal).addr()).or_insert_with(own)
    }
}

/// Everything that news can end.
#[derive(Clone)]
pub struct Review {
    /// Makes callers.
    pub callers: Callers,
    /// What is going on.
    pub leases: Leases,
    /// Sessions of the older era.
    pub binding: Arc<Binding>,
    /// Where background work is counted.
    pub tasks: TaskTracker,
    /// Where it is done.
    pub runtime: Handle,
}

impl Review {
    /// Hears the news from now on, for as long as anything runs. What puts callers in doubt is looked at by one task, in rounds: each
    /// begins with all the news there are by then, and looks at so many credentials, of each organization in turn. So news that
    /// come again and again make a credential wait once, those of one organization make no other wait for all of it, and an older
    /// look never has the last word.
    pub fn subscribe(self, bus: &Bus, watch: &Watch) {
        let doubts = Arc::new(Doubts::default());
        let Self { leases, binding, tasks, runtime, .. } = self.clone();
        let ear = Ear { leases, binding, tasks, runtime, doubts: Arc::clone(&doubts) };
        let look = async move {
            let mut waiting = Waiting::new();
            loop {
                if waiting.is_empty() {
                    doubts.wait().await;
                }
                self.doubt(&doubts.take(), &mut waiting);
                self.look_again(waiting.take(IN_A_ROUND)).await;
            }
        };
        watch.keep("mcp.review", look);
        bus.subscribe(Arc::new(move |event: &Event| ear.hear(event)));
    }

    /// Lets everybody wait whom these news touch. Whatever goes on for one credential waits as one.
    fn doubt(&self, news: &News, waiting: &mut Waiting) {
        if news.is_empty() {
            return;
        }
        let mut touched: HashMap<usize, Touched> = HashMap::new();
        for lease in self.leases.list_touched(news) {
            Touched::of(&mut touched, lease.caller.principal()).leases.push(lease);
        }
        for session in self.binding.list_touched(news) {
            Touched::of(&mut touched, &session.principal).sessions.push(session);
        }
        for (key, touched) in touched {
            waiting.put(Group::of(&touched.principal), key, touched);
        }
    }

    /// Each credential is looked at once, however much goes on for it.
    async fn look_again(&self, round: Vec<Touched>) {
        let looks = stream::iter(round).for_each_concurrent(AT_A_TIME, async |touched| {
            let now = self.establish(&touched.principal).await;
            for lease in &touched.leases {
                self.leases.settle(lease, now.clone());
            }
            for session in touched.sessions {
                self.settle(session, now.as_ref()).await;
            }
        });
        looks.await;
    }

    async fn settle(&self, TouchedSession { id, session, .. }: TouchedSession, now: Option<&Caller>) {
        if !now.is_some_and(|now| session.is_met_by(now)) {
            // What it has subscribed to is the wrapped server's to send, and nothing else stops it.
            self.binding.release(&id);
            self.binding.close(vec![id]).await;
        } else if let Some(peer) = session.peer() {
            self.tasks.spawn_on(tell(peer.clone()), &self.runtime);
        }
    }

    /// The caller as it is now. Who cannot be established is nobody.
    async fn establish(&self, principal: &Arc<Principal>) -> Option<Caller> {
        self.callers.establish(Arc::clone(principal)).await.unwrap_or_else(|failure| {
            tracing::warn!(error = ?failure, "what goes on is ended: its caller could not be established anew");
            None
        })
    }
}

/// What listens on the bus. It holds nobody who makes callers: they hold the database, and the database the bus.
struct Ear {
    leases: Leases,
    binding: Arc<Binding>,
    tasks: TaskTracker,
    runtime: Handle,
    doubts: Arc<Doubts>,
}

impl Ear {
    /// Ends what an event ends, at once; what it puts in doubt is looked at right afterwards.
    fn hear(&self, event: &Event) {
        if self.doubts.add(event) {
            return;
        }
        self.leases.hear(event);
        let over = self.binding.hear(event);
        if !over.is_empty() {
            let binding = Arc::clone(&self.binding);
            self.tasks.spawn_on(async move { binding.close(over).await }, &self.runtime);
        }
    }
}

async fn tell(peer: Peer<RoleServer>) {
    if timeout(TELL_WITHIN, peer.notify_tool_list_changed()).await.is_err() {
        tracing::debug!("a client did not take the news that its list has changed");
    }
}
