//! The record of acts: who did what to whom, through which client, and what came of it.

use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::db::Tx;
use belgie_api::ports::{Audit, AuditEntry};
use belgie_api::{AuditId, Clock, Entropy, Result};

use crate::store::audit;

/// [`Audit`] in the database.
#[derive(Clone)]
pub struct AuditLog {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl AuditLog {
    /// Puts it together.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }
}

#[async_trait]
impl Audit for AuditLog {
    async fn record(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
        let id = AuditId::new(self.clock.as_ref(), self.entropy.as_ref());
        audit::insert(tx, id, self.clock.now(), entry).await
    }
}
