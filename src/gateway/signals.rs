//! SIGTERM and interrupts: the first begins the end, the second cuts what runs.

use std::convert::Infallible;
use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tasks::Tasks;

/// The two signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Option<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        if let (Ok(terminate), Ok(interrupt)) = (terminate, interrupt) {
            return Some(Self { terminate, interrupt });
        }
        tracing::error!("signals cannot be heard; end the process by force if need be");
        None
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Begins the end with the first signal.
pub async fn begin(tasks: &Tasks) {
    match Signals::listen() {
        Some(mut signals) => signals.next().await,
        None => tasks.stopping().cancelled().await,
    }
    tasks.stopping().cancel();
}

/// Does what signals say, for ever.
pub async fn obey(tasks: &Tasks) -> Infallible {
    let Some(mut signals) = Signals::listen() else { return pending().await };
    signals.next().await;
    tracing::info!("ending: requests in hand may finish; a second signal cuts them");
    tasks.stopping().cancel();
    signals.next().await;
    tracing::warn!("told to end a second time");
    tasks.cutting().cancel();
    pending().await
}
