//! For how long what a plan includes is counted, whatever is done to how often is paid.

use belgie_api::Timestamp;
use serde_json::{Value, json};

use super::meter::{METERED, counting, counting_with, spent, usage_in, with_plan};
use super::plan_of;
use crate::on_both_engines;
use crate::support::{Connected, Stripe, TestGateway};

const DAY: i64 = 86_400;

fn seconds(moment: &Value) -> i64 {
    Timestamp::from_rfc3339(moment.as_str().expect("a moment")).expect("one").unix_seconds()
}

/// Sets the clock of the gateway to a moment in seconds since 1970.
fn wait_until(gateway: &TestGateway, moment: i64) {
    gateway.clock.advance(Timestamp::from_unix_seconds(moment).since(gateway.gateway.host().now()));
}

/// The only subscription, and when the period that is paid for began, in seconds since 1970.
fn begun(stripe: &Stripe) -> (String, i64) {
    let shop = stripe.shop();
    let id = shop.only_subscription();
    let start = shop.subscriptions[&id]["items"]["data"][0]["current_period_start"].as_i64().expect("seconds");
    (id, start)
}

on_both_engines! {
    async fn a_change_of_how_often_is_paid_gives_nothing_twice_and_takes_nothing(engine: Engine) {
        let plans = METERED.replacen("monthly_price = \"price_pro_month\"", "monthly_price = \"price_pro_month\"\nannual_lookup_key = \"pro_yearly\"", 1);
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..10 {
            usage_in(&ada.call().await);
        }
        let resets = seconds(&spent(&ada.call().await)["resets_at"]);
        let (id, start) = begun(&stripe);
        // By the year, by the month again, and once more: Stripe begins a period with each of them.
        for (later, price) in [(60, "price_pro_year"), (120, "price_pro_month"), (180, "price_pro_year")] {
            stripe.shop().begin_period(&id, start + later, price);
            stripe.tell_all(&gateway).await;
            assert_eq!(seconds(&plan_of(&ada).await["period_start"]), start + later, "the period is another");
            let said = spent(&ada.call().await);
            assert_eq!((&said["used"], seconds(&said["resets_at"])), (&json!(10), resets), "{price}: {said}");
            let shown = ada.modern().call("usage", json!({})).await.body["result"]["structuredContent"].clone();
            assert_eq!((&shown["meters"][0]["used"], seconds(&shown["resets_at"])), (&json!(10), resets), "{shown}");
        }
        // What is paid for goes on, and so do its months.
        wait_until(&gateway, resets);
        let ada = Connected::of(&gateway, &ada.person, "", Some(acme)).await;
        let usage = usage_in(&ada.call().await);
        assert_eq!(usage["used"], 1, "{usage}");
        let next = seconds(&usage["resets_at"]);
        assert!((28 * DAY..=31 * DAY).contains(&(next - resets)), "a whole month: {usage}");
    }
}

on_both_engines! {
    async fn a_year_that_is_paid_for_includes_as_much_in_each_month(engine: Engine) {
        let plans = METERED.replacen("monthly_price = \"price_pro_month\"", "annual_lookup_key = \"pro_yearly\"", 1);
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (mut ada, acme) = super::of_acme(&gateway).await;
        let page = super::order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme, "annual": true })).await;
        stripe.pay(&page);
        stripe.tell_all(&gateway).await;
        for _ in 0..10 {
            usage_in(&ada.call().await);
        }
        for _ in 0..3 {
            let resets = seconds(&spent(&ada.call().await)["resets_at"]);
            assert!(resets - gateway.gateway.host().now().unix_seconds() <= 31 * DAY, "it is a month");
            wait_until(&gateway, resets);
            ada = Connected::of(&gateway, &ada.person, "", Some(acme)).await;
            for used in 1..=10 {
                assert_eq!(usage_in(&ada.call().await)["used"], used);
            }
        }
    }
}

on_both_engines! {
    async fn months_go_on_without_news_and_news_that_come_late_find_the_same_one(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        usage_in(&ada.call().await);
        let (id, start) = begun(&stripe);
        let month = |number: i64| Timestamp::from_unix_seconds(start).plus_months(number).unix_seconds();
        wait_until(&gateway, month(3) + DAY);
        let ada = Connected::of(&gateway, &ada.person, "", Some(acme)).await;
        let usage = usage_in(&ada.call().await);
        assert_eq!((&usage["used"], seconds(&usage["resets_at"])), (&json!(1), month(4)), "{usage}");
        stripe.shop().begin_period(&id, month(3), "price_pro_month");
        stripe.tell_all(&gateway).await;
        let usage = usage_in(&ada.call().await);
        assert_eq!((&usage["used"], seconds(&usage["resets_at"])), (&json!(2), month(4)), "{usage}");
    }
}

on_both_engines! {
    async fn what_is_paid_after_days_that_cost_nothing_begins_with_nothing_used(engine: Engine) {
        let plans = METERED.replacen("monthly_price = \"price_pro_month\"", "monthly_price = \"price_pro_month\"\ntrial_days = 14", 1);
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        // They are a month by chance.
        let (id, start) = begun(&stripe);
        stripe.shop().begin_period(&id, start, "price_pro_month");
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&ada).await["status"], "trialing");
        for _ in 0..10 {
            usage_in(&ada.call().await);
        }
        spent(&ada.call().await);
        // Somebody pays before they are over.
        stripe.shop().change(&id, |own| own["status"] = json!("active"));
        stripe.shop().begin_period(&id, start + 60, "price_pro_month");
        stripe.tell_all(&gateway).await;
        assert_eq!(usage_in(&ada.call().await)["used"], 1);
    }
}
