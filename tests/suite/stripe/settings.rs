//! The plan file: everything that is wrong with it is said at once, with path and remedy.

use belgie::Belgie;
use belgie::config::RawConfig;

use super::meter::METERED;
use super::selling;
use crate::support::{Engine, Setup, Stripe};

/// What there is only where Stripe is set up, so the surface that everybody has does not show it.
const ROUTES: [&str; 13] = [
    "GET /auth/subscription/export  api  stripe",
    "GET /auth/subscription/list  api  stripe",
    "GET /auth/subscription/success  browser  stripe",
    "GET /billing/upgrade  browser  stripe",
    "GET /billing/usage  browser  stripe",
    "POST /auth/stripe/webhook  webhook  stripe",
    "POST /auth/subscription/billing-portal  api  stripe",
    "POST /auth/subscription/cancel  api  stripe",
    "POST /auth/subscription/restore  api  stripe",
    "POST /auth/subscription/upgrade  api  stripe",
    "POST /billing/cancel  browser  stripe",
    "POST /billing/restore  browser  stripe",
    "POST /billing/upgrade  browser  stripe",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_it_serves_is_what_was_reviewed() {
    let (gateway, _stripe) = selling(Engine::Sqlite).await;
    let surface = gateway.gateway.surface();
    let routes = surface.split("tools\n").next().unwrap_or_default();
    let own: Vec<&str> = routes.lines().map(str::trim).filter(|line| line.ends_with("  stripe")).collect();
    assert_eq!(own, ROUTES);
}

pub fn problems(text: &str) -> String {
    match Belgie::builder(RawConfig::from_text(text)).demo_tools().check() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn everything_that_is_wrong_with_plans_is_said_at_once() {
    let said = problems(
        r#"
[plugins.stripe]
secret_key = "pk_test_public"
api_base = "http://stripe.example/"
grace = "90d"

[[plan]]
name = "Free Tier"

[[plan]]
name = "also-free"
trial_days = 3

[[plan]]
name = "pro"
monthly_price = "price_1"
monthly_lookup_key = "pro"
annual_price = "price_2"
colour = "red"

[[plan]]
name = "pro"
monthly_price = "price_2"
entitlements = [" exports"]

[[access]]
tools = ["echo"]
plans = ["gold"]
entitlements = ["teleport"]
"#,
    );
    for (path, words) in [
        ("plugins.stripe.secret_key", "not a secret key"),
        ("plugins.stripe.webhook_secret", "required"),
        ("plugins.stripe.api_base", "in the clear"),
        ("plugins.stripe.grace", ""),
        ("plan[0].name", "not the name of a plan"),
        ("plan[1].name", "a second plan without a price"),
        ("plan[1].trial_days", "nothing to try"),
        ("plan[2].monthly_lookup_key", "named twice"),
        ("plan[2].colour", "unknown key"),
        ("plan[3].name", "a plan of this name"),
        ("plan[3].monthly_price", "stands here twice"),
        ("plan[3].entitlements[0]", "spaces around it"),
        ("access[0].plans", "no plan `gold`"),
        ("name a [[plan]] of this file", "`Stripe::default().plans(source)`"),
        ("access[0].entitlements", "no plan opens `teleport`"),
    ] {
        assert!(said.contains(path) && said.contains(words), "{path} {words}\n{said}");
    }
    assert!(!said.contains("pk_test_public"), "a secret is never repeated: {said}");
}

#[test]
fn a_signing_secret_alone_is_half_of_what_is_needed() {
    let said = problems("[plugins.stripe]\nwebhook_secret = \"wrong\"");
    assert!(said.contains("plugins.stripe.secret_key") && said.contains("not a signing secret"), "{said}");
    assert_eq!(problems("[plugins.stripe]"), "", "without a key it is off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_cap_that_nothing_charges_stops_the_start() {
    let plans = METERED.replacen("metered_prices = [\"price_calls\"]\n", "", 1);
    let said = problems(&plans);
    assert!(said.contains("plan[2].quotas.exports.cap"), "{said}");
    assert!(said.contains("no price of the plan charges what is beyond") && said.contains("metered_prices"), "{said}");
    // With a price it starts.
    let stripe = Stripe::start().await;
    let setup = Setup::default().config(&stripe.table()).config(METERED).with_probe();
    setup.start(Engine::Sqlite).await;
}
