//! The smallest ports a plugin can be tested with.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use belgie_api::axum::Json;
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::context::UserContext;
use belgie_api::crypto::{base64url, from_base64url};
use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::Act;
use belgie_api::ports::{
    Accounts, BegunSession, FetchError, FetchLimits, Fetched, Ground, Keys, LimitBucket, Limits, NewUser, Outbound,
    OutboundRequest, OutboundResponse, Pages, Sessions, UserChanges, UserProfile,
};
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result, SessionId, UserId, async_trait, on};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

/// Shows the context itself.
pub struct PlainPages;

impl Pages for PlainPages {
    fn page(&self, _visitor: &Visitor, template: &str, _title: &str, context: Value) -> Result<Response> {
        Ok(Json(json!({ "template": template, "context": context })).into_response())
    }

    fn fragment(&self, _template: &str, context: Value) -> Result<String> {
        Ok(context.to_string())
    }
}

#[derive(Default)]
pub struct People(pub Mutex<Vec<UserContext>>);

#[async_trait]
impl Accounts for People {
    async fn find(&self, user: UserId) -> Result<Option<UserContext>> {
        Ok(self.0.lock().unwrap().iter().find(|known| known.id == user).cloned())
    }

    async fn find_by_email(&self, email: &str) -> Result<Option<UserContext>> {
        Ok(self.0.lock().unwrap().iter().find(|known| known.email == email).cloned())
    }

    async fn hold(&self, _: &mut Tx, user: UserId) -> Result<Option<UserContext>> {
        self.find(user).await
    }

    async fn profile(&self, _user: UserId) -> Result<Option<UserProfile>> {
        Ok(None)
    }

    async fn create(&self, _tx: &mut Tx, _user: &NewUser, _method: &str) -> Result<Option<UserContext>> {
        Ok(None)
    }

    async fn update(&self, _tx: &mut Tx, _user: UserId, _changes: &UserChanges) -> Result<Option<UserContext>> {
        Ok(None)
    }

    async fn ask_vetoes(&self, _tx: &mut Tx, _act: Act<'_>) -> Result<()> {
        Ok(())
    }

    async fn ways_in(&self, _conn: &mut Conn, _user: UserId) -> Result<usize> {
        Ok(1)
    }

    fn is_sign_up_open(&self) -> bool {
        false
    }
}

/// Sessions that others begin.
pub struct Browsers;

#[async_trait]
impl Sessions for Browsers {
    async fn begin_on(&self, _: &Visitor, _: &HeaderMap, _: (UserId, &str), _: &dyn Ground) -> Result<BegunSession> {
        Err(Failure::internal("nobody signs in here"))
    }

    async fn hold(&self, tx: &mut Tx, session: SessionId, user: UserId) -> Result<bool> {
        let found = on!(tx, c => sqlx::query("UPDATE core_sessions SET last_seen_at = last_seen_at \
            WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id")
            .bind(session).bind(user).fetch_optional(c).await.map(|row| row.is_some()))?;
        Ok(found)
    }

    async fn confirm(&self, _: SessionId, _: &str) -> Result<()> {
        Err(Failure::internal("nobody signs in here"))
    }
}

/// Counts, and refuses once a bucket is declared empty.
#[derive(Default)]
pub struct Buckets {
    pub taken: Mutex<Vec<(LimitBucket, String)>>,
    pub empty: Mutex<Vec<LimitBucket>>,
}

#[async_trait]
impl Limits for Buckets {
    async fn take(&self, bucket: LimitBucket, key: &str) -> Result<()> {
        self.taken.lock().unwrap().push((bucket, key.to_owned()));
        if self.empty.lock().unwrap().contains(&bucket) {
            return Err(Failure::too_many(Duration::from_secs(1)));
        }
        Ok(())
    }
}

/// A web of a few documents.
#[derive(Default)]
pub struct Web {
    pub documents: Mutex<HashMap<String, (Vec<u8>, Option<Duration>)>>,
    pub fetches: AtomicUsize,
    /// While somebody holds it to write, no fetch comes to its end.
    pub hold: tokio::sync::RwLock<()>,
}

impl Web {
    pub fn publish(&self, url: &str, document: &Value, fresh_for: Option<Duration>) {
        self.documents.lock().unwrap().insert(url.to_owned(), (document.to_string().into_bytes(), fresh_for));
    }
}

#[async_trait]
impl Outbound for Web {
    async fn get(&self, url: &Url, limits: FetchLimits) -> Result<Fetched, FetchError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let _passed = self.hold.read().await;
        let found = self.documents.lock().unwrap().get(url.as_str()).cloned();
        let (body, fresh_for) = found.ok_or(FetchError::Status(404))?;
        if body.len() > limits.max_bytes {
            return Err(FetchError::TooLarge(limits.max_bytes));
        }
        Ok(Fetched { body, fresh_for })
    }

    async fn send(&self, _request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        Err(FetchError::Status(404))
    }
}

/// Keeps no record.
pub struct NoRecord;

#[async_trait]
impl belgie_api::ports::Audit for NoRecord {
    async fn record(&self, _: &mut Tx, _: &belgie_api::ports::AuditEntry) -> Result<()> {
        Ok(())
    }
}

/// Seals nothing, but notices what is opened elsewhere than it was sealed for.
pub struct PlainSeals;

impl Keys for PlainSeals {
    fn derive(&self, purpose: &str) -> [u8; 32] {
        belgie_api::crypto::sha256(purpose.as_bytes())
    }

    fn seal(&self, purpose: &str, context: &[u8], secret: &[u8]) -> Result<String> {
        Ok(format!("{purpose}/{}/{}", base64url(context), base64url(secret)))
    }

    fn unseal(&self, purpose: &str, context: &[u8], sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let secret = sealed.strip_prefix(&format!("{purpose}/{}/", base64url(context))).and_then(from_base64url);
        secret.map(Zeroizing::new).ok_or_else(|| Failure::internal("it is sealed for something else"))
    }

    fn is_stale(&self, _: &str) -> bool {
        false
    }
}
