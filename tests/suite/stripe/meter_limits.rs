//! Shares of people and agents, what goes beyond, what is told when, and how fast.

use serde_json::{Value, json};

use super::member_of;
use super::meter::{METERED, counting, counting_with, spent, sums, tell, usage_in, with_plan};
use crate::on_both_engines;
use crate::support::Connected;

/// The plans with more in the quota of the plan `pro`.
fn with_shares(more: &str) -> String {
    METERED.replacen("included = 10\n", &format!("included = 10\n{more}\n"), 1)
}

on_both_engines! {
    async fn nobody_takes_the_share_of_another(engine: Engine) {
        let plans = with_shares("per_user = 4\nper_agent = 3");
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..3 {
            usage_in(&ada.call().await);
        }
        let said = spent(&ada.call().await);
        assert_eq!((&said["level"], &said["limit"], &said["used"]), (&json!("agent"), &json!(3), &json!(3)), "{said}");
        let other = Connected::of(&gateway, &ada.person, "", Some(acme)).await;
        usage_in(&other.call().await);
        assert_eq!(spent(&other.call().await)["level"], "user");
        let bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        assert_eq!(usage_in(&bob.call().await)["used"], 5);
        // What was refused was set aside nowhere: two units, of which the person has one, leave the plan as it was.
        let dear = spent(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await);
        assert_eq!(dear["units"], 2);
        let sums = sums(&gateway).await;
        assert_eq!((&sums["used"], &sums["set_aside"]), (&json!(5), &json!(0)), "{sums}");
        let mut browser = ada.browser.clone();
        let page = browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert!(page.body.contains("bob@example.org") && page.body.contains("3 of 3"), "{}", page.body);
        let mut browser = bob.browser.clone();
        let page = browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert!(!page.body.contains("ada@example.org") && page.body.contains("bob@example.org"), "{}", page.body);
    }
}

on_both_engines! {
    async fn a_soft_cap_goes_on_and_says_so_once_for_each_part(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "business").await;
        let add = async || ada.modern().call("add", json!({ "a": 1, "b": 1 })).await;
        assert_eq!(usage_in(&add().await)["units"], 5, "the plan has a price of its own");
        for used in 6..=12 {
            assert_eq!(usage_in(&ada.call().await)["used"], used);
        }
        assert_eq!(usage_in(&add().await)["remaining"], 0);
        let said = spent(&add().await);
        assert_eq!((&said["limit"], &said["used"], &said["upgrade_url"]), (&json!(20), &json!(17), &Value::Null), "{said}");
        tell(&gateway).await;
        assert_eq!(stripe.shop().counted.sum(None), 17, "what is beyond is told, too");
        let (_, record) = gateway.configured_program(&["audit", "list"]).await;
        let entries = record.as_array().unwrap_or_else(|| panic!("{record}"));
        let told: Vec<&Value> = entries
            .iter()
            .filter(|entry| entry["action"] == "quota.reached")
            .map(|entry| &entry["details"]["percent"])
            .collect();
        assert_eq!(told.len(), 2, "{record}");
        assert!(told.contains(&&json!(80)) && told.contains(&&json!(100)), "{told:?}");
    }
}

on_both_engines! {
    async fn a_plan_has_so_many_calls_in_a_minute(engine: Engine) {
        let plans = METERED.replacen("title = \"Free\"\n", "title = \"Free\"\ncalls_per_minute = 2\n", 1);
        let (gateway, _stripe) = counting_with(engine, "", &plans).await;
        let (eve, _) = super::alone(&gateway, "eve@example.org").await;
        for _ in 0..2 {
            assert_eq!(eve.modern().call("whoami", json!({})).await.body["result"]["isError"], false);
        }
        let refused = eve.call().await;
        let said = &refused.body["result"]["structuredContent"];
        assert_eq!((&said["error"], &said["calls_per_minute"]), (&json!("access.rate_exceeded"), &json!(2)), "{said}");
        assert!(said["retry_after_seconds"].as_u64().is_some_and(|seconds| (1..=31).contains(&seconds)), "{said}");
        let (bob, _) = super::alone(&gateway, "bob@example.org").await;
        usage_in(&bob.call().await);
    }
}

#[test]
fn what_is_wrong_with_meters_is_said_all_at_once() {
    let config = r#"
[[meter]]
name = "exports"

[[meter]]
name = "idle"
event_name = "same"

[[meter]]
name = "Odd one"
event_name = "same"

[[plan]]
name = "free"
[plan.quotas.exports]
included = 3
cap = "soft"

[[plan]]
name = "pro"
monthly_price = "price_1"
[plan.quotas.exports]
included = 5
cap = "soft"
at_most = 4
alert_at = ["most"]
[plan.quotas.unknown]
cap = "hard"
at_most = 7

[[access]]
tools = ["echo"]
meter = "nothing"

[[access]]
tools = ["echo"]
units = 3
"#;
    let said = super::settings::problems(config);
    let problems: Vec<&str> = said.lines().collect();
    for (path, message) in [
        ("meter[1].name", "no plan includes anything of it"),
        ("meter[2].name", "not the name of a meter"),
        ("meter[2].event_name", "another meter tells events of this name"),
        ("plan[0].quotas.exports.cap", "nobody pays for this plan"),
        ("plan[1].quotas.exports.cap", "told to nobody who could charge it"),
        ("plan[1].quotas.exports.at_most", "less than what is included"),
        ("plan[1].quotas.exports.alert_at", "`most` is no part of what is included"),
        ("plan[1].quotas.unknown.included", "required and not set"),
        ("plan[1].quotas.unknown.at_most", "a hard cap ends with what is included"),
        ("plan[1].quotas.unknown", "there is no such meter"),
        ("access[0].meter", "there is no meter `nothing`"),
        ("access[1].units", "there is no meter to count them on"),
    ] {
        let is_said = problems.windows(2).any(|lines| lines[0].ends_with(path) && lines[1].contains(message));
        assert!(is_said, "{path}: {message} is not among {problems:#?}");
    }
}
