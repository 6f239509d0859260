//! Proofs that whoever sends a request holds the key its token is bound to (RFC 9449), without the machine knowing who checks
//! them.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderName, Method};

use crate::failure::Failure;

/// The header of a proof.
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The header of a nonce that the next proof is to have (RFC 9449 section 8.2).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A request with a token that is bound to a key.
#[derive(Clone, Copy)]
pub struct BoundCall<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its address as the public knows it: absolute, without a query.
    pub uri: &'a str,
    /// Its headers, the proof among them.
    pub headers: &'a HeaderMap,
    /// The token.
    pub token: &'a str,
    /// The SHA-256 thumbprint of the key (RFC 7638), as base64url.
    pub key: &'a str,
}

/// Why a request is not that of whoever holds the key.
#[derive(Debug)]
pub enum NotProven {
    /// There is no proof, or not a good one (RFC 9449 section 4.3).
    Proof,
    /// It is of another key.
    Key,
    /// It lacks a nonce that is good now: this one is.
    Nonce(String),
    /// It cannot be found out now.
    Failure(Failure),
}

impl From<Failure> for NotProven {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Checks proofs.
#[async_trait]
pub trait KeyProofs: Send + Sync {
    /// What a proof may be signed with, by its names on the wire, separated by spaces.
    fn algorithms(&self) -> &'static str;

    /// Whether tokens that are bound to no key open nothing here.
    fn is_required(&self) -> bool;

    /// Checks the proof of a request and spends it, once among all nodes: the nonce that the next one is to have, if it is to have
    /// one.
    ///
    /// # Errors
    /// [`NotProven`] says why not.
    async fn check(&self, call: BoundCall<'_>) -> Result<Option<String>, NotProven>;
}

/// Whoever checks proofs, as a plugin provides it.
pub struct Proofs(pub Arc<dyn KeyProofs>);
