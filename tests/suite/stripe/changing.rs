//! What becomes of a plan that somebody has: its price moves on, it is changed, it opens nothing any more, it is bought again.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, is_open, member_of, of_acme, order, plan_of, selling};
use crate::on_both_engines;
use crate::organization::owned_by;
use crate::provider::call;

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

on_both_engines! {
    async fn of_many_who_buy_at_once_one_gets_a_page_on_which_one_can_pay(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (ada, acme) = of_acme(&gateway).await;
        let mut buyers = vec![ada];
        for email in ["dan@example.org", "fay@example.org", "gus@example.org"] {
            buyers.push(member_of(&gateway, acme, email, "admin").await);
        }
        for _ in 0..3 {
            let all = buyers.iter_mut().enumerate().map(async |(place, buyer)| {
                let wish = json!({ "plan": "pro", "account_id": acme, "seats": place + 2, "disable_redirect": true });
                call(&mut buyer.browser, "/auth/subscription/upgrade", wish).await
            });
            for (status, said) in join_all(all).await {
                assert!(status == StatusCode::OK || said["error"] == "subscription.overtaken", "{status} {said}");
            }
            let shop = stripe.shop();
            assert!(shop.sessions.values().filter(|page| page["status"] == "open").count() <= 1, "{:?}", shop.sessions);
        }
        let page = order(&mut buyers[0].browser, json!({ "plan": "pro", "account_id": acme })).await;
        stripe.pay(&page);
        assert!(stripe.shop().sessions.values().all(|page| page["status"] != "open"));
    }
}

on_both_engines! {
    async fn a_person_who_asks_for_many_accounts_at_once_has_one_trial(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (ada, acme) = of_acme(&gateway).await;
        let mut accounts = vec![acme.to_string(), account(ada.person.id)];
        for name in ["globex", "initech", "hooli", "stark", "wayne", "tyrell"] {
            accounts.push(owned_by(&gateway, ada.person.id, name).await.id.to_string());
        }
        let all = accounts.iter().map(async |id| {
            let wish = json!({ "plan": "business", "account_id": id });
            order(&mut ada.browser.clone(), wish).await
        });
        join_all(all).await;
        let pages = stripe.shop().asked("POST", "/v1/checkout/sessions");
        let trials = pages.iter().filter(|asked| asked.value("subscription_data[trial_period_days]").is_some()).count();
        assert_eq!((pages.len(), trials), (accounts.len(), 1));
    }
}

on_both_engines! {
    async fn a_change_is_for_one_seat_at_least_and_not_for_more_than_can_be_had(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = account(person.id);
        buy(&gateway, &stripe, &mut eve.browser, &id, "pro").await;
        for (wanted, asked_for) in [(0, "1"), (7, "7"), (4_000_000_000_u32, "10000")] {
            order(&mut eve.browser, json!({ "plan": "business", "account_id": id, "seats": wanted })).await;
            let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
            let quantity = asked.value("flow_data[subscription_update_confirm][items][0][quantity]");
            assert_eq!(quantity, Some(asked_for));
        }
    }
}

on_both_engines! {
    async fn what_goes_on_and_opens_nothing_is_paid_where_cards_are(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = account(person.id);
        let subscription = buy(&gateway, &stripe, &mut eve.browser, &id, "pro").await;
        for status in ["unpaid", "paused", "incomplete"] {
            stripe.shop().change(&subscription, |own: &mut Value| own["status"] = json!(status));
            stripe.tell_all(&gateway).await;
            assert!(!is_open(&eve).await, "{status}");
            for plan in ["pro", "business"] {
                let page = order(&mut eve.browser, json!({ "plan": plan, "account_id": id })).await;
                assert!(page.contains("/p/session/"), "{status} {plan}: {page}");
                let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
                assert_eq!(asked.value("flow_data[type]"), None, "{status} {plan}");
            }
        }
        assert_eq!(stripe.shop().sessions.len(), 1, "and nothing is bought beside it");
    }
}

on_both_engines! {
    async fn what_was_bought_and_has_ended_can_be_bought_again(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let wish = json!({ "plan": "pro", "account_id": account(person.id) });
        // No webhook comes, but Eve lands; later her plan ends.
        let first = order(&mut eve.browser, wish.clone()).await;
        let landed = stripe.pay(&first);
        assert_eq!(eve.browser.get(&landed).await.location(), "/account");
        stripe.news();
        let subscription = stripe.shop().only_subscription();
        stripe.shop().change(&subscription, |own: &mut Value| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        assert!(!is_open(&eve).await);
        let second = order(&mut eve.browser, wish.clone()).await;
        assert_ne!(second, first, "nobody can pay on the page that was paid on");
        // No webhook comes and nobody lands; what was bought has ended by the time it is found.
        stripe.pay(&second);
        let subscription = stripe.shop().subscriptions.keys().next_back().expect("one").clone();
        stripe.shop().change(&subscription, |own: &mut Value| own["status"] = json!("canceled"));
        stripe.news();
        let third = order(&mut eve.browser, json!({ "plan": "pro", "account_id": account(person.id), "seats": 2 })).await;
        assert!(third.contains("/c/pay/") && third != second, "{third}");
        stripe.pay(&third);
        stripe.tell_all(&gateway).await;
        assert!(is_open(&eve).await && plan_of(&eve).await["seats"] == 2);
    }
}

on_both_engines! {
    async fn a_language_or_metadata_that_stripe_does_not_take_is_said_to_be_wrong(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = account(person.id);
        let many: serde_json::Map<_, _> = (0..49).map(|number| (format!("name{number}"), json!("value"))).collect();
        let wrong = [
            json!({ "locale": "tlh" }),
            json!({ "metadata": { "": "value" } }),
            json!({ "metadata": { "a][b": "value" } }),
            json!({ "metadata": { "n".repeat(41): "value" } }),
            json!({ "metadata": { "name": "v".repeat(501) } }),
            json!({ "metadata": many }),
        ];
        for mut body in wrong {
            body["plan"] = json!("pro");
            let (status, said) = call(&mut eve.browser, "/auth/subscription/upgrade", body.clone()).await;
            assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.not_taken")), "{body}");
        }
        assert!(stripe.shop().sessions.is_empty());
        let longest = json!({ "n".repeat(40): "ü".repeat(500) });
        stripe.pay(&order(&mut eve.browser, json!({ "plan": "pro", "locale": "de", "metadata": longest })).await);
        stripe.tell_all(&gateway).await;
        for path in ["billing-portal", "cancel"] {
            let body = json!({ "account_id": id, "locale": "tlh" });
            let (status, said) = call(&mut eve.browser, &format!("/auth/subscription/{path}"), body).await;
            assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.not_taken")), "{path}");
        }
    }
}
