//! Signing tokens and checking our own signatures (RFC 7519, RFC 8725).

use belgie_api::crypto::from_base64url;
use belgie_api::db::Tx;
use belgie_api::{Failure, Result, Timestamp};
use jsonwebtoken::{Header, Validation, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::OAuth;
use super::keys::{KeySet, SEAL};
use crate::model::access_token::is_signed_form;
use crate::model::key::{KeyAlgorithm, read_private};

/// The header of our own tokens. One with anything else in it (`crit`, `jwk`, `jku` ...) is none of ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnHeader {
    alg: String,
    typ: String,
    kid: String,
}

impl OwnHeader {
    fn read(text: &str) -> Option<Self> {
        let (header, _) = text.split_once('.')?;
        serde_json::from_slice(&from_base64url(header)?).ok()
    }
}

impl OAuth {
    /// Signs claims, and notes in the transaction how long the key is needed for them.
    ///
    /// # Errors
    /// When there is no such key, it does not open, or it has just gone.
    pub(super) async fn sign(
        &self,
        tx: &mut Tx,
        (keys, algorithm): (&KeySet, KeyAlgorithm),
        kind: &str,
        claims: &impl Serialize,
        until: Timestamp,
    ) -> Result<String> {
        let key = keys.current(algorithm).ok_or_else(|| Failure::internal("there is no key to sign with"))?;
        self.need_key(tx, key, until).await?;
        let opened = self.host.unseal(SEAL, key.stored.id.as_bytes(), &key.stored.private_key)?;
        let mut header = Header::new(algorithm.of_library());
        header.typ = Some(kind.to_owned());
        header.kid = Some(key.stored.id.clone());
        encode(&header, claims, &read_private(algorithm, &opened)?).map_err(Failure::internal)
    }

    /// The claims of a text that one of our keys has signed as a token of this kind; `None` for any other. The key chooses the
    /// algorithm, the header only has to agree. What the claims mean, and whether they are in force, is for the caller to see.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn check_signature<T: DeserializeOwned>(&self, text: &str, kind: &str) -> Result<Option<T>> {
        if !is_signed_form(text) {
            return Ok(None);
        }
        let Some(header) = OwnHeader::read(text).filter(|header| header.typ == kind) else { return Ok(None) };
        let mut keys = self.keys().await?;
        if keys.find(&header.kid).is_none() {
            // Another node may have begun to sign with it just now. It costs what a guessed opaque token costs.
            keys = self.read_keys().await?;
        }
        let Some(key) = keys.find(&header.kid).filter(|key| key.stored.algorithm.as_str() == header.alg) else {
            return Ok(None);
        };
        // Time and audience are checked by the caller, with our clock.
        let mut validation = Validation::new(key.stored.algorithm.of_library());
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        Ok(decode::<T>(text, &key.checking, &validation).ok().map(|token| token.claims))
    }
}
