//! Shares of people and agents, and how fast.

use belgie_api::on;
use futures::future::join_all;
use serde_json::json;

use super::member_of;
use super::meter::{METERED, counting_with, spent, sums, usage_in, with_plan};
use crate::on_both_engines;
use crate::support::Connected;
use crate::team::{agent_for, enter, team_of};

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

/// A thousand agents and one more, each of which has used more than anybody else: their shares, as they are kept.
const CROWD: &str = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n <= 1000) \
    INSERT INTO stripe_meter_usage (subject_kind, subject_id, meter, period_start, level, level_id, used, reserved) \
    SELECT subject_kind, subject_id, meter, period_start, 'agent', 'crowd_' || n, 1000, 0 \
    FROM stripe_meter_usage CROSS JOIN numbers WHERE level = 'plan'";

on_both_engines! {
    async fn what_is_used_is_seen_however_many_have_a_share_of_it(engine: Engine) {
        let plans = with_shares("per_user = 4\nper_agent = 3");
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        let bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        usage_in(&ada.call().await);
        for _ in 0..2 {
            usage_in(&bob.call().await);
        }
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        let made = on!(&mut tx, c => sqlx::query(CROWD).execute(c).await.map(drop));
        made.expect("a crowd");
        tx.commit(host.now()).await.expect("written");
        let shown = bob.modern().call("usage", json!({})).await.body["result"]["structuredContent"].clone();
        let meter = &shown["meters"][0];
        assert_eq!((&meter["used"], &meter["remaining"]), (&json!(3), &json!(7)), "{shown}");
        let own = |level: &str| meter["shares"].as_array().into_iter().flatten().find(|own| own["level"] == level);
        let used = |level: &str| own(level).map(|own| own["used"].clone());
        assert_eq!((used("user"), used("agent")), (Some(json!(2)), Some(json!(2))), "{shown}");
        let mut browser = bob.browser.clone();
        let page = browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert!(page.body.contains("3 of 10 used") && page.body.contains("2 of 4"), "{}", page.body);
        let mut browser = ada.browser.clone();
        let page = browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert!(page.body.contains("3 of 10 used"), "{}", page.body);
    }
}

on_both_engines! {
    async fn a_team_has_a_share_that_its_agents_cannot_pass(engine: Engine) {
        let plans = with_shares("per_team = 4");
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (mut ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        let [red, blue] = [team_of(&gateway, acme, "red").await.id, team_of(&gateway, acme, "blue").await.id];
        for team in [red, blue] {
            enter(&gateway, team, ada.person.id, "lead").await;
        }
        let agents = [vec![red], vec![blue], vec![red, blue]];
        let mut connected = Vec::new();
        for teams in &agents {
            let tokens = agent_for(&mut ada.browser, &ada.agent.clone(), "", acme, teams).await.0;
            let (browser, person, agent) = (ada.browser.clone(), ada.person.clone(), ada.agent.clone());
            connected.push(Connected { tokens, browser, person, agent, mcp_url: gateway.mcp_url() });
        }
        let [of_red, of_blue, of_both] = connected.as_slice() else { panic!("three") };
        // Sixteen at once, and four have room.
        let replies = join_all((0..16).map(|_| of_red.call())).await;
        let done = replies.iter().filter(|reply| reply.body["result"]["isError"] == false).count();
        assert_eq!(done, 4);
        let said = spent(&of_red.call().await);
        assert_eq!((&said["level"], &said["limit"], &said["used"]), (&json!("team"), &json!(4), &json!(4)), "{said}");
        // Who acts for two teams takes from both, or from neither.
        assert_eq!(spent(&of_both.call().await)["level"], "team");
        assert_eq!(usage_in(&of_blue.call().await)["used"], 5);
        for _ in 0..3 {
            usage_in(&of_blue.call().await);
        }
        assert_eq!(spent(&of_blue.call().await)["level"], "team");
        // An agent for which no team was chosen acts for all of its person's: choosing none passes nothing.
        let said = spent(&ada.call().await);
        assert_eq!((&said["level"], &said["limit"]), (&json!("team"), &json!(4)), "{said}");
        // The plan has two more, for whoever is in no team.
        let bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        assert_eq!(usage_in(&bob.call().await)["used"], 9);
        let sums = sums(&gateway).await;
        assert_eq!((&sums["used"], &sums["set_aside"]), (&json!(9), &json!(0)), "{sums}");
        let page = ada.browser.get(&format!("/billing/usage?account_id={acme}")).await;
        assert_eq!(page.body.matches("4 of 4").count(), 2, "{}", page.body);
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

[[meter]]
name = "told"
event_name = "told"

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

[[plan]]
name = "big"
monthly_price = "price_2"
metered_prices = ["price_3"]
metered_by = { price_3 = "exports", price_4 = "exports" }
amounts = { price_2 = 100, price_3 = 1 }
[plan.quotas.told]
included = 5
cap = "soft"

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
        ("plan[2].quotas.told.cap", "no price of the plan charges what is beyond"),
        ("plan[2].metered_by", "`price_4` is not in metered_prices"),
        ("plan[2].metered_by", "`price_3` is for the meter `exports`, which the plan does not have"),
        ("plan[2].amounts", "`price_2` is no price beside the plan's own"),
        ("access[0].meter", "there is no meter `nothing`"),
        ("access[1].units", "there is no meter to count them on"),
    ] {
        let is_said = problems.windows(2).any(|lines| lines[0].ends_with(path) && lines[1].contains(message));
        assert!(is_said, "{path}: {message} is not among {problems:#?}");
    }
}
