//! What is still going on when somebody's place in an organization changes: it goes on for the caller as it is now, is
//! ended when they may not any more, and clients are told that their lists have changed.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::event::Bus;
use belgie_api::{Caller, Event};
use rmcp::{Peer, RoleServer};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::binding::{Binding, is_of_organization};
use super::stream::Leases;
use crate::access::caller::Callers;

/// How long a client may take to accept that its list has changed.
const TELL_WITHIN: Duration = Duration::from_secs(5);

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
    /// Hears the news from now on.
    pub fn subscribe(self, bus: &Bus) {
        bus.subscribe(Arc::new(move |event: &Event| self.hear(event)));
    }

    /// Ends what an event ends, at once; what it puts in doubt is looked at right afterwards.
    fn hear(&self, event: &Event) {
        if is_of_organization(event) {
            let (review, event) = (self.clone(), event.clone());
            self.tasks.spawn_on(async move { review.look_again(&event).await }, &self.runtime);
            return;
        }
        self.leases.hear(event);
        let over = self.binding.hear(event);
        if !over.is_empty() {
            let binding = Arc::clone(&self.binding);
            self.tasks.spawn_on(async move { binding.close(over).await }, &self.runtime);
        }
    }

    async fn look_again(&self, event: &Event) {
        for doubtful in self.leases.list_touched(event) {
            let now = self.establish(&doubtful.caller).await;
            self.leases.settle(&doubtful, now);
        }
        for peer in self.binding.list_touched(event) {
            self.tasks.spawn_on(tell(peer), &self.runtime);
        }
    }

    /// The caller as it is now. Who cannot be established is nobody.
    async fn establish(&self, caller: &Caller) -> Option<Caller> {
        self.callers.establish(Arc::clone(caller.principal())).await.unwrap_or_else(|failure| {
            tracing::warn!(error = ?failure, "what goes on is ended: its caller could not be established anew");
            None
        })
    }
}

async fn tell(peer: Peer<RoleServer>) {
    if timeout(TELL_WITHIN, peer.notify_tool_list_changed()).await.is_err() {
        tracing::debug!("a client did not take the news that its list has changed");
    }
}
