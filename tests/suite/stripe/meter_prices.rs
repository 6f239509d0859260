//! What a call costs is what everybody says it costs: lists, results, the tool `usage`, the page, and what is charged.

use serde_json::{Value, json};

use super::meter::{counting, spent, sums, usage_in, with_plan};
use crate::on_both_engines;
use crate::support::Connected;

/// What both eras list of a tool: what a call of it costs.
async fn listed(connected: &Connected, tool: &str) -> Value {
    let modern = connected.modern().send("tools/list", json!({})).await;
    let older = connected.session().await.send("tools/list", json!({})).await;
    let price = |list: &Value| {
        let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}"));
        let tool = tools.iter().find(|own| own["name"] == tool).unwrap_or_else(|| panic!("{list}"));
        tool["_meta"]["belgie/meters"]["exports"].clone()
    };
    let (modern, older) = (price(&modern.body), price(&older.body));
    assert_eq!(modern, older);
    modern
}

on_both_engines! {
    async fn lists_results_usage_and_page_say_what_a_call_costs_under_the_plan(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        assert_eq!((listed(&ada, "add").await, listed(&ada, "echo").await), (json!(2), json!(1)));
        assert_eq!(usage_in(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await)["units"], 2);
        // The plan `business` has a price of its own for one of them.
        let subscription = stripe.shop().only_subscription();
        stripe.shop().reprice(&subscription, "price_business_month");
        stripe.tell_all(&gateway).await;
        assert_eq!((listed(&ada, "add").await, listed(&ada, "echo").await), (json!(5), json!(1)));
        let usage = usage_in(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await);
        assert_eq!((&usage["units"], &usage["used"]), (&json!(5), &json!(7)), "{usage}");
        let shown = ada.modern().call("usage", json!({})).await.body["result"]["structuredContent"].clone();
        assert_eq!(shown["meters"][0]["prices"], json!({ "add": 5 }), "{shown}");
        let page = ada.browser.clone().get(&format!("/billing/usage?account_id={acme}")).await;
        assert!(page.body.contains("a call of add counts as 5"), "{}", page.body);
        assert_eq!(sums(&gateway).await["used"], 7);
        for _ in 0..2 {
            usage_in(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await);
        }
        let said = spent(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await);
        assert_eq!((&said["units"], &said["used"]), (&json!(5), &json!(17)), "{said}");
    }
}

on_both_engines! {
    async fn what_costs_nothing_under_a_plan_is_listed_so_and_charged_so(engine: Engine) {
        let plans = super::meter::METERED.replacen("prices = { add = 5 }", "prices = { add = 0 }", 1);
        let (gateway, stripe) = super::meter::counting_with(engine, "", &plans).await;
        let (ada, _) = with_plan(&gateway, &stripe, "business").await;
        assert_eq!(listed(&ada, "add").await, json!(0));
        let reply = ada.modern().call("add", json!({ "a": 1, "b": 1 })).await;
        assert_eq!((&reply.body["result"]["isError"], &reply.body["result"]["_meta"]["belgie/usage"]), (&json!(false), &json!({})));
        assert_eq!(sums(&gateway).await["used"], 0);
    }
}
