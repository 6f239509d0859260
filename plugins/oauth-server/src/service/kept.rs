//! What was fetched from others, kept for a while; and fetches under way, one for an address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use belgie_api::{Result, Timestamp};
use tokio::sync::{OnceCell, Semaphore};

/// How many things are kept of a kind; at some KiB each this is little.
const MAX_ENTRIES: usize = 512;

/// How long something is kept at most (SEP-991).
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// How long it is kept when its server does not say.
pub(super) const USUAL_AGE: Duration = Duration::from_secs(300);

/// How many fetches of a kind run at once; more would let strangers aim this host at others, or occupy it.
const MAX_FETCHES: usize = 16;

/// Good answers by their address. Errors and bad answers are never kept (metadata document draft section 6.3). Nothing but
/// time empties it: what is there is its publisher's to change, and we learn of a change by fetching it again.
pub struct Kept<T>(Mutex<HashMap<String, Entry<T>>>);

/// Something that was fetched.
#[derive(Clone)]
pub struct Entry<T> {
    /// What it is.
    pub(super) value: T,
    /// When it was fetched.
    pub(super) since: Timestamp,
    until: Timestamp,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What is kept of an address.
    pub(super) fn find(&self, address: &str, now: Timestamp) -> Option<Entry<T>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(address).filter(|entry| entry.until > now).cloned()
    }

    /// What was last fetched from an address, however long ago, while nothing else needs its place.
    pub(super) fn find_old(&self, address: &str) -> Option<T> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(address).map(|entry| entry.value.clone())
    }

    /// Keeps what was fetched from an address, in the place of what was there.
    pub(super) fn keep(&self, address: &str, value: &T, now: Timestamp, fresh_for: Duration) {
        if fresh_for.is_zero() {
            return;
        }
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(address) {
            entries.retain(|_, entry| entry.until > now);
        }
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(address) {
            let first_to_end = entries.iter().min_by_key(|(_, entry)| entry.until).map(|(address, _)| address.clone());
            first_to_end.and_then(|address| entries.remove(&address));
        }
        let entry = Entry { value: value.clone(), since: now, until: now.plus(fresh_for.min(MAX_AGE)) };
        entries.insert(address.to_owned(), entry);
    }
}

/// A fetch under way, or its outcome while somebody still waits for it.
type Fetch<T> = OnceCell<Result<T>>;

/// Fetches under way: one for an address, few in all.
pub struct Fetches<T> {
    by_address: Mutex<HashMap<String, Weak<Fetch<T>>>>,
    pub(super) free: Semaphore,
}

impl<T> Default for Fetches<T> {
    fn default() -> Self {
        Self { by_address: Mutex::default(), free: Semaphore::new(MAX_FETCHES) }
    }
}

impl<T> Fetches<T> {
    /// The fetch of this address: the one under way, or a new one.
    pub(super) fn join(&self, address: &str) -> Arc<Fetch<T>> {
        let mut under_way = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = under_way.get(address).and_then(Weak::upgrade) {
            return fetch;
        }
        // What nobody waits for any more is over.
        under_way.retain(|_, fetch| fetch.strong_count() > 0);
        let fetch = Arc::new(Fetch::new());
        under_way.insert(address.to_owned(), Arc::downgrade(&fetch));
        fetch
    }
}
