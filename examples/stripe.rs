//! Plans in an application: people sign in here, buy at Stripe's Checkout, look after it in its portal, and what Stripe tells
//! opens what they have bought, in pages and in tools. `cargo run --example stripe`, with `BELGIE_STRIPE_SECRET_KEY`,
//! `BELGIE_STRIPE_WEBHOOK_SECRET` and this in `belgie.toml`:
//!
//! ```toml
//! [[plan]]
//! name = "free"
//! limits = { reports = "1" }
//!
//! [[plan]]
//! name = "pro"
//! title = "Pro"
//! monthly_lookup_key = "pro_monthly"
//! trial_days = 14
//! entitlements = ["exports"]
//! limits = { reports = "100" }
//! ```

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Json, Router};
use belgie::api::db::Tx;
use belgie::api::ports::{BillingSubject, Use};
use belgie::api::{Caller, Interval, Result, ToolSet, access, async_trait, tool};
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Gateway, SignedIn};
use belgie_stripe::{Billing, Change, Deed, Lifecycle, Stripe, Wish};
use serde_json::{Value, json};

/// What happened to subscriptions, for the example to show. A real application writes to its own tables, in this transaction.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Lifecycle for Journal {
    async fn after_complete(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.note(format!("{} is paid", change.after.plan));
        Ok(())
    }

    async fn after_cancel(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.note(format!("{} will end", change.after.plan));
        Ok(())
    }

    async fn after_delete(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.note(format!("{} has ended", change.after.plan));
        Ok(())
    }
}

impl Journal {
    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What somebody has, and what it lets them do.
async fn plan(billing: Use<Billing>, person: SignedIn) -> Result<Json<Value>> {
    let standing = billing.standing(BillingSubject::User { user: person.caller.user().id }).await?;
    let plan = standing.context;
    let reports = plan.as_ref().and_then(|plan| plan.limits.get("reports").cloned());
    Ok(Json(json!({ "plan": plan.map(|plan| plan.plan), "reports": reports })))
}

/// A button of the application's own: to Checkout, or to Stripe's page for a change.
async fn buy(billing: Use<Billing>, person: SignedIn, Path(plan): Path<String>) -> Result<Redirect> {
    let account = billing.account_to_manage(&person.caller, None, Deed::Upgrade).await?;
    let wish = Wish {
        plan,
        interval: Interval::Month,
        seats: None,
        subscription: None,
        at_period_end: false,
        success_url: "/plan".to_owned(),
        cancel_url: "/plan".to_owned(),
        return_url: "/plan".to_owned(),
        locale: None,
        metadata: BTreeMap::new(),
    };
    let bought = billing.upgrade(&person.caller, &person.visitor.info, &account, &wish).await?;
    Ok(Redirect::to(&bought.url))
}

/// Cards, invoices, and the way out.
async fn portal(billing: Use<Billing>, person: SignedIn) -> Result<Redirect> {
    let account = billing.account_to_manage(&person.caller, None, Deed::Portal).await?;
    Ok(Redirect::to(&billing.billing_portal(&account, "/plan", None).await?.url))
}

async fn journal(State(journal): State<Journal>) -> Json<Vec<String>> {
    Json(journal.lines())
}

/// A tool for whoever has paid. Without a plan the call is answered with the way to it.
async fn export(caller: Caller) -> String {
    let limit = caller.subscription().and_then(|own| own.limits.get("reports").cloned()).unwrap_or_default();
    format!("one of {limit} reports")
}

/// The gateway, with somebody who hears of what is paid.
pub fn builder(config: RawConfig, journal: Journal) -> Builder {
    let tools =
        ToolSet::new(()).tool(tool("export", "Exports a report").plain(), access().entitlement("exports"), export);
    Belgie::builder(config).plugin(Stripe::default().listener(journal)).tools(tools)
}

/// The application and the gateway.
pub fn application(gateway: &Gateway, notes: Journal) -> Router {
    let own = Router::new()
        .route("/plan", get(plan))
        .route("/buy/{plan}", post(buy))
        .route("/portal", post(portal))
        .route("/journal", get(journal).with_state(notes));
    own.layer(gateway.layer()).merge(gateway.router())
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let journal = Journal::default();
    let config = RawConfig::of_process(Default::default())?;
    let (gateway, listener) = builder(config, journal.clone()).listen().await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Your plan: {}", gateway.host().urls().absolute("/plan"));
    let service = application(&gateway, journal).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(gateway.stop_on_signal()).await?;
    gateway.shutdown().await;
    Ok(())
}
