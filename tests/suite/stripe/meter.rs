//! Calls are counted once they have succeeded, and never beyond what nobody passes.

use std::time::Instant;

use belgie::Gateway;
use belgie_api::ports::Use;
use belgie_api::{OrgId, on};
use belgie_stripe::{Billing, Reported};
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{alone, buy, customer_of, of_acme};
use crate::on_both_engines;
use crate::support::{Connected, Engine, Modern, PATIENCE, Reply, Setup, Stripe, TestGateway, rpc, waits_for_lock};

/// What is for sale, and what is counted: `echo` costs one unit, `add` two, and under the plan `business` five.
pub const METERED: &str = r#"
[[meter]]
name = "exports"
title = "Exports"
event_name = "belgie_exports"

[[plan]]
name = "free"
title = "Free"
[plan.quotas.exports]
included = 3

[[plan]]
name = "pro"
title = "Pro"
monthly_price = "price_pro_month"
[plan.quotas.exports]
included = 10

[[plan]]
name = "business"
metered_prices = ["price_calls"]
title = "Business"
monthly_price = "price_business_month"
[plan.quotas.exports]
included = 10
cap = "soft"
at_most = 20
prices = { add = 5 }

[[access]]
tools = ["echo", "hang", "brood"]
meter = "exports"

[[access]]
tools = ["add"]
meter = "exports"
units = 2
"#;

/// A gateway that counts, and sells through a stand-in.
pub async fn counting(engine: Engine) -> (TestGateway, Stripe) {
    counting_with(engine, "", METERED).await
}

/// The same with more in the section of the plugin, and other plans.
pub async fn counting_with(engine: Engine, more: &str, plans: &str) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    let setup = Setup::default().config(&stripe.table()).config(more).config(plans).with_probe();
    (setup.start(engine).await, stripe)
}

/// Ada's agent for an organization that has a plan.
pub async fn with_plan(gateway: &TestGateway, stripe: &Stripe, plan: &str) -> (Connected, OrgId) {
    let (mut ada, acme) = of_acme(gateway).await;
    buy(gateway, stripe, &mut ada.browser, &acme.to_string(), plan).await;
    (ada, acme)
}

/// What a result says of the meter.
pub fn usage_in(reply: &Reply) -> Value {
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
    assert_ne!(reply.body["result"]["isError"], true, "{:?}", reply.body);
    let usage = reply.body["result"]["_meta"]["belgie/usage"]["exports"].clone();
    assert!(usage["call"].as_str().is_some_and(|id| id.starts_with("mtr_")), "{:?}", reply.body);
    usage
}

/// The refusal of a call for which nothing is left.
pub fn spent(reply: &Reply) -> Value {
    assert_eq!((reply.status, &reply.body["result"]["isError"]), (StatusCode::OK, &json!(true)), "{:?}", reply.body);
    let said = reply.body["result"]["structuredContent"].clone();
    assert_eq!(said["error"], "access.quota_exceeded", "{said}");
    said
}

/// What the operator is told of all sums.
pub async fn sums(gateway: &TestGateway) -> Value {
    let (went_well, said) = gateway.configured_program(&["usage", "check"]).await;
    assert!(went_well && said["agrees"] == true, "{said}");
    said
}

/// The plugin itself: jobs go by the clock of the machine, and what they do by that of the gateway.
pub fn billing(gateway: &Gateway) -> Use<Billing> {
    gateway.host().provided().expect("the plugin")
}

/// Tells Stripe whatever is due.
pub async fn tell(gateway: &TestGateway) -> Reported {
    billing(&gateway.gateway).report_usage().await.expect("the database answers")
}

on_both_engines! {
    async fn what_has_succeeded_is_counted_and_told_once_and_nothing_else(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        let first = usage_in(&ada.call().await);
        assert_eq!((&first["units"], &first["used"], &first["remaining"]), (&json!(1), &json!(1), &json!(9)));
        let dear = usage_in(&ada.modern().call("add", json!({ "a": 1, "b": 2 })).await);
        assert_eq!((&dear["units"], &dear["used"], &dear["included"]), (&json!(2), &json!(3), &json!(10)));
        // A tool that fails is not charged, nor one that is called wrongly.
        let failed = ada.modern().call("add", json!({ "a": 1e308, "b": 1e308 })).await;
        assert_eq!(failed.body["result"]["isError"], true);
        assert_eq!(ada.modern().call("echo", json!({ "nothing": 1 })).await.error_code(), -32602);
        // The era before: the short way, and that through rmcp, where a progress token takes the call.
        let session = ada.session().await;
        assert_eq!(usage_in(&session.call("echo", json!({ "text": "short" })).await)["used"], 4);
        let long = json!({ "name": "echo", "arguments": { "text": "long" }, "_meta": { "progressToken": 7 } });
        let long = Reply::read(session.post(&rpc("tools/call", long)).send().await.expect("an answer")).await;
        assert_eq!(usage_in(&long)["used"], 5);

        let before = sums(&gateway).await;
        assert_eq!((&before["calls"], &before["units"], &before["running"]), (&json!(4), &json!(5), &json!(0)), "{before}");
        tell(&gateway).await;
        tell(&gateway).await;
        let customer = customer_of(&stripe, &acme.to_string());
        let told = [Some(customer.as_str()), None].map(|whose| stripe.shop().counted.sum(whose));
        assert_eq!(told, [5, 5]);
        assert_eq!(sums(&gateway).await["told"], 5);
        let asked = stripe.shop().asked("POST", "/v1/billing/meter_events");
        let one = asked.iter().find(|seen| seen.value("identifier") == first["call"].as_str()).expect("the first call");
        assert_eq!((one.value("event_name"), one.value("payload[value]")), (Some("belgie_exports"), Some("1")));
    }
}

on_both_engines! {
    async fn sixty_four_at_once_never_pass_what_ten_are_left_for(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        let replies = join_all((0..64).map(|_| ada.call())).await;
        let (done, refused): (Vec<&Reply>, Vec<&Reply>) =
            replies.iter().partition(|reply| reply.body["result"]["isError"] == false);
        assert_eq!((done.len(), refused.len()), (10, 54));
        for reply in refused {
            spent(reply);
        }
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(10), &json!(10), &json!(0)), "{sums}");
        tell(&gateway).await;
        assert_eq!(stripe.shop().counted.sum(None), 10);
    }
}

on_both_engines! {
    async fn units_of_a_call_that_runs_are_set_aside_and_come_back_when_it_is_cut_off(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        let session = ada.session().await;
        let hanging = json!({ "name": "brood", "arguments": {} });
        let request = session.post(&rpc("tools/call", hanging)).send();
        let call = tokio::spawn(request);
        gateway.probe.begun(1).await;
        assert_eq!(usage_in(&ada.call().await)["used"], 2, "that of the call that runs is counted");
        assert_eq!(sums(&gateway).await["set_aside"], 1);
        let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
        session.post(&cancel).send().await.expect("an answer");
        gateway.probe.ended(1).await;
        drop(call);
        // In the stateless era a client that hangs up cancels.
        let modern = ada.modern();
        tokio::select! {
            _ = modern.call("brood", json!({})) => panic!("it never ends"),
            () = gateway.probe.begun(2) => {}
        }
        gateway.probe.ended(2).await;
        let begin = Instant::now();
        let left = loop {
            let left = sums(&gateway).await;
            if left["set_aside"] == 0 {
                break left;
            }
            assert!(begin.elapsed() < PATIENCE, "{left}");
        };
        assert_eq!((&left["calls"], &left["used"], &left["set_aside"]), (&json!(1), &json!(1), &json!(0)), "{left}");
    }
}

on_both_engines! {
    async fn whoever_pays_for_nothing_has_a_month_of_their_own(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (eve, person) = alone(&gateway, "eve@example.org").await;
        for used in 1..=3 {
            assert_eq!(usage_in(&eve.call().await)["used"], used);
        }
        let refused = eve.call().await;
        let said = spent(&refused);
        assert_eq!((&said["limit"], &said["remaining"], &said["level"]), (&json!(3), &json!(0), &json!("plan")));
        assert!(refused.text().contains("Upgrade: ") && said["plans"] == json!(["Pro", "Business"]), "{}", refused.text());
        let listed = eve.modern().send("tools/list", json!({})).await;
        let echo = listed.body["result"]["tools"].as_array().into_iter().flatten().find(|tool| tool["name"] == "echo");
        let price = echo.map(|tool| &tool["_meta"]["belgie/meters"]["exports"]);
        assert_eq!(price, Some(&json!(1)), "what is used up is shown, with what it costs: {:?}", listed.body);
        let resets = belgie_api::Timestamp::from_rfc3339(said["resets_at"].as_str().expect("a moment")).expect("one");
        gateway.clock.advance(resets.since(gateway.gateway.host().now()));
        // The token has ended meanwhile.
        let eve = Connected::of(&gateway, &person, "", None).await;
        assert_eq!(usage_in(&eve.call().await)["used"], 1);
        tell(&gateway).await;
        assert_eq!(stripe.shop().counted.sum(None), 0, "nobody pays, so nobody is told");
    }
}

on_both_engines! {
    async fn the_quota_of_whoever_pays_begins_anew_with_the_period_that_is_paid_for(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        for used in 1..=10 {
            assert_eq!(usage_in(&ada.call().await)["used"], used);
        }
        let said = spent(&ada.call().await);
        let resets = belgie_api::Timestamp::from_rfc3339(said["resets_at"].as_str().expect("a moment")).expect("one");
        let id = stripe.shop().only_subscription();
        let end = stripe.shop().subscriptions[&id]["items"]["data"][0]["current_period_end"].as_i64().expect("seconds");
        assert_eq!(resets, belgie_api::Timestamp::from_unix_seconds(end));
        gateway.clock.advance(resets.since(gateway.gateway.host().now()));
        // The token has ended meanwhile.
        let ada = Connected::of(&gateway, &ada.person, "", Some(acme)).await;
        assert_eq!(usage_in(&ada.call().await)["used"], 1, "though Stripe has not told yet");
        stripe.shop().begin_period(&id, end, "price_pro_month");
        stripe.tell_all(&gateway).await;
        let usage = usage_in(&ada.call().await);
        assert_eq!((&usage["used"], &usage["remaining"]), (&json!(2), &json!(8)), "it is the same period: {usage}");
    }
}

on_both_engines! {
    async fn a_used_up_quota_leads_to_a_plan_and_the_same_token_goes_on(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        for _ in 0..3 {
            usage_in(&ada.call().await);
        }
        let link = spent(&ada.call().await)["upgrade_url"].as_str().expect("a link").to_owned();
        let pay = super::choose(&mut ada.browser, &link, "pro.month").await;
        stripe.pay(&pay);
        stripe.tell_all(&gateway).await;
        // What was used for nothing is not charged: the paid period begins with nothing used.
        assert_eq!(usage_in(&ada.call().await)["remaining"], 9);
        let plan = super::plan_of(&ada).await;
        assert_eq!(plan["quotas"]["exports"]["included"], 10, "{plan}");
        let shown = ada.modern().call("usage", json!({})).await.body["result"]["structuredContent"].clone();
        assert_eq!((&shown["account_id"], &shown["plan"]), (&json!(acme), &json!("pro")), "{shown}");
        assert_eq!((&shown["meters"][0]["used"], &shown["meters"][0]["remaining"]), (&json!(1), &json!(9)), "{shown}");
        let page = ada.browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert!(page.body.contains("1 of 10 used") && page.body.contains("9 left"), "{}", page.body);
        let foreign = alone(&gateway, "eve@example.org").await.0.browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    }
}

/// On SQLite whoever waits has not said anything to the database yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_while_a_call_waits_for_its_units_leaves_nothing_set_aside() {
    let Some(engine) = Engine::postgres().await else { return };
    let (gateway, stripe) = counting(engine).await;
    let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
    usage_in(&ada.call().await);
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    let held = on!(&mut tx, c => sqlx::query("UPDATE stripe_meter_usage SET used = used").execute(c).await.map(drop));
    held.expect("the row of the plan");
    let client = ada.agent.client.clone();
    let (url, token) = (ada.mcp_url.clone(), ada.tokens.access.clone());
    let call = tokio::spawn(async move {
        let modern = Modern { client: &client, url: &url, token: Some(&token) };
        modern.call("echo", json!({ "text": "never" })).await
    });
    waits_for_lock(&gateway, 1, &call).await;
    call.abort();
    let begin = Instant::now();
    while cut_off(&gateway).await == 0 {
        assert!(begin.elapsed() < PATIENCE, "nobody sees to it that the units are not set aside");
    }
    tx.commit(host.now()).await.expect("written");
    assert_eq!(usage_in(&ada.call().await)["used"], 2);
    assert_eq!(sums(&gateway).await["set_aside"], 0);
}

/// How many calls ended before they were set aside.
async fn cut_off(gateway: &TestGateway) -> i64 {
    const CUT_OFF: &str = "SELECT COUNT(*) FROM stripe_meter_calls WHERE released_at IS NOT NULL";
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    let count = on!(&mut conn, c => sqlx::query_scalar(CUT_OFF).fetch_one(c).await);
    count.expect("a count")
}
