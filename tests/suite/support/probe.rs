//! Tools that do not end until they are told to, and tell the test what becomes of them.

use belgie::rmcp::model::{ProgressNotificationParam, RequestMetaObject};
use belgie::rmcp::{Peer, RoleServer};
use belgie_api::tools::Refused;
use belgie_api::{Caller, State, ToolSet, access, tool};
use tokio::sync::watch;
use tokio::time::timeout;

use super::PATIENCE;

/// Counts the calls of the tools `hang` and `brood`.
#[derive(Clone, Default)]
pub struct Probe {
    begun: watch::Sender<usize>,
    ended: watch::Sender<usize>,
    is_over: watch::Sender<bool>,
}

/// Lives as long as a call.
struct Call(Probe);

impl Call {
    fn begin(probe: &Probe) -> Self {
        probe.begun.send_modify(|count| *count += 1);
        Self(probe.clone())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.ended.send_modify(|count| *count += 1);
    }
}

async fn hang(State(probe): State<Probe>, meta: RequestMetaObject, peer: Peer<RoleServer>) -> String {
    let _call = Call::begin(&probe);
    if let Some(token) = meta.get_progress_token() {
        let _ = peer.notify_progress(ProgressNotificationParam::new(token, 1.0)).await;
    }
    probe.told().await
}

async fn left(caller: Caller) -> Result<String, Refused> {
    Ok(serde_json::json!(caller.quotas().await?).to_string())
}

async fn brood(State(probe): State<Probe>) -> String {
    let _call = Call::begin(&probe);
    probe.told().await
}

impl Probe {
    async fn told(&self) -> String {
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
        "done".to_owned()
    }

    /// Lets every call come to its end.
    pub fn finish(&self) {
        self.is_over.send_replace(true);
    }

    /// The tools: one that may talk to its client, and one that says it does not. And one that asks for all that is left.
    pub fn tools(&self) -> ToolSet<Self> {
        let brooding = tool("brood", "Does not end by itself and says nothing").plain();
        ToolSet::new(self.clone())
            .tool(tool("hang", "Does not end by itself"), access(), hang)
            .tool(brooding, access(), brood)
            .tool(tool("left", "Says what is left of every quota").plain(), access(), left)
    }

    /// Waits until so many calls have begun.
    pub async fn begun(&self, count: usize) {
        Self::reach(&self.begun, count, "begun").await;
    }

    /// Waits until so many calls have been given up.
    pub async fn ended(&self, count: usize) {
        Self::reach(&self.ended, count, "ended").await;
    }

    async fn reach(counter: &watch::Sender<usize>, count: usize, what: &str) {
        let mut counter = counter.subscribe();
        let reached = counter.wait_for(|reached| *reached >= count);
        let reached = timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{count} calls have not {what}"));
        assert_eq!(*reached.expect("the counter is there"), count);
    }
}
