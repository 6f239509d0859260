//! The keys an issuer publishes (RFC 7517), kept for a while.

use std::sync::{Arc, Mutex as Shared, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::issuer::{Issuer, answer};

/// How long keys are kept. A gateway publishes a key for longer than this before it signs.
const KEPT: Duration = Duration::from_secs(300);

/// How soon they are asked for again because a token names one that is not among them. Whoever makes up names costs the
/// issuer this much and no more. After an attempt that failed, nobody asks sooner either.
const AGAIN: Duration = Duration::from_secs(5);

/// How long a key is taken, from when it was read, while the issuer does not answer. A key that the issuer takes back meanwhile
/// is good here for no longer than this.
const OUTAGE: Duration = Duration::from_secs(3600);

/// A set with members nobody here knows is read all the same (RFC 7517 section 5).
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) algorithm: jsonwebtoken::Algorithm,
    pub(crate) checking: DecodingKey,
}

impl Key {
    /// A key that checks signatures; `None` for any other.
    fn of(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_signatures = common.public_key_use.as_ref().is_none_or(|for_| *for_ == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
        let is_public = !matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
        // A key without `alg` could be used for several: the one that is published here says which.
        let algorithm = common.key_algorithm?.to_string().parse().ok()?;
        let id = common.key_id.clone()?;
        let checking = DecodingKey::from_jwk(&jwk).ok()?;
        (is_for_signatures && is_public).then_some(Self { id, algorithm, checking })
    }
}

#[derive(Default)]
struct Kept {
    keys: Vec<Arc<Key>>,
    read: Option<Instant>,
    /// When the issuer was asked in vain, if that was after they were read.
    failed: Option<Instant>,
}

/// What can be said of a name without asking.
enum Known {
    /// This; or that there is no such key.
    Enough(Option<Arc<Key>>),
    /// The issuer has to be asked. While it is, and if it does not answer, an old key is good.
    Ask(Option<Arc<Key>>),
    /// Nothing, and the issuer did not answer a moment ago.
    Unanswered,
}

impl Kept {
    fn look(&self, id: &str, now: Instant) -> Known {
        let found = self.keys.iter().find(|key| key.id == id).cloned();
        let age = self.read.map(|read| now.saturating_duration_since(read));
        let is_younger = |most: Duration| age.is_some_and(|age| age < most);
        if is_younger(if found.is_some() { KEPT } else { AGAIN }) {
            return Known::Enough(found);
        }
        let old = found.filter(|_| is_younger(OUTAGE));
        let has_failed = self.failed.is_some_and(|failed| now.saturating_duration_since(failed) < AGAIN);
        match old {
            old if !has_failed => Known::Ask(old),
            Some(old) => Known::Enough(Some(old)),
            None => Known::Unanswered,
        }
    }
}

/// The keys, read when they are needed. One asks for them; whoever needs them at the same moment waits for its answer, unless an old
/// key will do.
#[derive(Default)]
pub(crate) struct Keys {
    kept: Shared<Kept>,
    asking: Mutex<()>,
}

impl Keys {
    /// The key of this name, if the issuer publishes one.
    ///
    /// # Errors
    /// When the issuer does not answer, or did not a moment ago, and no key of this name was read in the last hour.
    pub(crate) async fn find(&self, issuer: &Issuer, id: &str) -> Result<Option<Arc<Key>>, String> {
        self.find_by(Instant::now, issuer, id).await
    }

    async fn find_by(&self, now: impl Fn() -> Instant, issuer: &Issuer, id: &str) -> Result<Option<Arc<Key>>, String> {
        let look = || self.kept().look(id, now());
        let _asking = match look() {
            Known::Enough(found) => return Ok(found),
            Known::Unanswered => return Err(unanswered()),
            Known::Ask(None) => self.asking.lock().await,
            Known::Ask(old) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(old),
            },
        };
        // Whoever asked before may have heard it.
        match look() {
            Known::Enough(found) => return Ok(found),
            Known::Unanswered => return Err(unanswered()),
            Known::Ask(_) => {}
        }
        match read(issuer).await {
            Ok(keys) => {
                *self.kept() = Kept { keys, read: Some(now()), failed: None };
                Ok(self.kept().keys.iter().find(|key| key.id == id).cloned())
            }
            Err(error) => {
                self.kept().failed = Some(now());
                match look() {
                    Known::Enough(found) => Ok(found),
                    Known::Ask(_) | Known::Unanswered => Err(error),
                }
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unanswered() -> String {
    "the issuer did not answer a moment ago".to_owned()
}

async fn read(issuer: &Issuer) -> Result<Vec<Arc<Key>>, String> {
    let place = issuer.metadata().await?.jwks_uri.clone().ok_or("the issuer publishes no keys")?;
    let set: KeySet = answer(issuer.http().get(place)).await?;
    Ok(set.keys.into_iter().filter_map(Key::of).map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "what stands in for the outside world is no part of the machine")]

    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use axum::http::StatusCode;
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use tokio::sync::Notify;

    use super::{AGAIN, KEPT, Key, Keys, OUTAGE};
    use crate::issuer::Issuer;

    const ANSWERS: u8 = 0;
    const HANGS: u8 = 1;
    const FAILS: u8 = 2;

    /// An issuer that answers, hangs until it is let go, or fails; and a clock.
    struct StandIn {
        mode: AtomicU8,
        asked: AtomicUsize,
        begun: Notify,
        go_on: Notify,
        now: Mutex<Instant>,
    }

    impl StandIn {
        async fn start() -> (Arc<Self>, Issuer) {
            let stand_in = Arc::new(Self {
                mode: AtomicU8::new(ANSWERS),
                asked: AtomicUsize::new(0),
                begun: Notify::new(),
                go_on: Notify::new(),
                now: Mutex::new(Instant::now()),
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address: SocketAddr = listener.local_addr().expect("an address");
            let name = format!("http://{address}");
            let metadata = json!({ "issuer": name, "jwks_uri": format!("{name}/jwks") });
            let keys = {
                let stand_in = Arc::clone(&stand_in);
                move || async move { stand_in.keys().await }
            };
            let routes = Router::new()
                .route("/.well-known/oauth-authorization-server", get(move || async move { Json(metadata) }))
                .route("/jwks", get(keys));
            tokio::spawn(async move { axum::serve(listener, routes).await });
            (stand_in, Issuer::new(name).expect("an issuer"))
        }

        async fn keys(&self) -> (StatusCode, Json<Value>) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let mode = self.mode.load(Ordering::SeqCst);
            if mode == HANGS {
                self.begun.notify_one();
                self.go_on.notified().await;
            }
            // The key of RFC 7517 appendix A.1.
            let key = json!({
                "kty": "EC", "crv": "P-256", "kid": "known", "use": "sig", "alg": "ES256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            });
            let status = if mode == ANSWERS { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
            (status, Json(json!({ "keys": [key] })))
        }

        fn now(&self) -> Instant {
            *self.now.lock().expect("the clock")
        }

        fn advance(&self, by: Duration) {
            *self.now.lock().expect("the clock") += by;
        }

        fn becomes(&self, mode: u8) {
            self.mode.store(mode, Ordering::SeqCst);
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        async fn find(&self, keys: &Keys, issuer: &Issuer, id: &str) -> Result<Option<Arc<Key>>, String> {
            keys.find_by(|| self.now(), issuer, id).await
        }

        async fn knows(&self, keys: &Keys, issuer: &Issuer) -> bool {
            matches!(self.find(keys, issuer, "known").await, Ok(Some(key)) if key.id == "known")
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_an_issuer_that_hangs_while_an_old_key_will_do() {
        let (issuer_of, issuer) = StandIn::start().await;
        let keys = Keys::default();
        assert!(issuer_of.knows(&keys, &issuer).await);
        issuer_of.advance(KEPT);
        issuer_of.becomes(HANGS);
        let asking = issuer_of.knows(&keys, &issuer);
        let others = async {
            issuer_of.begun.notified().await;
            for _ in 0..20 {
                assert!(issuer_of.knows(&keys, &issuer).await);
            }
            assert_eq!(issuer_of.asked(), 2, "one asks for all");
            issuer_of.go_on.notify_one();
        };
        let patient = tokio::time::timeout(Duration::from_secs(3), async { tokio::join!(asking, others) });
        let (known, ()) = patient.await.expect("nobody waits for the other");
        assert!(known, "whoever has asked in vain has the old key, too");
    }

    #[tokio::test]
    async fn an_issuer_that_fails_is_asked_again_after_a_while_and_its_keys_are_good_for_an_hour() {
        let (issuer_of, issuer) = StandIn::start().await;
        let keys = Keys::default();
        assert!(issuer_of.knows(&keys, &issuer).await);
        issuer_of.becomes(FAILS);
        issuer_of.advance(KEPT);
        for asked in [2, 3] {
            for _ in 0..3 {
                assert!(issuer_of.knows(&keys, &issuer).await);
                assert!(
                    issuer_of.find(&keys, &issuer, "unknown").await.is_err(),
                    "it cannot be known that there is none"
                );
                assert_eq!(issuer_of.asked(), asked);
            }
            issuer_of.advance(AGAIN);
        }
        issuer_of.advance(OUTAGE.saturating_sub(KEPT).saturating_sub(3 * AGAIN));
        assert!(issuer_of.knows(&keys, &issuer).await);
        issuer_of.advance(AGAIN);
        assert!(!issuer_of.knows(&keys, &issuer).await, "an hour is over");
        issuer_of.becomes(ANSWERS);
        issuer_of.advance(AGAIN);
        assert!(issuer_of.knows(&keys, &issuer).await);
        assert!(issuer_of.find(&keys, &issuer, "unknown").await.expect("an answer").is_none());
    }

    #[tokio::test]
    async fn those_who_wait_for_the_first_answer_hear_together_that_there_is_none() {
        let (issuer_of, issuer) = StandIn::start().await;
        let keys = Keys::default();
        issuer_of.becomes(FAILS);
        let (one, two) = tokio::join!(issuer_of.find(&keys, &issuer, "known"), issuer_of.find(&keys, &issuer, "known"));
        assert!(one.is_err() && two.is_err());
        assert_eq!(issuer_of.asked(), 1);
    }
}
