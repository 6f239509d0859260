//! Work that goes on though whoever asked for it is gone.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::oneshot;

use super::Host;
use crate::failure::{Failure, Result};

/// A piece of work that gives nothing back.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does work in tasks of the host.
pub trait Background: Send + Sync {
    /// Starts the work in a task of its own. The shutdown waits for it within its grace; a panic ends it alone and is
    /// logged with the name.
    fn spawn(&self, name: &'static str, work: Work);
}

impl Host {
    /// Does a piece of work to its end, and waits for what comes of it. The future of a request is dropped when its client
    /// hangs up; this work is not, so it is for what must not stop half-way: whoever has used up a secret at somebody else's
    /// has to keep what came for it. It bounds its own time. `name`: for the log.
    ///
    /// # Errors
    /// What the work fails with; 500 when it panics or the shutdown cuts it off.
    pub async fn to_the_end<T, W>(&self, name: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T>> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        self.0.background.spawn(
            name,
            Box::pin(async move {
                // Nobody waits any more when the client has hung up.
                let _nobody = done.send(work.await);
            }),
        );
        outcome.await.map_err(|_| Failure::internal(format!("the task `{name}` did not come to its end")))?
    }

    /// Starts a piece of work nobody waits for, and logs when it fails: what is done along the way and what an answer does
    /// not depend on. `name`: for the log.
    pub fn on_the_side<W>(&self, name: &'static str, work: W)
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let reported = async move {
            if let Err(failure) = work.await {
                tracing::warn!(task.name = name, error = ?failure, "work on the side failed");
            }
        };
        self.0.background.spawn(name, Box::pin(reported));
    }
}
