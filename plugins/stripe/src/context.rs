//! What callers are told of plans, and refused callers of the way to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use belgie_api::context::{QuotaContext, SubscriptionContext};
use belgie_api::ports::{BillingSubject, Counted, Lacking, Metering, Reserved, SubscriptionContexts, WayOut};
use belgie_api::{Caller, Result, async_trait};

use crate::service::Billing;

/// Plans, as the host asks for them.
pub struct Contexts(pub Arc<Billing>);

#[async_trait]
impl SubscriptionContexts for Contexts {
    async fn find(&self, subjects: &[BillingSubject]) -> Result<Option<SubscriptionContext>> {
        self.0.context_of(subjects).await
    }

    fn way_out(&self, caller: &Caller, lacking: Lacking<'_>) -> Option<WayOut> {
        self.0.way_out(caller, lacking)
    }
}

/// Counting, as the host asks for it.
pub struct Counting(pub Arc<Billing>);

#[async_trait]
impl Metering for Counting {
    async fn reserve(&self, caller: &Caller, counted: Counted<'_>) -> Result<Reserved> {
        self.0.reserve(caller, counted).await
    }

    async fn quotas(&self, caller: &Caller) -> Result<BTreeMap<String, QuotaContext>> {
        self.0.quotas_of(caller).await
    }
}
