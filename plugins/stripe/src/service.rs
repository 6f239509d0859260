//! What can be done with plans, behind pages, endpoints, commands and the application.

mod accounts;
mod change;
mod checkout;
mod events;
mod landing;
mod manage;
mod meter;
mod plans;
mod sync;

use std::sync::Arc;

use belgie_api::{Failure, Host, Result};

pub use self::accounts::Account;
pub use self::checkout::{Bought, Wish};
pub use self::events::{EVERY, Replayed};
pub use self::meter::{AccountUsage, MeterUsage, REPORT_EVERY, Reported, ShareUsage, Which};
pub use self::plans::Standing;
use crate::client::Stripe;
use crate::model::settings::Settings;

/// The plans of this gateway, sold through Stripe: what handlers of an application take as `Use<Billing>`.
pub struct Billing {
    host: Host,
    settings: Settings,
    stripe: Stripe,
    running: meter::Running,
}

impl Billing {
    /// Puts it together.
    ///
    /// # Errors
    /// When there is no key to work with.
    pub fn new(host: Host, settings: Settings) -> Result<Arc<Self>> {
        let key = settings.secret_key.clone().ok_or_else(crate::model::refusal::off)?;
        let stripe = Stripe::new(host.clone(), settings.base().map_err(Failure::internal)?, key);
        Ok(Arc::new(Self { host, settings, stripe, running: meter::Running::default() }))
    }

    /// What the host lends.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// How the plugin is set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
