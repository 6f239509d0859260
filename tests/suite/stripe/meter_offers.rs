//! What is offered when nothing is left: plans under which the very same call goes through, and no others.

use serde_json::{Value, json};

use super::meter::{counting_with, spent, usage_in, with_plan};
use crate::on_both_engines;

const PLANS: &str = r#"
[[meter]]
name = "exports"
event_name = "belgie_exports"

[[meter]]
name = "imports"

[[plan]]
name = "free"
[plan.quotas.exports]
included = 1

[[plan]]
name = "pro"
title = "Pro"
monthly_price = "price_pro_month"
[plan.quotas.exports]
included = 3
[plan.quotas.imports]
included = 9

[[plan]]
name = "big"
title = "Big"
monthly_price = "price_crew_month"
[plan.quotas.exports]
included = 4
[plan.quotas.imports]
included = 9

[[plan]]
name = "business"
title = "Business"
monthly_price = "price_business_month"
[plan.quotas.exports]
included = 100

[[plan]]
name = "all"
title = "All"
monthly_price = "price_support"
[plan.quotas.exports]
included = 50
[plan.quotas.imports]
included = 9

[[access]]
tools = ["echo"]
plans = ["pro"]
meter = "exports"

[[access]]
tools = ["add", "hang"]
meter = "exports"

[[access]]
tools = ["add"]
meter = "imports"

[[access]]
tools = ["hang"]
meter = "exports"
units = 5
"#;

on_both_engines! {
    async fn a_plan_is_offered_for_what_is_used_up_only_if_the_same_call_goes_through_under_it(engine: Engine) {
        let (gateway, stripe) = counting_with(engine, "", PLANS).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..3 {
            usage_in(&ada.call().await);
        }
        let add = async || ada.modern().call("add", json!({ "a": 1, "b": 1 })).await;
        let said = spent(&ada.call().await);
        assert_eq!((&said["plans"], &said["upgrade_url"]), (&Value::Null, &Value::Null), "Pro alone opens it: {said}");
        let said = spent(&add().await);
        assert_eq!(said["plans"], json!(["Big", "All"]), "Business does not count imports: {said}");
        let said = spent(&ada.modern().call("hang", json!({})).await);
        assert_eq!(said["plans"], json!(["Business", "All"]), "under Big there are 4, and it costs 5: {said}");
        // What is offered keeps its word.
        let subscription = stripe.shop().only_subscription();
        stripe.shop().reprice(&subscription, "price_support");
        stripe.tell_all(&gateway).await;
        assert_eq!(usage_in(&add().await)["used"], 4);
        usage_in(&add().await);
        // Five are used, which is more than Pro and Big include.
        let becomes = async |price: &str| {
            stripe.shop().reprice(&subscription, price);
            stripe.tell_all(&gateway).await;
        };
        becomes("price_pro_month").await;
        let said = spent(&add().await);
        assert_eq!(said["plans"], json!(["All"]), "Big includes 4, and 5 are used: {said}");
        becomes("price_support").await;
        for _ in 0..7 {
            usage_in(&add().await);
        }
        becomes("price_pro_month").await;
        let said = spent(&add().await);
        assert_eq!(said["plans"], Value::Null, "under All there are exports, and all 9 imports are used: {said}");
    }
}

on_both_engines! {
    async fn a_tool_can_ask_for_what_is_left_of_every_quota(engine: Engine) {
        let (gateway, stripe) = counting_with(engine, "", PLANS).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        let left = async || -> Value {
            let reply = ada.modern().call("left", json!({})).await;
            let quotas: Value = serde_json::from_str(reply.text()).expect("JSON");
            json!([quotas["exports"]["remaining"], quotas["imports"]["remaining"]])
        };
        assert_eq!(left().await, json!([3, 9]));
        usage_in(&ada.call().await);
        usage_in(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await);
        assert_eq!(left().await, json!([1, 8]));
        let (eve, _) = super::alone(&gateway, "eve@example.org").await;
        let reply = eve.modern().call("left", json!({})).await;
        let quotas: Value = serde_json::from_str(reply.text()).expect("JSON");
        assert_eq!((&quotas["exports"]["used"], &quotas["exports"]["remaining"]), (&json!(0), &json!(1)), "{quotas}");
    }
}
