//! Binding tokens to keys, and seeing to it that whoever holds the key alone uses them (RFC 9449).

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, Method};
use belgie_api::ports::{BoundCall, DPOP, KeyProofs, NotProven};
use belgie_api::{Failure, Result, async_trait};

use super::OAuth;
use super::client_auth::ClientProof;
use crate::model::dpop::{Binding, Proof, WINDOW, is_nonce_good, nonce_at};
use crate::model::foreign_keys::ALGORITHM_NAMES;
use crate::model::refusal;
use crate::store;

/// How often proofs are forgotten that are too old to be shown again.
pub const FORGET_PROOFS_EVERY: Duration = Duration::from_secs(60);

/// What nonces are made with.
const NONCES: &str = "oauth-server.dpop-nonce";

/// What is wrong with a proof.
#[derive(Debug)]
enum Fault {
    /// Something (section 4.3).
    Bad(&'static str),
    /// It has no nonce, or one of another time.
    Nonce,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Bad(message) => refusal::invalid_proof(message),
            Fault::Nonce => refusal::nonce_wanted(),
        }
    }
}

impl OAuth {
    /// The proof of a request to one of our endpoints, if it has one and proofs are looked at here: good, and perhaps used before.
    ///
    /// # Errors
    /// `invalid_dpop_proof` or `use_dpop_nonce` (RFC 9449 sections 5 and 8).
    pub fn read_proof(&self, headers: &HeaderMap, path: &str) -> Result<Option<Proof>> {
        let uri = self.host.urls().absolute(path);
        Ok(self.proof_of(headers, &Method::POST, &uri)?)
    }

    fn proof_of(&self, headers: &HeaderMap, method: &Method, uri: &str) -> Result<Option<Proof>, Fault> {
        let mut values = headers.get_all(DPOP).iter();
        let Some(value) = values.next().filter(|_| self.settings.dpop.binding != Binding::Off) else { return Ok(None) };
        if values.next().is_some() {
            return Err(Fault::Bad("There is more than one DPoP header."));
        }
        let proof = value.to_str().ok().and_then(Proof::read);
        let proof = proof.ok_or(Fault::Bad("The DPoP proof is not one that its own key has signed."))?;
        if !proof.is_for(method.as_str(), uri) {
            return Err(Fault::Bad("The DPoP proof is for another request."));
        }
        let now = self.host.now();
        match proof.nonce() {
            Some(nonce) if !is_nonce_good(&self.host.key(NONCES), now, nonce) => return Err(Fault::Nonce),
            None if self.settings.dpop.wants_nonces => return Err(Fault::Nonce),
            Some(_) | None => {}
        }
        if proof.is_timely(now).is_none() {
            return Err(Fault::Bad("The DPoP proof was not made just now."));
        }
        Ok(Some(proof))
    }

    /// Takes a proof, once among all nodes.
    async fn spend_proof(&self, proof: &Proof) -> Result<()> {
        let now = self.host.now();
        let used = || refusal::invalid_proof("The DPoP proof was used before.");
        let until = proof.is_timely(now).ok_or_else(used)?;
        let mut tx = self.host.db().begin().await?;
        if !store::proofs::reserve(&mut tx, &proof.hash(), until).await? {
            return Err(used());
        }
        tx.commit(now).await
    }

    /// The same client with the key it has shown, which what it is given is bound to.
    ///
    /// # Errors
    /// `invalid_dpop_proof` when it has shown none and has to, or the proof was used before.
    pub async fn with_key(&self, client: ClientProof, proof: Option<Proof>) -> Result<ClientProof> {
        let is_required = self.settings.dpop.binding == Binding::Required || client.rules.dpop_bound;
        match proof {
            Some(proof) => {
                self.spend_proof(&proof).await?;
                Ok(ClientProof { key: Some(proof.key), ..client })
            }
            None if is_required => Err(refusal::key_wanted()),
            None => Ok(client),
        }
    }

    /// Sees to it that a refresh token which is bound to no key is of no more use without one when the document of its client asks for
    /// bound tokens by now. Clients with a row, or that prove who they are, are held to their rules before.
    ///
    /// # Errors
    /// `invalid_dpop_proof`; `temporarily_unavailable` (status 503) when too many other documents are being fetched.
    pub(super) async fn check_document(&self, client: &ClientProof) -> Result<()> {
        if client.key.is_some() || client.is_proven || client.registered.is_some() {
            return Ok(());
        }
        let rules = self.rules_of_document(client.id.as_str()).await?;
        if rules.dpop_bound { Err(refusal::key_wanted()) } else { Ok(()) }
    }

    /// The key to which a code is to be bound that is asked for with a request sent ahead: that of its proof (section 10.1).
    ///
    /// # Errors
    /// `invalid_dpop_proof` when the proof was used before, or the request names another key.
    pub(super) async fn key_for_code(&self, proof: Option<Proof>, named: Option<&str>) -> Result<Option<String>> {
        let Some(proof) = proof else { return Ok(None) };
        self.spend_proof(&proof).await?;
        if named.is_some_and(|named| named != proof.key) {
            return Err(refusal::invalid_proof("The DPoP proof is of another key than dpop_jkt."));
        }
        Ok(Some(proof.key))
    }

    /// The nonce of this moment.
    pub fn nonce(&self) -> String {
        nonce_at(&self.host.key(NONCES), self.host.now())
    }

    /// The nonce that the next proof is to have, if it is to have one.
    pub fn next_nonce(&self) -> Option<String> {
        self.settings.dpop.wants_nonces.then(|| self.nonce())
    }

    /// Forgets proofs that are too old to be shown again. Looks first: on SQLite whoever writes keeps others from it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_proofs(&self) -> Result<()> {
        let now = self.host.now();
        // Another node, whose clock is behind, may still take them.
        let before = now.minus(WINDOW);
        if !store::proofs::has_old(&mut self.host.db().read().await?, before).await? {
            return Ok(());
        }
        let mut tx = self.host.db().begin().await?;
        store::proofs::purge(&mut tx, before).await?;
        tx.commit(now).await
    }
}

/// Who checks at our endpoints that tokens are used by whoever holds their key.
pub struct HeldKeys(pub Arc<OAuth>);

#[async_trait]
impl KeyProofs for HeldKeys {
    fn algorithms(&self) -> &'static str {
        ALGORITHM_NAMES
    }

    fn is_required(&self) -> bool {
        self.0.settings.dpop.binding == Binding::Required
    }

    async fn check(&self, call: BoundCall<'_>) -> Result<Option<String>, NotProven> {
        let proof = match self.0.proof_of(call.headers, call.method, call.uri) {
            Ok(proof) => proof.filter(|proof| proof.is_of(call.token)).ok_or(NotProven::Proof)?,
            Err(Fault::Bad(_)) => return Err(NotProven::Proof),
            Err(Fault::Nonce) => return Err(NotProven::Nonce(self.0.nonce())),
        };
        if proof.key != call.key {
            return Err(NotProven::Key);
        }
        match self.0.spend_proof(&proof).await {
            Ok(()) => Ok(self.0.next_nonce()),
            Err(failure) if failure.code() == refusal::INVALID_PROOF => Err(NotProven::Proof),
            Err(failure) => Err(NotProven::Failure(failure)),
        }
    }
}
