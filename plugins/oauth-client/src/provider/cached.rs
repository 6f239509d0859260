//! One document of a provider, kept for a while.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use belgie_api::{Failure, Result, Timestamp};

/// One document. It is fetched by one at a time; whoever comes meanwhile waits for that fetch and shares its outcome, a
/// failure too. Failures are kept for nobody else. Nothing but time empties it: the document is the provider's to change.
pub struct Cached<T> {
    name: &'static str,
    state: RwLock<State<T>>,
    turn: tokio::sync::Mutex<()>,
}

struct State<T> {
    document: Option<(Arc<T>, Timestamp)>,
    /// When it was last fetched again because it lacked something.
    sought_at: Option<Timestamp>,
    tries: u64,
    failure: Option<Failure>,
}

/// What a fetch brought.
pub struct Fresh<T> {
    /// The document.
    pub document: T,
    /// How long it may be kept.
    pub lifetime: Duration,
}

impl<T> Cached<T> {
    /// Holds nothing yet. `name`: what the log calls it.
    pub fn new(name: &'static str) -> Self {
        let state = State { document: None, sought_at: None, tries: 0, failure: None };
        Self { name, state: RwLock::new(state), turn: tokio::sync::Mutex::default() }
    }

    fn read(&self) -> (Option<Arc<T>>, u64) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.document.as_ref().map(|(document, _)| Arc::clone(document)), state.tries)
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<T>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.document.as_ref().filter(|(_, until)| *until > now).map(|(document, _)| Arc::clone(document))
    }

    fn failure_since(&self, tries: u64) -> Option<Failure> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.failure.clone().filter(|_| state.tries != tries)
    }

    /// Notes that it is fetched again; `false` when that was done within this time.
    fn may_seek(&self, pause: Duration, now: Timestamp) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let may = state.sought_at.is_none_or(|sought| sought.plus(pause) <= now);
        if may {
            state.sought_at = Some(now);
        }
        may
    }

    /// The document, fetched if there is none that may still be kept.
    ///
    /// # Errors
    /// Those of the fetch.
    pub async fn get<F>(&self, now: Timestamp, fetch: impl Fn() -> F) -> Result<Arc<T>>
    where
        F: Future<Output = Result<Fresh<T>>>,
    {
        if let Some(document) = self.fresh(now) {
            return Ok(document);
        }
        let (_, tries) = self.read();
        let _turn = self.turn.lock().await;
        if let Some(document) = self.fresh(now) {
            return Ok(document);
        }
        match self.failure_since(tries) {
            Some(failure) => Err(failure),
            None => self.fetch(now, fetch).await,
        }
    }

    /// The document, fetched again because it lacks something; but not when that was done within `pause`, so that
    /// nobody can make us ask again and again.
    ///
    /// # Errors
    /// Those of the fetch.
    pub async fn get_newer<F>(&self, now: Timestamp, pause: Duration, fetch: impl Fn() -> F) -> Result<Option<Arc<T>>>
    where
        F: Future<Output = Result<Fresh<T>>>,
    {
        let (_, tries) = self.read();
        let _turn = self.turn.lock().await;
        let (document, tries_now) = self.read();
        if tries_now != tries {
            return Ok(document);
        }
        if !self.may_seek(pause, now) {
            return Ok(None);
        }
        self.fetch(now, fetch).await.map(Some)
    }

    async fn fetch<F>(&self, now: Timestamp, fetch: impl Fn() -> F) -> Result<Arc<T>>
    where
        F: Future<Output = Result<Fresh<T>>>,
    {
        let fetched = fetch().await;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.tries = state.tries.wrapping_add(1);
        match fetched {
            Ok(Fresh { document, lifetime }) => {
                let document = Arc::new(document);
                state.document = Some((Arc::clone(&document), now.plus(lifetime)));
                state.failure = None;
                Ok(document)
            }
            Err(failure) => {
                tracing::warn!(cache.name = self.name, error = ?failure, "a document of a provider cannot be had");
                state.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }
}
