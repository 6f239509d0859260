//! How long a caller may stay: what still runs or streams when the credential expires or is revoked is ended, not only
//! refused the next time.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use belgie_api::{Clock, Event, Principal};
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Everybody who is here now.
#[derive(Clone)]
pub struct Leases(Arc<Registry>);

struct Registry {
    clock: Arc<dyn Clock>,
    next: AtomicU64,
    held: Mutex<HashMap<u64, Held>>,
}

struct Held {
    principal: Arc<Principal>,
    over: CancellationToken,
}

/// The right of one request to go on. It is given back when the last clone is dropped.
#[derive(Clone)]
pub struct Lease(Arc<LeaseParts>);

struct LeaseParts {
    number: u64,
    over: CancellationToken,
    registry: Arc<Registry>,
}

impl Leases {
    /// `clock`: tells when a credential has expired.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Registry { clock, next: AtomicU64::new(0), held: Mutex::default() }))
    }

    /// Begins a lease. Take it as early as possible: what happened before is not noticed.
    #[must_use]
    pub fn begin(&self, principal: &Arc<Principal>) -> Lease {
        let over = CancellationToken::new();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.held().insert(number, Held { principal: Arc::clone(principal), over: over.clone() });
        Lease(Arc::new(LeaseParts { number, over, registry: Arc::clone(&self.0) }))
    }

    /// Ends every lease whose principal must be established anew after this event.
    pub fn hear(&self, event: &Event) {
        self.end(|principal| principal.is_touched_by(event));
    }

    /// Ends every lease whose principal has expired.
    pub fn sweep(&self) {
        let now = self.0.clock.now();
        self.end(|principal| principal.expires_at() <= now);
    }

    fn end(&self, is_over: impl Fn(&Principal) -> bool) {
        // Cancelling wakes others, so the lock is let go before.
        let over: Vec<CancellationToken> =
            self.0.held().values().filter(|held| is_over(&held.principal)).map(|held| held.over.clone()).collect();
        for token in over {
            token.cancel();
        }
    }
}

impl Registry {
    fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LeaseParts {
    fn drop(&mut self) {
        self.registry.held().remove(&self.number);
    }
}

impl Lease {
    /// Waits until the lease is over; for ever, if it never is.
    pub async fn ended(&self) {
        self.0.over.cancelled().await;
    }

    /// A body that comes to its end when the lease does, at the latest.
    pub fn hold(self, body: Body) -> Body {
        let over = Box::pin(self.0.over.clone().cancelled_owned());
        Body::new(LeasedBody { inner: Some(body), over, _lease: self })
    }
}

struct LeasedBody {
    /// `None` after the end: what produces the body is dropped at once and thereby told.
    inner: Option<Body>,
    over: Pin<Box<WaitForCancellationFutureOwned>>,
    _lease: Lease,
}

impl HttpBody for LeasedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.over.as_mut().poll(context).is_ready() {
            self.inner = None;
        }
        match self.inner.as_mut() {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        // The body may end early, so only the upper bound still holds.
        let mut hint = SizeHint::new();
        if let Some(upper) = self.inner.as_ref().and_then(|body| body.size_hint().upper()) {
            hint.set_upper(upper);
        }
        hint
    }
}
