//! Ports that lead nowhere: what a plugin's own tests put where the plugin asks for nothing.

use std::time::Duration;

use async_trait::async_trait;
use axum::response::Response;
use http::HeaderMap;
use zeroize::Zeroizing;

use crate::context::UserContext;
use crate::db::Tx;
use crate::failure::{Failure, Result};
use crate::id::{SessionId, UserId};
use crate::ports::{
    Audit, AuditEntry, Background, BegunSession, Ground, Kept, Keys, Mail, Mailer, Newcomer, Newcomers, OneTime,
    Sessions, Work,
};
use crate::token::PlainToken;
use crate::web::Visitor;

/// Refuses everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

fn nothing<T>() -> Result<T> {
    Err(Failure::internal("this port leads nowhere"))
}

#[async_trait]
impl Sessions for Nowhere {
    async fn begin_on(&self, _: &Visitor, _: &HeaderMap, _: (UserId, &str), _: &dyn Ground) -> Result<BegunSession> {
        nothing()
    }

    async fn hold(&self, _: &mut Tx, _: SessionId, _: UserId) -> Result<bool> {
        nothing()
    }

    async fn confirm(&self, _: SessionId, _: &str) -> Result<()> {
        nothing()
    }
}

#[async_trait]
impl Newcomers for Nowhere {
    fn must_prove(&self) -> bool {
        false
    }

    async fn ask_to_sign_up(&self, _: &Visitor, _: Newcomer) -> Result<Response> {
        nothing()
    }

    async fn ask_to_verify(&self, _: &Visitor, _: &HeaderMap, _: &UserContext) -> Result<Response> {
        nothing()
    }
}

#[async_trait]
impl OneTime for Nowhere {
    async fn keep(&self, _: &mut Tx, _: &str, _: &Kept, _: Duration) -> Result<PlainToken> {
        nothing()
    }

    async fn look(&self, _: &str, _: &PlainToken) -> Result<Option<Kept>> {
        nothing()
    }

    async fn take(&self, _: &mut Tx, _: &str, _: &PlainToken) -> Result<Option<Kept>> {
        nothing()
    }
}

#[async_trait]
impl Mailer for Nowhere {
    fn is_available(&self) -> bool {
        false
    }

    async fn enqueue(&self, _: &mut Tx, _: &Mail) -> Result<()> {
        nothing()
    }
}

#[async_trait]
impl Audit for Nowhere {
    async fn record(&self, _: &mut Tx, _: &AuditEntry) -> Result<()> {
        nothing()
    }
}

impl Keys for Nowhere {
    fn derive(&self, _: &str) -> [u8; 32] {
        [7; 32]
    }

    fn seal(&self, _: &str, _: &[u8], _: &[u8]) -> Result<String> {
        nothing()
    }

    fn unseal(&self, _: &str, _: &[u8], _: &str) -> Result<Zeroizing<Vec<u8>>> {
        nothing()
    }

    fn is_stale(&self, _: &str) -> bool {
        false
    }
}

impl Background for Nowhere {
    fn spawn(&self, _: &'static str, _: Work) {}
}
