//! The listener: TCP without delays, a deadline for headers, a cap on connections, and an end that lets work finish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Front;
use crate::tasks::Tasks;

/// How connections are treated.
#[derive(Clone, Copy, Debug)]
pub struct ServeRules {
    /// How long the headers of a request may take to arrive.
    pub header_timeout: Duration,
    /// How many connections are open at once; more wait.
    pub max_connections: usize,
    /// How long work in hand may go on after the end was asked for.
    pub shutdown_grace: Duration,
}

/// Accepts connections until `stop` is cancelled, then lets requests in hand finish within the grace.
pub async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    rules: ServeRules,
    tasks: &Tasks,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(rules.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    // HTTP/1.1 only: the proxy that speaks TLS speaks it too, and detecting HTTP/2 has no deadline of its own.
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(rules.header_timeout);
    let graceful = GracefulShutdown::new();
    loop {
        let slot = tokio::select! {
            () = stop.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => match slot {
                Ok(slot) => slot,
                Err(_closed) => break,
            },
        };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a peer that left already: neither ends the server.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let asked = Arc::<Notify>::default();
        let connection = connect(&server, stream, peer, Arc::clone(&front), Arc::clone(&asked));
        let watched = graceful.watch(connection);
        tasks.spawn("connection", async move {
            tokio::select! {
                ended = watched => if let Err(error) = ended {
                    tracing::debug!(error = %error, "a connection ended early");
                },
                () = silence(&asked, rules.header_timeout) => tracing::debug!("a connection that asked nothing was closed"),
            }
            drop(slot);
        });
    }
    drop(listener);
    let cutting = tasks.cutting();
    let ended = cutting.run_until_cancelled(graceful.shutdown());
    if let Ok(Some(())) = tokio::time::timeout_at(tasks.deadline(rules.shutdown_grace), ended).await {
        return;
    }
    tracing::warn!(grace_s = rules.shutdown_grace.as_secs(), "requests still running at the end of the grace are cut");
    cutting.cancel();
}

/// Returns when nothing was asked for too long after connecting, and never otherwise. The deadline for headers begins
/// once it is known which version of HTTP is spoken, and knows nothing of HTTP/2; a client that does not get as far as
/// one request must not hold a place.
async fn silence(asked: &Notify, patience: Duration) {
    if tokio::time::timeout(patience, asked.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

fn connect(
    server: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    peer: SocketAddr,
    front: Arc<Front>,
    asked: Arc<Notify>,
) -> impl hyper_util::server::graceful::GracefulConnection<
    Error = Box<dyn std::error::Error + Send + Sync>,
    Output = Result<(), Box<dyn std::error::Error + Send + Sync>>,
> + Send
+ 'static {
    // Without this an event stream waits 40 ms for each acknowledgement (Nagle's algorithm).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        asked.notify_one();
        request.extensions_mut().insert(ConnectInfo(peer));
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(request.map(axum::body::Body::new) as Request).await) }
    });
    server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned()
}
