//! How long a caller may stay: what still runs or streams when the credential expires or is revoked is ended, not only
//! refused the next time.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use belgie_api::{Caller, Clock, Event};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::doubts::News;
use crate::access::{Guard, foresee};

/// Everybody who is here now.
#[derive(Clone)]
pub struct Leases(Arc<Registry>);

struct Registry {
    clock: Arc<dyn Clock>,
    closing: CancellationToken,
    next: AtomicU64,
    held: Mutex<HashMap<u64, Held>>,
}

struct Held {
    /// Who it is for, as known last.
    caller: Caller,
    /// The organization, by its name in URLs, at whose own endpoint it is; `None` at the shared one.
    home: Option<Box<str>>,
    over: CancellationToken,
    /// What the caller must still meet, while something runs that not everybody in the organization may.
    needs: Vec<Arc<Guard>>,
    /// Rings when the caller has become another and may go on.
    changed: Option<Arc<Notify>>,
}

/// The right of one request to go on. It is given back when the last clone is dropped.
#[derive(Clone)]
pub struct Lease(Arc<LeaseParts>);

struct LeaseParts {
    number: u64,
    over: CancellationToken,
    registry: Arc<Registry>,
}

/// A lease whose caller may have become another.
pub struct Doubtful {
    number: u64,
    /// Who it is for, as known until now.
    pub caller: Caller,
}

impl Leases {
    /// `clock`: tells when a credential has expired. `closing`: cancelled when nobody is told news any more.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, closing: CancellationToken) -> Self {
        Self(Arc::new(Registry { clock, closing, next: AtomicU64::new(0), held: Mutex::default() }))
    }

    /// Begins a lease. Take it as early as possible: what happened before is not noticed. `home`: the organization, by its name in
    /// URLs, at whose own endpoint it is; `None` at the shared one.
    #[must_use]
    pub fn begin(&self, caller: &Caller, home: Option<&str>) -> Lease {
        let over = CancellationToken::new();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let held = Held {
            caller: caller.clone(),
            home: home.map(Box::from),
            over: over.clone(),
            needs: Vec::new(),
            changed: None,
        };
        self.0.held().insert(number, held);
        Lease(Arc::new(LeaseParts { number, over, registry: Arc::clone(&self.0) }))
    }

    /// Ends every lease whose principal is over after this event.
    pub fn hear(&self, event: &Event) {
        self.end(|caller| caller.principal().is_touched_by(event));
    }

    /// The leases of those for whom something may have changed in their organization.
    pub fn list_touched(&self, news: &News) -> Vec<Doubtful> {
        let held = self.0.held();
        let touched = held.iter().filter(|(_, held)| news.touch(held.caller.principal()));
        touched.map(|(number, held)| Doubtful { number: *number, caller: held.caller.clone() }).collect()
    }

    /// Lets a lease go on for the caller as it is now, or ends it: when there is none any more, when it is at the organization's own
    /// endpoint and that has another address, and when what runs asks for something the caller has lost.
    pub fn settle(&self, doubtful: &Doubtful, now: Option<Caller>) {
        let mut all = self.0.held();
        let Some(held) = all.get_mut(&doubtful.number) else { return };
        let is_open = |now: &Caller, home: &str| now.organization().is_some_and(|own| own.slug == home);
        let is_at_home = now.as_ref().is_some_and(|now| held.home.as_deref().is_none_or(|home| is_open(now, home)));
        let (over, changed, needs) = (held.over.clone(), held.changed.clone(), held.needs.clone());
        if let Some(now) = &now {
            held.caller = now.clone();
        }
        // Expressions are not asked, nor others woken, while all wait. Whatever is needed from here on is asked of the caller
        // as it is now.
        drop(all);
        let goes_on = is_at_home && now.is_some_and(|now| still_meets(&now, needs.iter()));
        if !goes_on {
            over.cancel();
        } else if let Some(changed) = changed {
            changed.notify_one();
        }
    }

    /// Ends every lease whose principal has expired.
    pub fn sweep(&self) {
        let now = self.0.clock.now();
        self.end(|caller| caller.principal().expires_at() <= now);
    }

    fn end(&self, is_over: impl Fn(&Caller) -> bool) {
        // Cancelling wakes others, so the lock is let go before.
        let over: Vec<CancellationToken> =
            self.0.held().values().filter(|held| is_over(&held.caller)).map(|held| held.over.clone()).collect();
        for token in over {
            token.cancel();
        }
    }
}

/// Whether a caller who has become another still meets what goes on. What was asked of the arguments nobody can ask again.
pub(crate) fn still_meets<'a>(caller: &Caller, mut needs: impl Iterator<Item = &'a Arc<Guard>>) -> bool {
    needs.all(|guard| !guard.reads_arguments() && foresee(caller, guard).is_ok())
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

    /// Notes what the caller must meet for as long as this lasts, and looks once more whether it does: it may have become
    /// another since it was decided.
    pub fn need(&self, guard: &Arc<Guard>) {
        let mut all = self.0.registry.held();
        let Some(held) = all.get_mut(&self.0.number) else { return };
        held.needs.push(Arc::clone(guard));
        let caller = held.caller.clone();
        // Whoever becomes another from here on is looked at by who makes it so; an expression is not asked while all wait.
        drop(all);
        if foresee(&caller, guard).is_err() {
            self.0.over.cancel();
        }
    }

    /// Rings each time the caller has become another and the lease goes on.
    pub fn changes(&self) -> Arc<Notify> {
        let mut all = self.0.registry.held();
        let changed = all.get_mut(&self.0.number).map(|held| Arc::clone(held.changed.get_or_insert_default()));
        changed.unwrap_or_default()
    }

    /// Waits until the gateway begins to end: then what only waits for news is over.
    pub async fn closing(&self) {
        self.0.registry.closing.cancelled().await;
    }

    /// A body that comes to its end when the lease does, at the latest. The end of the gateway waits for it: `in_hand`.
    pub fn hold(self, body: Body, in_hand: TaskTrackerToken) -> Body {
        self.hold_until(body, None, Some(in_hand))
    }

    /// The same for a body that carries nothing but news, for which the end of the gateway does not wait.
    pub fn hold_for_news(self, body: Body) -> Body {
        let closing = self.0.registry.closing.clone();
        self.hold_until(body, Some(Box::pin(closing.cancelled_owned())), None)
    }

    fn hold_until(self, body: Body, closing: Option<Ending>, in_hand: Option<TaskTrackerToken>) -> Body {
        let over = Box::pin(self.0.over.clone().cancelled_owned());
        Body::new(LeasedBody { inner: Some(body), over, closing, _in_hand: in_hand, _lease: self })
    }
}

struct LeasedBody {
    /// `None` after the end: what produces the body is dropped at once and thereby told.
    inner: Option<Body>,
    over: Ending,
    closing: Option<Ending>,
    _in_hand: Option<TaskTrackerToken>,
    _lease: Lease,
}

type Ending = Pin<Box<WaitForCancellationFutureOwned>>;

impl HttpBody for LeasedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let is_closing = self.closing.as_mut().is_some_and(|closing| closing.as_mut().poll(context).is_ready());
        if is_closing || self.over.as_mut().poll(context).is_ready() {
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
