//! More than one thing in a subscription: seats, what is paid beside a plan, and changes now or with the next period.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, member_of, of_acme, order, plan_of, selling};
use crate::on_both_engines;
use crate::organization::{at, done};
use crate::provider::{call, read};
use crate::support::{Engine, Setup, Stripe, TestGateway, eventually};

/// Plans with seats, extras and meters, beside the usual ones.
const MORE_PLANS: &str = r#"
[[plan]]
name = "crew"
title = "Crew"
monthly_price = "price_crew_month"
seats = "members"
seat_lookup_key = "crew_seat"
proration = "at_once"
entitlements = ["exports"]

[[plan]]
name = "extra"
title = "Extra"
monthly_price = "price_extra_month"
extra_prices = ["price_support"]
metered_prices = ["price_calls"]
proration = "nothing"
entitlements = ["exports"]

[[plan]]
name = "seatless"
monthly_price = "price_foreign"
seat_lookup_key = "a_key_that_leads_nowhere"

[[plan]]
name = "lost"
monthly_price = "price_that_stripe_has_not"
"#;

async fn selling_more(engine: Engine) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    {
        let mut shop = stripe.shop();
        let mut price = shop.price("price_support").expect("a price");
        price["id"] = json!("price_extra_month");
        shop.prices.push(price);
    }
    let setup = Setup::default().config(&stripe.table()).config(super::PLANS).config(MORE_PLANS);
    (setup.start(engine).await, stripe)
}

/// Price and number of each thing that is paid for.
pub fn items(stripe: &Stripe, id: &str) -> Vec<(String, Value)> {
    let shop = stripe.shop();
    let all = shop.subscriptions[id]["items"]["data"].as_array().expect("items").clone();
    all.iter().map(|item| (item["price"]["id"].as_str().expect("an id").to_owned(), item["quantity"].clone())).collect()
}

pub fn item(price: &str, quantity: impl Into<Value>) -> (String, Value) {
    (price.to_owned(), quantity.into())
}

on_both_engines! {
    async fn as_many_seats_are_paid_as_there_are_members(engine: Engine) {
        let (gateway, stripe) = selling_more(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "crew").await;
        assert_eq!(items(&stripe, &id), [item("price_crew_month", 1), item("price_seat", 2)]);
        assert_eq!(plan_of(&ada).await["seats"], 2);
        member_of(&gateway, acme, "dan@example.org", "member").await;
        eventually("a third seat is paid", || items(&stripe, &id)[1] == item("price_seat", 3)).await;
        let asked = stripe.shop().asked("POST", &format!("/v1/subscriptions/{id}")).pop().expect("a change");
        assert_eq!(asked.value("proration_behavior"), Some("always_invoice"));
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&bob).await["seats"], 3);
        done(&mut ada.browser, &at("acme", "/members/remove"), json!({ "member": bob.person.id })).await;
        eventually("it is two again", || items(&stripe, &id)[1] == item("price_seat", 2)).await;
        // What somebody has set in the dashboard is put right by the next look.
        stripe.shop().change(&id, |own| own["items"]["data"][1]["quantity"] = json!(9));
        stripe.tell_all(&gateway).await;
        eventually("the members count", || items(&stripe, &id)[1] == item("price_seat", 2)).await;
        // Whoever has as many seats as members cannot ask for fewer.
        let (status, said) = call(&mut ada.browser, "/auth/subscription/upgrade", json!({ "plan": "crew", "account_id": acme, "seats": 1 })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.already_subscribed")), "{said}");
    }
}

on_both_engines! {
    async fn what_is_paid_beside_a_plan_comes_and_goes_with_it(engine: Engine) {
        let (gateway, stripe) = selling_more(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "extra").await;
        assert_eq!(items(&stripe, &id), [item("price_extra_month", 1), item("price_support", 1), item("price_calls", Value::Null)]);
        assert_eq!(plan_of(&eve).await["plan"], "extra");
        // Stripe's page changes a single item, so this is done here, and says how it is set off.
        let back = order(&mut eve.browser, json!({ "plan": "crew", "account_id": own, "return_url": "/account?changed" })).await;
        assert_eq!(back, gateway.at("/account?changed"));
        assert_eq!(items(&stripe, &id), [item("price_crew_month", 1), item("price_seat", 1)]);
        let asked = stripe.shop().asked("POST", &format!("/v1/subscriptions/{id}")).remove(0);
        assert_eq!((asked.value("proration_behavior"), asked.value("payment_behavior")), (Some("always_invoice"), Some("error_if_incomplete")));
        assert_eq!(plan_of(&eve).await["plan"], "crew", "without any webhook");
        order(&mut eve.browser, json!({ "plan": "extra", "account_id": own })).await;
        assert_eq!(items(&stripe, &id), [item("price_extra_month", 1), item("price_support", 1), item("price_calls", Value::Null)]);
        order(&mut eve.browser, json!({ "plan": "pro", "account_id": own, "seats": 2 })).await;
        assert_eq!(items(&stripe, &id), [item("price_pro_month", 2)]);
    }
}

on_both_engines! {
    async fn a_change_can_wait_for_the_next_period(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "business").await;
        stripe.shop().change(&id, |own| own["discounts"] = json!(["di_spring"]));
        let later = json!({ "plan": "pro", "account_id": own, "schedule_at_period_end": true });
        assert_eq!(order(&mut eve.browser, later.clone()).await, gateway.at("/account"));
        let present = plan_of(&eve).await;
        assert_eq!((&present["plan"], &present["status"]), (&json!("business"), &json!("trialing")), "it stays until then");
        assert_eq!(stripe.shop().subscriptions[&id]["discounts"], json!(["di_spring"]));
        let planned = async |browser: &mut crate::support::Browser| read(browser, "/auth/subscription/list").await.1[0]["schedule"].clone();
        assert_eq!(planned(&mut eve.browser).await, "pro");
        // It can be taken back.
        let (status, said) = call(&mut eve.browser, "/auth/subscription/restore", json!({ "account_id": own })).await;
        assert_eq!((status, &said["schedule"]), (StatusCode::OK, &Value::Null), "{said}");
        assert_eq!(stripe.shop().subscriptions[&id]["schedule"], Value::Null);
        let (status, said) = call(&mut eve.browser, "/auth/subscription/restore", json!({ "account_id": own })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.not_pending_cancellation")));
        // Another wish does not take the place of the one before: that is taken back first.
        order(&mut eve.browser, later.clone()).await;
        let (status, said) = call(&mut eve.browser, "/auth/subscription/upgrade", later.clone()).await;
        assert_eq!((status, &said["error"]), (StatusCode::CONFLICT, &json!("subscription.change_planned")), "{said}");
        call(&mut eve.browser, "/auth/subscription/restore", json!({ "account_id": own })).await;
        order(&mut eve.browser, later).await;
        assert_eq!(stripe.shop().schedules.values().filter(|one| one["status"] == "active").count(), 1);
        stripe.shop().come_true(&id);
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&eve).await["plan"], "pro");
        assert_eq!(planned(&mut eve.browser).await, Value::Null);
        assert_eq!(stripe.shop().subscriptions[&id]["discounts"], json!(["di_spring"]), "it is as cheap as before");
        // Stripe keeps the schedule until its last phase is over, and its portal would change nothing until then: it is let go of.
        eventually("the schedule is released", || stripe.shop().subscriptions[&id]["schedule"].is_null()).await;
        stripe.tell_all(&gateway).await;
        let (status, said) = call(&mut eve.browser, "/auth/subscription/restore", json!({ "account_id": own })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.not_pending_cancellation")), "{said}");
    }
}

on_both_engines! {
    async fn what_is_planned_stays_until_it_is_taken_back_whatever_else_is_begun(engine: Engine) {
        let (gateway, stripe) = selling_more(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "crew").await;
        let later = json!({ "plan": "pro", "account_id": acme, "schedule_at_period_end": true });
        order(&mut ada.browser, later).await;
        stripe.tell_all(&gateway).await;
        // On Stripe's page somebody may still think better of it, and a card may be declined: nothing is let go of for that.
        for wish in [json!({ "plan": "pro", "account_id": acme, "annual": true }), json!({ "plan": "extra", "account_id": acme })] {
            let (status, said) = call(&mut ada.browser, "/auth/subscription/upgrade", wish).await;
            assert_eq!((status, &said["error"]), (StatusCode::CONFLICT, &json!("subscription.change_planned")), "{said}");
            assert!(said["hint"].as_str().is_some_and(|hint| hint.contains("/billing/usage")), "{said}");
        }
        let link = super::link_in(&ada.call().await);
        let refused = ada.browser.fill(&link, "/billing/upgrade", &[("choice", "business.month")]).await;
        assert!(refused.body.contains("A change is planned for the next period already. Take it back first"), "{}", refused.body);
        assert_eq!(stripe.shop().schedules.values().filter(|one| one["status"] == "active").count(), 1);
        // The page of the usage says what waits, and takes it back.
        let path = format!("/billing/usage?account_id={acme}");
        let page = ada.browser.get(&path).await;
        assert!(page.body.contains("The plan changes to Pro with the next period.") && !page.body.contains("Cancel the plan"), "{}", page.body);
        assert_eq!(ada.browser.fill(&path, "/billing/restore", &[]).await.location(), path);
        assert!(ada.browser.get(&path).await.body.contains("Cancel the plan"));
        order(&mut ada.browser, json!({ "plan": "business", "account_id": acme })).await;
        assert_eq!(items(&stripe, &id), [item("price_business_month", 1)]);
    }
}

on_both_engines! {
    async fn a_change_that_could_not_be_planned_stands_in_nobodys_way(engine: Engine) {
        let (gateway, stripe) = selling_more(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "business").await;
        let later = |plan: &str| json!({ "plan": plan, "account_id": own, "schedule_at_period_end": true });
        // Of one a price cannot be found, so nothing is begun; Stripe refuses the other in the middle.
        for (plan, begun) in [("seatless", 0), ("lost", 1)] {
            let (status, said) = call(&mut eve.browser, "/auth/subscription/upgrade", later(plan)).await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{said}");
            assert_eq!(stripe.shop().asked("POST", "/v1/subscription_schedules").len(), begun, "{plan}");
            stripe.tell_all(&gateway).await;
            assert_eq!(stripe.shop().subscriptions[&id]["schedule"], Value::Null, "{plan}");
        }
        order(&mut eve.browser, later("pro")).await;
        let (_, list) = read(&mut eve.browser, "/auth/subscription/list").await;
        assert_eq!(list[0]["schedule"], "pro", "{list}");
    }
}

on_both_engines! {
    async fn what_somebody_planned_at_stripe_is_left_alone(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "business").await;
        let customer = stripe.shop().subscriptions[&id]["customer"].clone();
        let schedule = json!({ "id": "sub_sched_foreign", "object": "subscription_schedule", "status": "active", "customer": customer,
            "subscription": id, "current_phase": null, "metadata": {}, "phases": [] });
        stripe.shop().schedules.insert("sub_sched_foreign".into(), schedule);
        stripe.shop().change(&id, |own| own["schedule"] = json!("sub_sched_foreign"));
        stripe.tell_all(&gateway).await;
        let (status, said) = call(&mut eve.browser, "/auth/subscription/upgrade", json!({ "plan": "pro", "account_id": own })).await;
        assert_eq!((status, &said["error"]), (StatusCode::CONFLICT, &json!("subscription.scheduled_elsewhere")), "{said}");
        assert_eq!(stripe.shop().schedules["sub_sched_foreign"]["status"], "active");
    }
}
