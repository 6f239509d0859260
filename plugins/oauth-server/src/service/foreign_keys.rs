//! Keys that others publish: fetched through the guarded port, and kept for a while.

use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, Method, StatusCode};
use belgie_api::ports::{FetchLimits, NamedBy, OutboundRequest};
use belgie_api::{Failure, Result};
use jsonwebtoken::DecodingKey;
use serde_json::Value;
use url::Url;

use super::OAuth;
use super::kept::{Fetches, Kept, USUAL_AGE};
use crate::model::assertion::AssertionHeader;
use crate::model::foreign_keys::{MAX_BYTES, PublicKeys};
use crate::model::refusal;

/// An unknown key makes us ask for the keys again at most this often, so that nobody can make us a nuisance.
const PAUSE: Duration = Duration::from_secs(60);

impl OAuth {
    /// The key that is published at an address and that an assertion says it is signed with; `None` when there is none.
    ///
    /// # Errors
    /// `invalid_client` when the keys cannot be fetched, status 503 when too many others are being fetched.
    pub(super) async fn find_foreign_key(
        &self,
        at: &Url,
        named_by: NamedBy,
        header: &AssertionHeader,
    ) -> Result<Option<DecodingKey>> {
        // What the operator may reach is not told to strangers who name the same address, nor do strangers take the room.
        let (kept_keys, fetches) = match named_by {
            NamedBy::Operator => (&self.issuers_keys, &self.issuers_fetches),
            NamedBy::Stranger => (&self.foreign_keys, &self.key_fetches),
        };
        let name = at.as_str();
        let pick = |keys: &PublicKeys| keys.find(header.key.as_deref(), header.algorithm).cloned();
        if let Some(kept) = kept_keys.find(name, self.host.now()) {
            let key = pick(&kept.value);
            if key.is_some() || kept.since.plus(PAUSE) > self.host.now() {
                return Ok(key);
            }
        }
        let fetch = fetches.join(name);
        let keys = fetch.get_or_init(|| self.fetch_keys((kept_keys, fetches), at, named_by)).await.clone()?;
        Ok(pick(&keys))
    }

    async fn fetch_keys(
        &self,
        (kept, fetches): (&Kept<PublicKeys>, &Fetches<PublicKeys>),
        at: &Url,
        named_by: NamedBy,
    ) -> Result<PublicKeys> {
        let Ok(_place) = fetches.free.try_acquire() else {
            return Err(Failure::unavailable("too many key sets are being fetched"));
        };
        let limits = FetchLimits { max_bytes: MAX_BYTES, timeout: self.settings.metadata_timeout };
        let (method, headers, body) = (Method::GET, HeaderMap::new(), Vec::new());
        let request = OutboundRequest { method, url: at.clone(), headers, body, limits, named_by };
        let answer = self.host.outbound().send(request).await.map_err(unfetched)?;
        if answer.status != StatusCode::OK || answer.body.len() > MAX_BYTES {
            return Err(unfetched(format!("status {}", answer.status)));
        }
        let document: Value = serde_json::from_slice(&answer.body).map_err(unfetched)?;
        let keys = PublicKeys::read(&document).map_err(unfetched)?;
        kept.keep(at.as_str(), &keys, self.host.now(), answer.fresh_for.unwrap_or(USUAL_AGE));
        Ok(keys)
    }
}

/// Says no more than that it failed: what our network sees behind an address is nobody's business (SSRF).
fn unfetched(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    refusal::invalid_client("The keys to check this with could not be fetched.").source(source.into())
}
