//! From a principal to a caller: who it is becomes who it is, for whom and under which plan.

use std::sync::Arc;

use belgie_api::host::{self, Contexts};
use belgie_api::{Caller, Principal};

/// The caller behind a principal. No context source is known yet, so the call is made for no organization and under no
/// plan; whatever asks for one is hidden or refused.
#[must_use]
pub fn caller_for(principal: Arc<Principal>) -> Caller {
    host::caller(principal, Contexts::default())
}
