//! Metadata documents of clients, fetched and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use belgie_api::axum::http::StatusCode;
use belgie_api::ports::{FetchError, FetchLimits};
use belgie_api::{Failure, Result, Timestamp};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use super::OAuth;
use crate::model::client::Client;
use crate::model::{document, refusal};

/// How many documents are kept; at 5 KiB each this is little.
const MAX_ENTRIES: usize = 512;

/// How long a document is kept at most (SEP-991).
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// How long it is kept when its server does not say.
const USUAL_AGE: Duration = Duration::from_secs(300);

/// How many documents are fetched at once; more would let strangers aim this host at others, or occupy it.
const MAX_FETCHES: usize = 16;

/// Good documents by their address. Errors and bad documents are never kept (draft section 6.3). Nothing but time empties
/// it: a document is its publisher's to change, and we learn of a change by fetching it again.
#[derive(Default)]
pub struct DocumentCache(Mutex<HashMap<String, (Client, Timestamp)>>);

impl DocumentCache {
    fn find(&self, address: &str, now: Timestamp) -> Option<Client> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(address).filter(|(_, until)| *until > now).map(|(client, _)| client.clone())
    }

    fn keep(&self, address: &str, client: &Client, now: Timestamp, fresh_for: Duration) {
        if fresh_for.is_zero() {
            return;
        }
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(address) {
            entries.retain(|_, (_, until)| *until > now);
        }
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(address) {
            let first_to_end = entries.iter().min_by_key(|(_, (_, until))| *until).map(|(address, _)| address.clone());
            first_to_end.and_then(|address| entries.remove(&address));
        }
        entries.insert(address.to_owned(), (client.clone(), now.plus(fresh_for.min(MAX_AGE))));
    }
}

/// A fetch under way, or its outcome while somebody still waits for it.
type Fetch = OnceCell<Result<Client>>;

/// Fetches under way: one for an address, few in all.
pub struct Fetches {
    by_address: Mutex<HashMap<String, Weak<Fetch>>>,
    free: Semaphore,
}

impl Default for Fetches {
    fn default() -> Self {
        Self { by_address: Mutex::default(), free: Semaphore::new(MAX_FETCHES) }
    }
}

impl Fetches {
    /// The fetch of this address: the one under way, or a new one.
    fn join(&self, address: &str) -> Arc<Fetch> {
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

impl OAuth {
    /// The client of a document that was fetched a while ago; nothing is fetched for this.
    pub(super) fn known_document(&self, address: &str) -> Option<Client> {
        self.documents.find(address, self.host.now())
    }

    /// The client that publishes its metadata at this address.
    ///
    /// # Errors
    /// `invalid_client` (status 400) when the address or the document is not right, or it cannot be fetched;
    /// `temporarily_unavailable` (status 503) when too many others are being fetched.
    pub(super) async fn fetch_client(&self, address: &str) -> Result<Client> {
        let url =
            document::check_address(address, self.settings.allow_loopback_clients).map_err(|fault| refuse(&fault))?;
        if let Some(client) = self.documents.find(address, self.host.now()) {
            return Ok(client);
        }
        let fetch = self.fetches.join(address);
        fetch.get_or_init(|| self.fetch_document(&url)).await.clone()
    }

    async fn fetch_document(&self, url: &Url) -> Result<Client> {
        let Ok(_place) = self.fetches.free.try_acquire() else { return Err(busy()) };
        let limits = FetchLimits { max_bytes: document::MAX_BYTES, timeout: self.settings.metadata_timeout };
        let fetched = self.host.outbound().get(url, limits).await.map_err(unfetched)?;
        // The port keeps the limit; a document beyond it is never read all the same.
        if fetched.body.len() > document::MAX_BYTES {
            return Err(unfetched(FetchError::TooLarge(document::MAX_BYTES)));
        }
        let client = document::read(url, &fetched.body).map_err(|fault| refuse(&fault))?;
        self.documents.keep(url.as_str(), &client, self.host.now(), fetched.fresh_for.unwrap_or(USUAL_AGE));
        Ok(client)
    }
}

fn refuse(fault: &document::DocumentFault) -> Failure {
    refusal::unusable_client(format!("The agent cannot be identified. {fault}"))
}

fn busy() -> Failure {
    let message = "Too many agents are being looked up right now.";
    Failure::with_status(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", message)
        .hint("Wait a moment, then start again from your agent.")
}

/// Says no more than that it failed: what our network sees behind an address is nobody's business (SSRF).
fn unfetched(error: FetchError) -> Failure {
    refusal::unusable_client("The agent cannot be identified. Its metadata document could not be fetched.")
        .source(error)
}
