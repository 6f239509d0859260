//! Plans: what they gate, how they are bought, and what Stripe tells of them.

mod burst;
mod buying;
mod changing;
mod drift;
mod elicitation;
mod gone;
mod guards;
mod hooks;
mod items;
mod journey;
mod live;
mod locked;
mod meter;
mod meter_alerts;
mod meter_commit;
mod meter_crash;
mod meter_leases;
mod meter_limits;
mod meter_offers;
mod meter_prices;
mod meter_report;
mod meter_wrapped;
mod moved;
mod nodes;
mod periods;
mod settings;
mod upkeep;
mod webhooks;

use belgie_api::context::UserContext;
use belgie_api::{OrgId, UserId};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::organization::{join, known, owned_by};
use crate::provider::call;
use crate::support::{Browser, Connected, Engine, Reply, Setup, Stripe, TestGateway};

/// What is for sale, and what is behind it: `echo` behind a plan, `add` behind a feature.
const PLANS: &str = r#"
[[plan]]
name = "free"
title = "Free"

[[plan]]
name = "pro"
title = "Pro"
description = "For people who export."
monthly_price = "price_pro_month"
annual_lookup_key = "pro_yearly"
entitlements = ["exports"]
limits = { projects = "10" }

[[plan]]
name = "business"
title = "Business"
monthly_price = "price_business_month"
trial_days = 14
entitlements = ["exports", "sso"]

[[access]]
tools = ["echo"]
plans = ["pro", "business"]

[[access]]
tools = ["add"]
entitlements = ["exports"]
"#;

/// A gateway that sells through a stand-in.
async fn selling(engine: Engine) -> (TestGateway, Stripe) {
    selling_with(engine, "").await
}

/// The same, with more lines in the section of the plugin.
async fn selling_with(engine: Engine, more: &str) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    let setup = Setup::default().config(&stripe.table()).config(more).config(PLANS);
    (setup.start(engine).await, stripe)
}

/// Ada, who owns the organization `acme`, with an agent that acts for it.
async fn of_acme(gateway: &TestGateway) -> (Connected, OrgId) {
    let (ada, _) = known(gateway, "ada@example.org").await;
    let acme = owned_by(gateway, ada.id, "acme").await;
    (Connected::of(gateway, &ada, "", Some(acme.id)).await, acme.id)
}

/// A member of an organization with these roles, with an agent that acts for it.
async fn member_of(gateway: &TestGateway, organization: OrgId, email: &str, roles: &str) -> Connected {
    let (person, _) = known(gateway, email).await;
    join(gateway, organization, person.id, roles).await;
    Connected::of(gateway, &person, "", Some(organization)).await
}

/// A person with an agent that acts for them alone.
async fn alone(gateway: &TestGateway, email: &str) -> (Connected, UserContext) {
    let (person, _) = known(gateway, email).await;
    (Connected::of(gateway, &person, "", None).await, person)
}

/// The link in a refusal.
fn link_in(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
    assert_eq!(reply.body["result"]["isError"], true, "{:?}", reply.body);
    let link = reply.body["result"]["structuredContent"]["upgrade_url"].as_str().expect("a link").to_owned();
    let begins =
        format!("access.plan_too_small: The tool `{}`", if reply.text().contains("`add`") { "add" } else { "echo" });
    assert!(reply.text().starts_with(&begins) && reply.text().contains(&link), "{}", reply.text());
    link
}

/// Chooses a plan on the page behind a link; where Stripe would take the money.
async fn choose(browser: &mut Browser, link: &str, choice: &str) -> String {
    browser.fill(link, "/billing/upgrade", &[("choice", choice)]).await.location()
}

/// Buys a plan for an account without a page; Stripe's subscription.
async fn buy(gateway: &TestGateway, stripe: &Stripe, browser: &mut Browser, account: &str, plan: &str) -> String {
    let page = order(browser, json!({ "plan": plan, "account_id": account })).await;
    let before = stripe.shop().subscriptions.len();
    stripe.pay(&page);
    stripe.tell_all(gateway).await;
    let shop = stripe.shop();
    assert_eq!(shop.subscriptions.len(), before + 1);
    shop.subscriptions.keys().last().expect("one").clone()
}

/// Orders a plan as a program does; where Stripe would take the money.
async fn order(browser: &mut Browser, mut body: Value) -> String {
    body["disable_redirect"] = json!(true);
    let (status, said) = call(browser, "/auth/subscription/upgrade", body).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert_eq!(said["redirect"], false);
    said["url"].as_str().expect("an address").to_owned()
}

/// What a tool sees of the plan.
async fn plan_of(connected: &Connected) -> Value {
    let reply = connected.modern().call("whoami", json!({})).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
    reply.body["result"]["structuredContent"]["subscription"].clone()
}

/// Whether the tool behind the plan runs.
async fn is_open(connected: &Connected) -> bool {
    connected.call().await.text() == "still here"
}

/// Stripe's customer of an account.
fn customer_of(stripe: &Stripe, account: &str) -> String {
    let shop = stripe.shop();
    let own: Vec<&String> = shop
        .customers
        .iter()
        .filter(|(_, customer)| customer["metadata"]["belgie_account"] == account)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(own.len(), 1, "{own:?}");
    own[0].clone()
}

/// The id of somebody as an account.
fn account(user: UserId) -> String {
    user.to_string()
}
