//! What becomes of a plan that somebody has: its price moves on, it is changed, it opens nothing any more, it is bought again.

use serde_json::{Value, json};

use super::{account, alone, buy, is_open, order, plan_of, selling};
use crate::on_both_engines;

on_both_engines! {
    async fn whoever_pays_a_price_that_was_replaced_keeps_the_plan(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = account(person.id);
        let page = order(&mut eve.browser, json!({ "plan": "pro", "account_id": id, "annual": true })).await;
        stripe.pay(&page);
        stripe.tell_all(&gateway).await;
        assert!(is_open(&eve).await);
        // The key leads to a new price from now on; what Eve pays stays as it was.
        let subscription = stripe.shop().only_subscription();
        stripe.shop().change(&subscription, |own: &mut Value| own["items"]["data"][0]["price"]["lookup_key"] = Value::Null);
        for _ in 0..2 {
            stripe.tell_all(&gateway).await;
            assert!(is_open(&eve).await && plan_of(&eve).await["plan"] == "pro");
            stripe.shop().change(&subscription, |own: &mut Value| own["cancel_at_period_end"] = json!(true));
        }
        stripe.shop().reprice(&subscription, "price_foreign");
        stripe.tell_all(&gateway).await;
        assert!(!is_open(&eve).await, "another price that is none of ours opens nothing");
    }
}
