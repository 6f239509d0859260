//! What programs send.

use std::collections::BTreeMap;

use belgie_api::Interval;
use serde::Deserialize;

use crate::service::Wish;

fn here() -> String {
    "/account".to_owned()
}

/// The body of `/auth/subscription/upgrade`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    pub plan: String,
    #[serde(default)]
    pub annual: bool,
    pub account_id: Option<String>,
    pub seats: Option<u32>,
    pub subscription_id: Option<String>,
    #[serde(default)]
    pub schedule_at_period_end: bool,
    #[serde(default = "here")]
    pub success_url: String,
    #[serde(default = "here")]
    pub cancel_url: String,
    pub return_url: Option<String>,
    #[serde(default)]
    pub disable_redirect: bool,
    pub locale: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl Upgrade {
    /// What is to be bought.
    pub fn wish(&self) -> Wish {
        Wish {
            plan: self.plan.clone(),
            interval: if self.annual { Interval::Year } else { Interval::Month },
            seats: self.seats,
            subscription: self.subscription_id.clone(),
            at_period_end: self.schedule_at_period_end,
            success_url: self.success_url.clone(),
            cancel_url: self.cancel_url.clone(),
            return_url: self.return_url.clone().unwrap_or_else(|| self.success_url.clone()),
            locale: self.locale.clone(),
            metadata: self.metadata.clone(),
        }
    }
}

/// The body of the other acts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    pub account_id: Option<String>,
    pub subscription_id: Option<String>,
    #[serde(default = "here")]
    pub return_url: String,
    #[serde(default)]
    pub disable_redirect: bool,
    pub locale: Option<String>,
}

/// The query of `/auth/subscription/list`.
#[derive(Deserialize)]
pub struct Listing {
    pub account_id: Option<String>,
    #[serde(default)]
    pub active_only: bool,
}
