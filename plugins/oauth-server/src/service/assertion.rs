//! Checking what others sign to say who they are (RFC 7523 section 3).

use belgie_api::crypto::sha256;
use belgie_api::ports::NamedBy;
use belgie_api::{ClientId, Failure, Result, Timestamp};
use jsonwebtoken::DecodingKey;
use url::Url;

use super::OAuth;
use crate::model::assertion::{AssertionClaims, AssertionHeader, MAX_CLIENT_AHEAD};
use crate::model::foreign_keys::{ClientKeys, PublicKeys, algorithm_named};
use crate::store;

/// The kinds an assertion of a client may call itself; many say nothing (RFC 7523bis section 3).
const KINDS: [&str; 2] = ["jwt", "client-authentication+jwt"];

impl OAuth {
    /// Whether an assertion proves that this is the client: signed with one of its keys, about itself, for us alone, in
    /// force, and never seen before at any node (RFC 7523 section 3, OpenID Connect Core 1.0 section 9).
    ///
    /// # Errors
    /// When its keys cannot be fetched, or the database does not answer.
    pub(super) async fn proves(&self, assertion: &str, id: &ClientId, keys: &ClientKeys) -> Result<bool> {
        let Some(header) = AssertionHeader::read(assertion) else { return Ok(false) };
        let is_of_kind = header.kind.as_deref().is_none_or(|kind| KINDS.contains(&kind));
        let pinned = keys.algorithm.as_deref().map(algorithm_named);
        if !is_of_kind || pinned.is_some_and(|pinned| pinned != Some(header.algorithm)) {
            return Ok(false);
        }
        let Some(key) = self.key_of(keys, &header).await? else { return Ok(false) };
        let Some(claims) = AssertionClaims::check(assertion, &key, header.algorithm) else { return Ok(false) };
        let now = self.host.now();
        let is_own = claims.iss == id.as_str() && claims.sub == id.as_str();
        let (Some(until), Some(name)) = (claims.in_force(now, MAX_CLIENT_AHEAD), claims.id()) else { return Ok(false) };
        if !is_own || !self.is_for_us(&claims) {
            return Ok(false);
        }
        self.take_assertion(id.as_str(), name, until).await
    }

    async fn key_of(&self, keys: &ClientKeys, header: &AssertionHeader) -> Result<Option<DecodingKey>> {
        match (&keys.jwks, &keys.jwks_uri) {
            (Some(jwks), _) => {
                let keys = PublicKeys::read(jwks).map_err(Failure::internal)?;
                Ok(keys.find(header.key.as_deref(), header.algorithm).cloned())
            }
            (None, Some(uri)) => {
                let uri = Url::parse(uri).map_err(Failure::internal)?;
                self.find_foreign_key(&uri, NamedBy::Stranger, header).await
            }
            (None, None) => Ok(None),
        }
    }

    /// Whether an assertion is written for us: our issuer, which some end with a slash. The token endpoint will not do: another
    /// server could name ours as its own, and use here what it is sent (RFC 7523bis, CVE-2025-27370).
    pub(super) fn is_for_us(&self, claims: &AssertionClaims) -> bool {
        let issuer = self.host.urls().issuer();
        claims.is_for(&[issuer, &format!("{issuer}/")])
    }

    /// Takes an assertion, once among all nodes; `false` when it was taken before. It is spent whatever becomes of the request.
    pub(super) async fn take_assertion(&self, issuer: &str, name: &str, until: Timestamp) -> Result<bool> {
        let hash = sha256(format!("{issuer}\0{name}").as_bytes());
        let mut tx = self.host.db().begin().await?;
        let is_new = store::assertions::reserve(&mut tx, &hash, until).await?;
        tx.commit(self.host.now()).await?;
        Ok(is_new)
    }
}
