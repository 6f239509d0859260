//! What is still going on when somebody's place in an organization changes: it goes on for the caller as it is now, is
//! ended when they may not any more, and clients are told that their lists have changed.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::event::Bus;
use belgie_api::{Caller, Event, Principal};
use futures::{StreamExt, stream};
use rmcp::{Peer, RoleServer};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::binding::{Binding, TouchedSession, is_of_organization};
use super::stream::Leases;
use crate::access::caller::Callers;

/// How long a client may take to accept that its list has changed.
const TELL_WITHIN: Duration = Duration::from_secs(5);

/// How many callers are established anew at a time.
const AT_A_TIME: usize = 8;

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
    /// Hears the news from now on, until the shutdown. What puts callers in doubt is looked at by one task, one event after
    /// the other: an older look never has the last word.
    pub fn subscribe(self, bus: &Bus, shutdown: CancellationToken) {
        let (doubts, mut waiting) = mpsc::unbounded_channel();
        let Self { leases, binding, tasks, runtime, .. } = self.clone();
        let ear = Ear { leases, binding, tasks: tasks.clone(), runtime: runtime.clone(), doubts };
        let look = async move {
            while let Some(event) = waiting.recv().await {
                self.look_again(&event).await;
            }
        };
        tasks.spawn_on(async move { shutdown.run_until_cancelled(look).await }, &runtime);
        bus.subscribe(Arc::new(move |event: &Event| ear.hear(event)));
    }

    async fn look_again(&self, event: &Event) {
        let leases = stream::iter(self.leases.list_touched(event)).for_each_concurrent(AT_A_TIME, async |doubtful| {
            let now = self.establish(doubtful.caller.principal()).await;
            self.leases.settle(&doubtful, now);
        });
        leases.await;
        for TouchedSession { id, principal, session } in self.binding.list_touched(event) {
            let now = self.establish(&principal).await;
            if !now.is_some_and(|now| session.is_met_by(&now)) {
                // What it has subscribed to is the wrapped server's to send, and nothing else stops it.
                self.binding.release(&id);
                self.binding.close(vec![id]).await;
            } else if let Some(peer) = session.peer() {
                self.tasks.spawn_on(tell(peer.clone()), &self.runtime);
            }
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
    doubts: UnboundedSender<Event>,
}

impl Ear {
    /// Ends what an event ends, at once; what it puts in doubt is looked at right afterwards.
    fn hear(&self, event: &Event) {
        if is_of_organization(event) {
            // Nobody waits for it any more after the shutdown, when everything has ended anyway.
            let _nobody_waits = self.doubts.send(event.clone());
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
