//! What can be done with plans, behind pages, endpoints, commands and the application.

mod accounts;
mod change;
mod checkout;
mod close;
mod customers;
mod drift;
mod events;
mod gone;
mod landing;
mod line;
mod lines;
mod manage;
mod meter;
mod people;
mod plans;
mod prices;
mod sync;
mod upkeep;

use std::sync::Arc;

use belgie_api::{Failure, Host, Result};

pub use self::accounts::Account;
use self::accounts::MANAGE;
pub use self::checkout::{Bought, Wish};
pub use self::drift::{Drift, Pushed};
pub use self::events::{EVERY, Replayed};
pub use self::meter::{ALERTS_EVERY, AccountUsage, MeterUsage, REPORT_EVERY, Reported, ShareUsage, Which};
pub use self::people::People;
pub use self::plans::Standing;
use self::prices::Prices;
pub use self::upkeep::{CHORES_EVERY, LOOK_EVERY, TURNS_EVERY};
use crate::client::Stripe;
use crate::lifecycle::{Lifecycle, Listeners};
use crate::model::settings::Settings;
use crate::source::{Catalogue, PlanSource};

/// The plans of this gateway, sold through Stripe: what handlers of an application take as `Use<Billing>`.
pub struct Billing {
    host: Host,
    settings: Settings,
    stripe: Stripe,
    listeners: Listeners,
    catalogue: Catalogue,
    prices: Prices,
    running: meter::Running,
}

impl Billing {
    /// Puts it together.
    ///
    /// # Errors
    /// When there is no key to work with.
    pub fn new(
        host: Host,
        settings: Settings,
        listeners: Listeners,
        source: Option<Arc<dyn PlanSource>>,
    ) -> Result<Arc<Self>> {
        let key = settings.secret_key.clone().ok_or_else(crate::model::refusal::off)?;
        let stripe = Stripe::new(host.clone(), settings.base().map_err(Failure::internal)?, key);
        let catalogue = Catalogue::new(host.plans().clone(), source);
        let (prices, running) = (Prices::default(), meter::Running::default());
        Ok(Arc::new(Self { host, settings, stripe, listeners, catalogue, prices, running }))
    }

    /// What the host lends.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Adds somebody who hears of what happens, from now on.
    pub fn listen(&self, listener: Arc<dyn Lifecycle>) {
        self.listeners.add(listener);
    }

    /// How the plugin is set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
