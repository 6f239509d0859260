//! What Stripe tells: believed when signed, done once, in any order, never lost.

use std::time::Duration;

use belgie_api::ports::BillingSubject;
use belgie_api::{Clock, on};
use belgie_stripe::Billing;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, is_open, of_acme, order, plan_of, selling};
use crate::on_both_engines;
use crate::support::stripe::{SIGNING_SECRET, sign, tell, tell_raw};

on_both_engines! {
    async fn a_webhook_that_is_not_signed_as_it_should_be_is_not_believed(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        stripe.pay(&order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await);
        let events = stripe.news();
        let body = events[0].to_string();
        let now = gateway.clock.now();
        let good = sign(SIGNING_SECRET, &body, now);
        let late = sign(SIGNING_SECRET, &body, now.minus(Duration::from_secs(301)));
        let early = sign(SIGNING_SECRET, &body, now.plus(Duration::from_secs(330)));
        let changed = body.replace("active", "trialing");
        let truncated = &body[..body.len() - 1];
        let cases: [(&str, Option<String>); 7] = [
            (&body, None),
            (&body, Some(String::new())),
            (&body, Some(sign("whsec_other", &body, now))),
            (&body, Some(late)),
            (&body, Some(early)),
            (&changed, Some(good.clone())),
            (truncated, Some(good.clone())),
        ];
        for (body, signature) in cases {
            let said = tell_raw(&gateway, body, signature.as_deref()).await;
            assert_eq!((said.status, &said.body["error"]), (StatusCode::BAD_REQUEST, &json!("stripe.bad_signature")), "{signature:?}");
        }
        for body in ["", "{}", "[]", "not json", "{\"id\":\"evt_1\"}", truncated] {
            let said = tell_raw(&gateway, body, Some(&sign(SIGNING_SECRET, body, now))).await;
            assert_eq!((said.status, &said.body["error"]), (StatusCode::BAD_REQUEST, &json!("stripe.no_event")), "{body}");
        }
        assert!(!is_open(&ada).await, "none of them did anything");
        assert_eq!(tell_raw(&gateway, &body, Some(&good)).await.status, StatusCode::OK);
        assert!(is_open(&ada).await);
    }
}

on_both_engines! {
    async fn both_secrets_count_while_one_replaces_the_other(engine: Engine) {
        let (gateway, stripe) = super::selling_with(engine, "previous_webhook_secret = \"whsec_before\"").await;
        let (mut ada, acme) = of_acme(&gateway).await;
        stripe.pay(&order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await);
        let body = stripe.news()[0].to_string();
        let now = gateway.clock.now();
        let (old, other) = (sign("whsec_before", &body, now), sign("whsec_other", &body, now));
        let v1 = |header: &str| header.split_once(',').expect("a signature").1.to_owned();
        let several = format!("{other},{},v0=00", v1(&old));
        assert_eq!(tell_raw(&gateway, &body, Some(&several)).await.status, StatusCode::OK);
        assert!(is_open(&ada).await);
    }
}

on_both_engines! {
    async fn news_may_come_twice_late_and_in_any_order(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        stripe.shop().reprice(&id, "price_business_month");
        stripe.shop().change(&id, |own| own["status"] = json!("canceled"));
        let mut events = stripe.news();
        assert_eq!(events.len(), 3);
        // The end comes first; what was before it comes days later, and twice.
        events.reverse();
        let sent = async |event: &Value| assert_eq!(tell(&gateway, event).await.status, StatusCode::OK);
        sent(&events[0]).await;
        assert!(!is_open(&eve).await);
        for event in events.iter().chain(&events) {
            gateway.clock.advance(Duration::from_secs(120));
            sent(event).await;
            assert_eq!(plan_of(&eve).await["plan"], "free", "{event}");
        }
        let looks = stripe.shop().asked("GET", &format!("/v1/subscriptions/{id}")).len();
        sent(&events[1]).await;
        assert_eq!(stripe.shop().asked("GET", &format!("/v1/subscriptions/{id}")).len(), looks, "what was done is not done again");
    }
}

on_both_engines! {
    async fn the_same_news_told_many_times_at_once_are_done_once(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        stripe.pay(&order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await);
        let events = stripe.news();
        let all = (0..8).flat_map(|_| &events).map(|event| tell(&gateway, event));
        for said in futures::future::join_all(all).await {
            assert_eq!(said.status, StatusCode::OK, "{:?}", said.body);
        }
        assert!(is_open(&ada).await);
        let id = stripe.shop().only_subscription();
        assert_eq!(stripe.shop().asked("GET", &format!("/v1/subscriptions/{id}")).len(), events.len());
    }
}

on_both_engines! {
    async fn what_cannot_be_dealt_with_is_kept_and_tried_again(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        stripe.pay(&order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await);
        let events = stripe.news();
        stripe.shop().failures.push_back((500, Some("false")));
        assert_eq!(tell(&gateway, &events[0]).await.status, StatusCode::OK, "it is kept, so it is taken");
        assert!(!is_open(&ada).await);
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        let kept = billing.events(false).await.expect("events");
        assert!(kept[0].note.as_deref().is_some_and(|note| note.contains("status 500")), "{kept:?}");
        assert!(kept[0].due_at.is_some() && events[0] == kept[0].payload.parse::<Value>().expect("JSON"));
        billing.catch_up().await.expect("looked at");
        assert!(!is_open(&ada).await, "it is not due yet");
        gateway.clock.advance(Duration::from_secs(61));
        billing.catch_up().await.expect("looked at");
        assert!(is_open(&ada).await);
    }
}

on_both_engines! {
    async fn what_was_given_up_is_listed_and_can_be_replayed(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        stripe.pay(&order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await);
        let event = stripe.news().remove(0);
        let id = event["id"].as_str().expect("an id").to_owned();
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        for round in 0..18 {
            stripe.shop().failures.push_back((500, Some("false")));
            if round == 0 { tell(&gateway, &event).await; } else { billing.catch_up().await.expect("looked at"); }
            gateway.clock.advance(Duration::from_secs(9 * 3600));
        }
        stripe.shop().failures.clear();
        billing.catch_up().await.expect("looked at");
        let (_, listed) = gateway.configured_program(&["stripe", "events", "--failed"]).await;
        assert_eq!((&listed["events"][0]["id"], &listed["events"][0]["state"]), (&json!(id), &json!("given up")), "{listed}");
        let (ok, said) = gateway.configured_program(&["stripe", "replay", "evt_unknown"]).await;
        assert_eq!((ok, &said["error"]), (false, &json!("stripe.unknown_event")));
        let (ok, said) = gateway.configured_program(&["stripe", "replay", &id]).await;
        assert_eq!((ok, said), (true, json!({ "done": 1, "failed": 0 })));
        let (_, listed) = gateway.configured_program(&["stripe", "events", "--failed"]).await;
        assert_eq!(listed, json!({ "events": [] }));
        let subject = BillingSubject::Organization { organization: acme };
        assert_eq!(billing.list(subject, true).await.expect("a list").len(), 1);
    }
}

/// Events that were given up, more than a list shows. One of them nobody can read.
const GIVEN_UP: &str = "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 401) \
    INSERT INTO stripe_events (event_id, kind, payload, received_at, attempts, failed_at) \
    SELECT 'evt_' || number, 'product.updated', CASE WHEN number = 1 THEN 'no JSON' ELSE $1 END, $2, 18, $2 FROM numbers";

on_both_engines! {
    async fn all_that_was_given_up_is_replayed_however_much_it_is(engine: Engine) {
        let (gateway, _stripe) = selling(engine).await;
        let host = gateway.gateway.host();
        let payload = json!({ "id": "evt", "type": "product.updated", "data": { "object": {} } }).to_string();
        let mut tx = host.db().begin().await.expect("a transaction");
        let kept = on!(&mut tx, c => sqlx::query(GIVEN_UP).bind(payload.as_str()).bind(host.now()).execute(c).await.map(drop));
        kept.expect("401 events");
        tx.commit(host.now()).await.expect("written");
        let (ok, said) = gateway.configured_program(&["stripe", "replay", "--failed"]).await;
        assert_eq!((ok, said), (true, json!({ "done": 400, "failed": 1 })));
        let (_, listed) = gateway.configured_program(&["stripe", "events", "--failed"]).await;
        let left: Vec<&Value> = listed["events"].as_array().into_iter().flatten().map(|event| &event["id"]).collect();
        assert_eq!(left, [&json!("evt_1")], "{listed}");
    }
}

on_both_engines! {
    async fn what_is_none_of_ours_is_taken_and_does_nothing(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        stripe.shop().subscribe("cus_of_another_shop", "price_pro_month", 1, 0, &json!({}));
        stripe.shop().make_up("customer.subscription.updated", &json!({ "id": "sub_gone", "object": "subscription" }));
        stripe.shop().make_up("invoice.paid", &json!({ "id": "in_1", "object": "invoice", "parent": null }));
        stripe.shop().make_up("payout.paid", &json!({ "id": "po_1", "object": "payout" }));
        stripe.tell_all(&gateway).await;
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        let kept = billing.events(false).await.expect("events");
        assert!(kept.len() == 4 && kept.iter().all(|kept| kept.processed_at.is_some()), "{kept:?}");
        assert!(!is_open(&eve).await);
    }
}

on_both_engines! {
    async fn what_was_done_long_ago_is_forgotten_and_what_was_not_done_is_not(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        let kept = async || billing.events(false).await.expect("events").into_iter().map(|kept| kept.kind).collect::<Vec<_>>();
        stripe.shop().make_up("payout.paid", &json!({ "id": "po_1", "object": "payout" }));
        stripe.tell_all(&gateway).await;
        gateway.clock.advance(Duration::from_secs(89 * 86_400));
        stripe.shop().make_up("customer.updated", &json!({ "id": "cus_1", "object": "customer" }));
        stripe.tell_all(&gateway).await;
        billing.catch_up().await.expect("looked at");
        assert_eq!(kept().await, ["customer.updated", "payout.paid"]);
        gateway.clock.advance(Duration::from_secs(2 * 86_400));
        stripe.shop().failures.push_back((500, Some("false")));
        stripe.shop().make_up("customer.subscription.updated", &json!({ "id": "sub_1", "object": "subscription" }));
        stripe.tell_all(&gateway).await;
        billing.catch_up().await.expect("looked at");
        assert_eq!(kept().await, ["customer.subscription.updated", "customer.updated"]);
        gateway.clock.advance(Duration::from_secs(91 * 86_400));
        stripe.shop().failures.push_back((500, Some("false")));
        billing.catch_up().await.expect("looked at");
        assert_eq!(kept().await, ["customer.subscription.updated"], "it is still to be dealt with");
    }
}

on_both_engines! {
    async fn however_much_is_due_is_caught_up_with_at_one_go(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        for _ in 0..40 {
            stripe.shop().failures.push_back((500, Some("false")));
            stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        }
        stripe.tell_all(&gateway).await;
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        let open = async || billing.events(false).await.expect("events").iter().filter(|kept| kept.processed_at.is_none()).count();
        assert_eq!(open().await, 40);
        gateway.clock.advance(Duration::from_secs(61));
        billing.catch_up().await.expect("looked at");
        assert_eq!(open().await, 0);
        assert!(plan_of(&ada).await["ends_at"].is_string());
    }
}
