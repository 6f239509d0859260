//! The example `stripe`: an application that sells plans.

use belgie::config::RawConfig;
use belgie_api::{Clock, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Application, stripe as example};
use crate::on_both_engines;
use crate::support::stripe::{SIGNING_SECRET, sign};
use crate::support::{Agent, Browser, Stripe};

pub const PLANS: &str = r#"
[[plan]]
name = "free"
limits = { reports = "1" }

[[plan]]
name = "pro"
title = "Pro"
monthly_lookup_key = "pro_yearly"
trial_days = 14
entitlements = ["exports"]
limits = { reports = "100" }
"#;

/// Tells an application everything that has happened at Stripe.
pub async fn tell_all(stripe: &Stripe, url: &str, now: Timestamp) {
    for event in stripe.news() {
        let body = event.to_string();
        let request = reqwest::Client::new().post(format!("{url}/auth/stripe/webhook"));
        let request = request.header("stripe-signature", sign(SIGNING_SECRET, &body, now)).body(body);
        assert_eq!(request.send().await.expect("an answer").status(), StatusCode::OK);
    }
}

/// Presses a button of the application, as a browser does.
async fn press(browser: &mut Browser, path: &str) -> String {
    let request = browser.raw().post(browser.address(path)).header("sec-fetch-site", "same-origin");
    browser.send(request).await.location()
}

/// Signs in, buys, uses, cancels: what the example is there for.
pub async fn journey(stripe: &Stripe, url: &str, browser: &mut Browser, now: Timestamp) {
    let seen = async |browser: &mut Browser| browser.get("/plan").await.body.parse::<Value>().expect("JSON");
    assert_eq!(seen(browser).await, json!({ "plan": "free", "reports": "1" }));
    let agent = Agent::register_at(url, "http://127.0.0.1:49152/callback").await;
    let tokens = agent.connect(browser, "").await;
    let mcp = format!("{url}/mcp");
    let refused = agent.modern(&mcp, &tokens.access).call("export", json!({})).await;
    assert!(refused.text().contains("/billing/upgrade?ask="), "{:?}", refused.body);
    let page = press(browser, "/buy/pro").await;
    let landing = stripe.pay(&page);
    assert_eq!(browser.get(landing.strip_prefix(url).expect("a page of ours")).await.location(), "/plan");
    assert_eq!(seen(browser).await, json!({ "plan": "pro", "reports": "100" }));
    tell_all(stripe, url, now).await;
    assert_eq!(agent.modern(&mcp, &tokens.access).call("export", json!({})).await.text(), "one of 100 reports");
    assert!(press(browser, "/portal").await.contains("/p/session/"));
    let id = stripe.shop().only_subscription();
    stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
    stripe.shop().change(&id, |own| own["status"] = json!("canceled"));
    tell_all(stripe, url, now).await;
    assert_eq!(seen(browser).await, json!({ "plan": "free", "reports": "1" }));
}

on_both_engines! {
    async fn the_stripe_example_works(engine: Engine) {
        let stripe = Stripe::start().await;
        let more = format!("{}{PLANS}", stripe.table());
        let build = |text: &str| example::builder(RawConfig::from_text(text), example::Journal::default());
        let routes = |gateway: &belgie::Gateway| example::application(gateway, example::Journal::default());
        let application = Application::start_with(engine, &more, build, routes).await;
        let mut browser = application.signed_in("ada@example.org").await;
        journey(&stripe, &application.url, &mut browser, application.clock.now()).await;
    }
}
