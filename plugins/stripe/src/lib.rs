#![doc = include_str!("../README.md")]

mod client;
mod commands;
mod context;
mod lifecycle;
mod model;
mod pages;
mod routes;
mod service;
mod source;
mod store;
mod tools;

use std::fmt;
use std::sync::Arc;

use belgie_api::command::PluginCommand;
use belgie_api::plugin::{Migrations, Template};
use belgie_api::settings::Section;
use belgie_api::{Host, Manifest, Mount, Plugin, Result};

pub use crate::client::{Refused, VERSION};
pub use crate::lifecycle::{Change, Deed, Lifecycle, Listeners};
pub use crate::model::lapse::{Lapse, Opening};
pub use crate::model::settings::Settings;
pub use crate::model::subject::Columns;
pub use crate::model::subscription::{Shown, Subscription};
pub use crate::service::{
    Account, AccountUsage, Billing, Bought, Drift, MeterUsage, Pushed, Replayed, Reported, ShareUsage, Standing, Which,
    Wish,
};
pub use crate::source::PlanSource;
pub use crate::store::events::Kept;
pub use crate::store::meter_calls::{Call, Sums};
pub use crate::store::meter_usage::{OfMeter, Stand};

/// Plans sold through Stripe, as a plugin. It is off until it has a secret key.
#[derive(Clone, Default)]
pub struct Stripe {
    settings: Settings,
    listeners: Listeners,
    source: Option<Arc<dyn PlanSource>>,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = f.debug_struct("Stripe");
        parts.field("settings", &self.settings).field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl Stripe {
    /// Plans with these settings instead of those of the configuration file.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Adds somebody who hears of what happens to customers and subscriptions, and may say no.
    #[must_use]
    pub fn listener(self, listener: impl Lifecycle + 'static) -> Self {
        self.listeners.add(Arc::new(listener));
        self
    }

    /// Adds plans that are not in the file.
    #[must_use]
    pub fn plans(mut self, source: impl PlanSource + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

impl Stripe {
    /// Counting goes on for whatever is left of it, whether or not the file still has meters.
    fn mount_meters(&self, billing: &Arc<Billing>, mount: &mut Mount) {
        if !billing.host().plans().meters().is_empty() {
            mount.tools(tools::tools(billing));
        }
        mount.metering(Arc::new(context::Counting(Arc::clone(billing))));
        let reporting = Arc::clone(billing);
        mount.job("stripe.meter.report", service::REPORT_EVERY, move || {
            let billing = Arc::clone(&reporting);
            async move { billing.report_usage().await.map(drop) }
        });
        let telling = Arc::clone(billing);
        mount.job("stripe.meter.alerts", service::ALERTS_EVERY, move || {
            let billing = Arc::clone(&telling);
            async move { billing.tell_alerts().await }
        });
        let billing = Arc::clone(billing);
        mount.job("stripe.meter.leases", self.settings.lease() / 4, move || {
            let billing = Arc::clone(&billing);
            async move { billing.look_after_leases().await }
        });
    }
}

impl Plugin for Stripe {
    fn manifest(&self) -> Manifest {
        Manifest { id: "stripe", version: env!("CARGO_PKG_VERSION"), needs: Vec::new(), scopes: Vec::new() }
    }

    fn configure(&mut self, settings: &mut Section) {
        self.settings = Settings::read(settings);
    }

    fn migrations(&self) -> Option<Migrations> {
        Some(Migrations {
            sqlite: sqlx::migrate!("migrations/sqlite"),
            postgres: sqlx::migrate!("migrations/postgres"),
        })
    }

    fn templates(&self) -> Vec<Template> {
        pages::templates()
    }

    fn commands(&self) -> Vec<PluginCommand> {
        commands::commands()
    }

    fn knows_more_plans(&self) -> bool {
        self.source.is_some()
    }

    fn mount(&self, host: &Host, mount: &mut Mount) -> Result<()> {
        if self.settings.secret_key.is_none() {
            return Ok(());
        }
        if self.source.is_none() && host.plans().all().iter().all(belgie_api::Plan::is_free) {
            tracing::warn!("Stripe is set up, and no [[plan]] has a price: there is nothing to sell");
        }
        let billing = Billing::new(host.clone(), self.settings.clone(), self.listeners.clone(), self.source.clone())?;
        mount.provide(Arc::clone(&billing)).subscriptions(Arc::new(context::Contexts(Arc::clone(&billing))));
        let people = || Arc::new(service::People(Arc::clone(&billing)));
        mount.veto(people()).observer(people()).data_export(people());
        mount.account_section(Arc::new(pages::section::Section(Arc::clone(&billing))));
        routes::mount(&billing, mount);
        let own = Arc::clone(&billing);
        mount.job("stripe.turns", service::TURNS_EVERY, move || {
            let billing = Arc::clone(&own);
            async move { billing.tell_turns().await }
        });
        let own = Arc::clone(&billing);
        mount.job("stripe.chores", service::CHORES_EVERY, move || {
            let billing = Arc::clone(&own);
            async move { billing.do_chores().await }
        });
        let own = Arc::clone(&billing);
        mount.job("stripe.look_again", service::LOOK_EVERY, move || {
            let billing = Arc::clone(&own);
            async move { billing.look_again().await }
        });
        self.mount_meters(&billing, mount);
        mount.job("stripe.events", service::EVERY, move || {
            let billing = Arc::clone(&billing);
            async move { billing.catch_up().await }
        });
        Ok(())
    }
}
