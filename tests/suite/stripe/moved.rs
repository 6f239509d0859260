//! Keys that move on to other prices, and what a plan has beside itself: nobody is locked out who pays, nobody pays a thing twice, and
//! nobody goes without what the plan charges.

use std::time::Duration;

use belgie_stripe::Billing;
use serde_json::{Value, json};

use super::items::{item, items};
use super::{account, alone, buy, customer_of, is_open, member_of, of_acme, order, plan_of, selling};
use crate::on_both_engines;
use crate::provider::read;
use crate::support::{Engine, Setup, Stripe, TestGateway, eventually};

/// Plans whose other prices are found by keys.
const KEYED: &str = r#"
[[plan]]
name = "crew"
monthly_price = "price_crew_month"
seats = "members"
seat_lookup_key = "crew_seat"
entitlements = ["exports"]

[[plan]]
name = "keyed"
monthly_price = "price_keyed_month"
seats = "asked"
seat_lookup_key = "crew_seat"
extra_prices = ["support_key"]
metered_prices = ["calls_key"]
entitlements = ["exports"]

[[plan]]
name = "other"
monthly_price = "price_foreign"
extra_prices = ["support_key"]
metered_prices = ["calls_key"]
"#;

async fn selling_by_key(engine: Engine) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    {
        let mut shop = stripe.shop();
        let mut price = shop.price("price_support").expect("a price");
        price["id"] = json!("price_keyed_month");
        shop.prices.push(price);
        for (id, key) in [("price_support", "support_key"), ("price_calls", "calls_key")] {
            let place = shop.prices.iter().position(|price| price["id"] == id).expect("a price");
            shop.prices[place]["lookup_key"] = json!(key);
        }
    }
    let setup = Setup::default().config(&stripe.table()).config(super::PLANS).config(KEYED);
    (setup.start(engine).await, stripe)
}

/// Requests that changed a subscription.
fn changes(stripe: &Stripe, id: &str) -> usize {
    stripe.shop().asked("POST", &format!("/v1/subscriptions/{id}")).len()
}

on_both_engines! {
    async fn seats_stay_seats_when_their_key_moves_on(engine: Engine) {
        let (gateway, stripe) = selling_by_key(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        member_of(&gateway, acme, "bob@example.org", "member").await;
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "crew").await;
        assert_eq!(items(&stripe, &id), [item("price_crew_month", 1), item("price_seat", 2)]);
        stripe.shop().move_key("crew_seat", "price_seat_new");
        member_of(&gateway, acme, "dan@example.org", "member").await;
        eventually("a third seat is paid", || items(&stripe, &id)[1] == item("price_seat", 3)).await;
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&ada).await["seats"], 3);
        // The next look puts right what is set by hand, and pays the plan itself once.
        stripe.shop().change(&id, |own| own["items"]["data"][1]["quantity"] = json!(9));
        stripe.tell_all(&gateway).await;
        eventually("the members count", || items(&stripe, &id)[1] == item("price_seat", 3)).await;
        assert_eq!(items(&stripe, &id), [item("price_crew_month", 1), item("price_seat", 3)]);
    }
}

on_both_engines! {
    async fn a_plan_without_the_item_of_its_seats_is_given_one_and_is_paid_once(engine: Engine) {
        let (gateway, stripe) = selling_by_key(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        member_of(&gateway, acme, "bob@example.org", "member").await;
        order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        // Begun in the dashboard, or before the file had a price for seats.
        let customer = customer_of(&stripe, &acme.to_string());
        for quantity in [1, 5] {
            let id = stripe.shop().subscribe(&customer, "price_crew_month", quantity, 0, &json!({}));
            stripe.tell_all(&gateway).await;
            let expected = [item("price_crew_month", 1), item("price_seat", 2)];
            eventually("seats are an item of their own", || items(&stripe, &id) == expected).await;
            stripe.shop().end(&id);
            stripe.tell_all(&gateway).await;
        }
    }
}

on_both_engines! {
    async fn whoever_pays_a_price_whose_key_moved_before_anybody_looked_has_the_plan(engine: Engine) {
        let (gateway, stripe) = selling_by_key(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let page = order(&mut eve.browser, json!({ "plan": "pro", "account_id": account(person.id), "annual": true })).await;
        stripe.shop().move_key("pro_yearly", "price_pro_year_new");
        stripe.pay(&page);
        stripe.tell_all(&gateway).await;
        assert!(is_open(&eve).await);
        assert_eq!(plan_of(&eve).await["plan"], "pro");
        // So it is with what is paid beside a plan: seats are seats, and are not paid a second time.
        let (mut ada, acme) = of_acme(&gateway).await;
        member_of(&gateway, acme, "bob@example.org", "member").await;
        let page = order(&mut ada.browser, json!({ "plan": "crew", "account_id": acme })).await;
        stripe.shop().move_key("crew_seat", "price_seat_new");
        stripe.pay(&page);
        let id = stripe.shop().subscriptions.keys().next_back().expect("one").clone();
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&ada).await["seats"], 2);
        member_of(&gateway, acme, "dan@example.org", "member").await;
        eventually("a third seat is paid", || items(&stripe, &id)[1] == item("price_seat", 3)).await;
        assert_eq!(items(&stripe, &id), [item("price_crew_month", 1), item("price_seat", 3)]);
    }
}

on_both_engines! {
    async fn a_change_that_was_planned_before_the_key_moved_comes_true(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "business").await;
        order(&mut eve.browser, json!({ "plan": "pro", "account_id": own, "annual": true, "schedule_at_period_end": true })).await;
        stripe.shop().move_key("pro_yearly", "price_pro_year_new");
        stripe.shop().come_true(&id);
        for _ in 0..2 {
            stripe.tell_all(&gateway).await;
            assert!(is_open(&eve).await);
            assert_eq!(plan_of(&eve).await["plan"], "pro");
            stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        }
    }
}

on_both_engines! {
    async fn a_change_charges_nothing_twice_after_a_key_has_moved(engine: Engine) {
        let (gateway, stripe) = selling_by_key(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let page = order(&mut eve.browser, json!({ "plan": "keyed", "account_id": own, "seats": 2 })).await;
        stripe.pay(&page);
        stripe.tell_all(&gateway).await;
        let id = stripe.shop().only_subscription();
        let bought =
            [item("price_keyed_month", 1), item("price_seat", 2), item("price_support", 1), item("price_calls", Value::Null)];
        assert_eq!(items(&stripe, &id), bought);
        for (key, to) in [("crew_seat", "price_seat_new"), ("support_key", "price_support_new"), ("calls_key", "price_calls_new")] {
            stripe.shop().move_key(key, to);
        }
        // Whoever changes nothing goes on paying what they chose, and nothing is added beside it.
        stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(false));
        stripe.tell_all(&gateway).await;
        gateway.gateway.provided::<Billing>().expect("plans").do_chores().await.expect("done");
        assert_eq!((items(&stripe, &id), changes(&stripe, &id)), (bought.to_vec(), 0));
        order(&mut eve.browser, json!({ "plan": "other", "account_id": own })).await;
        let changed = [item("price_foreign", 2), item("price_support_new", 1), item("price_calls_new", Value::Null)];
        assert_eq!(items(&stripe, &id), changed, "what was of the plan before goes with it");
        order(&mut eve.browser, json!({ "plan": "pro", "account_id": own })).await;
        assert_eq!(items(&stripe, &id), [item("price_pro_month", 2)]);
    }
}

on_both_engines! {
    async fn a_plan_that_is_reached_in_the_portal_is_given_its_other_lines_once(engine: Engine) {
        let (gateway, stripe) = selling_by_key(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "pro").await;
        stripe.shop().reprice(&id, "price_keyed_month");
        let whole =
            [item("price_keyed_month", 1), item("price_seat", 1), item("price_support", 1), item("price_calls", Value::Null)];
        stripe.tell_all(&gateway).await;
        let is_whole = || {
            let mut now = items(&stripe, &id);
            now.sort_by_key(|(price, _)| whole.iter().position(|(own, _)| own == price));
            now == whole
        };
        eventually("it has all that the plan has", is_whole).await;
        let before = changes(&stripe, &id);
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        for _ in 0..3 {
            stripe.tell_all(&gateway).await;
            gateway.clock.advance(Duration::from_secs(86_400 + 60));
            billing.look_again().await.expect("looked");
            billing.do_chores().await.expect("done");
        }
        assert!(is_whole() && changes(&stripe, &id) == before, "{:?}", items(&stripe, &id));
        let (_, list) = read(&mut eve.browser, "/auth/subscription/list").await;
        assert_eq!(list[0]["plan"], "keyed", "{list}");
    }
}

on_both_engines! {
    async fn what_is_charged_by_use_is_added_for_everybody_and_extras_for_whoever_comes_new_to_the_plan(engine: Engine) {
        let (gateway, stripe) = selling_by_key(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        order(&mut eve.browser, json!({ "plan": "pro", "account_id": own })).await;
        let customer = customer_of(&stripe, &own);
        let id = stripe.shop().subscribe(&customer, "price_foreign", 1, 0, &json!({}));
        stripe.tell_all(&gateway).await;
        let expected = [item("price_foreign", 1), item("price_calls", Value::Null)];
        eventually("use is charged", || items(&stripe, &id) == expected).await;
        stripe.tell_all(&gateway).await;
        gateway.gateway.provided::<Billing>().expect("plans").do_chores().await.expect("done");
        assert_eq!(items(&stripe, &id), expected, "what was sold without extras stays so");
    }
}
