//! Accounts that are gone while somebody pays for them, and customers that were deleted at Stripe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belgie_api::on;
use belgie_stripe::Billing;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{account, alone, buy, customer_of, is_open, of_acme, order, plan_of, selling};
use crate::on_both_engines;
use crate::organization::{at, done};
use crate::provider::{call, read};
use crate::support::{PATIENCE, TestGateway, eventually};

const WAITING: &str = "SELECT COUNT(*) FROM stripe_chores WHERE chore = 'close'";
const UNTRIED: &str = "SELECT COUNT(*) FROM stripe_chores WHERE chore = 'close' AND attempts = 0";

/// Waits until none is left of these.
async fn until_none(gateway: &TestGateway, sql: &'static str) {
    let begun = Instant::now();
    loop {
        let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
        let left = on!(&mut conn, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await).expect("a number");
        if left == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{left} are left: {sql}");
        tokio::task::yield_now().await;
    }
}

on_both_engines! {
    async fn what_is_paid_for_an_account_that_is_gone_is_ended(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let page = order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        // It is paid, nobody has told us yet, and the organization goes.
        stripe.pay(&page);
        done(&mut ada.browser, &at(&acme.to_string(), "/delete"), json!({})).await;
        let id = stripe.shop().only_subscription();
        eventually("it is ended", || stripe.shop().subscriptions[&id]["status"] == "canceled").await;
        until_none(&gateway, WAITING).await;
        let (ok, said) = gateway.configured_program(&["audit", "list"]).await;
        assert!(ok && said.to_string().contains("subscription.ended"), "{said}");
        stripe.tell_all(&gateway).await;
        assert_eq!(stripe.shop().asked("DELETE", &format!("/v1/subscriptions/{id}")).len(), 1, "once");
    }
}

on_both_engines! {
    async fn it_is_ended_also_where_the_news_come_between_the_deletion_and_the_closing(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let page = order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        stripe.pay(&page);
        // The first try to close the page fails, and the webhook comes before the second.
        stripe.shop().failures.push_back((500, Some("false")));
        done(&mut ada.browser, &at(&acme.to_string(), "/delete"), json!({})).await;
        eventually("the first try has failed", || stripe.shop().failures.is_empty()).await;
        stripe.tell_all(&gateway).await;
        let id = stripe.shop().only_subscription();
        let is_ended = || {
            gateway.clock.advance(Duration::from_secs(1));
            stripe.shop().subscriptions[&id]["status"] == "canceled"
        };
        eventually("it is ended", is_ended).await;
    }
}

on_both_engines! {
    async fn a_page_in_the_making_is_closed_once_it_is_there(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let held = Arc::new(Notify::new());
        stripe.shop().held = Some(Arc::clone(&held));
        let mut buying = ada.browser.clone();
        let ordered = order(&mut buying, json!({ "plan": "pro", "account_id": acme }));
        let deleted = async {
            eventually("Stripe makes the page", || stripe.shop().sessions.len() == 1).await;
            done(&mut ada.browser, &at(&acme.to_string(), "/delete"), json!({})).await;
            until_none(&gateway, UNTRIED).await;
            // What cannot be closed yet is not done.
            gateway.gateway.provided::<Billing>().expect("plans").do_chores().await.expect("done");
            held.notify_one();
        };
        futures::join!(ordered, deleted);
        let is_closed = || {
            gateway.clock.advance(Duration::from_secs(1));
            stripe.shop().sessions.values().all(|page| page["status"] == "expired")
        };
        eventually("the page is closed", is_closed).await;
    }
}

on_both_engines! {
    async fn whoever_was_deleted_at_stripe_can_buy_again_as_another_customer(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let first = buy(&gateway, &stripe, &mut eve.browser, &own, "pro").await;
        let former = customer_of(&stripe, &own);
        stripe.shop().delete_customer(&former);
        stripe.tell_all(&gateway).await;
        assert!(!is_open(&eve).await && plan_of(&eve).await["plan"] == "free", "what it paid for ended with it");
        let second = buy(&gateway, &stripe, &mut eve.browser, &own, "pro").await;
        assert!(is_open(&eve).await && second != first && customer_of(&stripe, &own) != former);
        // News of what it paid for are still its own.
        stripe.shop().change(&first, |own: &mut Value| own["metadata"] = json!({ "note": "late" }));
        stripe.tell_all(&gateway).await;
        let (_, list) = read(&mut eve.browser, "/auth/subscription/list").await;
        assert_eq!((&list[0]["status"], &list[1]["status"]), (&json!("active"), &json!("canceled")), "{list}");
        let (_, export) = read(&mut eve.browser, "/auth/subscription/export").await;
        assert_eq!(export["former_customers"], json!([former]), "{export}");
        let (ok, said) = gateway.configured_program(&["audit", "list"]).await;
        assert!(ok && said.to_string().contains("customer.gone"), "{said}");
    }
}

on_both_engines! {
    async fn it_is_found_out_where_nobody_tells_of_it(engine: Engine) {
        const PORTAL: &str = "/auth/subscription/billing-portal";
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        let mut seen = Vec::new();
        for plan in ["pro", "business"] {
            // Twice on one day: under the same key Stripe would name the one before once more.
            let page = order(&mut eve.browser, json!({ "plan": plan, "account_id": own })).await;
            assert!(page.contains("/c/pay/"), "{page}");
            let customer = customer_of(&stripe, &own);
            assert!(!seen.contains(&customer), "{customer}");
            stripe.shop().delete_customer(&customer);
            stripe.news();
            seen.push(customer);
        }
        let (status, said) = call(&mut eve.browser, PORTAL, json!({ "account_id": own })).await;
        assert_eq!((status, &said["error"]), (StatusCode::NOT_FOUND, &json!("subscription.no_customer")), "{said}");
        let id = buy(&gateway, &stripe, &mut eve.browser, &own, "pro").await;
        assert!(is_open(&eve).await);
        // While something goes on, a customer that is not there is a mistake in the settings, and nothing is forgotten for it.
        let customers = std::mem::take(&mut stripe.shop().customers);
        assert_eq!(call(&mut eve.browser, PORTAL, json!({ "account_id": own })).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        stripe.shop().customers = customers;
        assert_eq!(call(&mut eve.browser, PORTAL, json!({ "account_id": own, "disable_redirect": true })).await.0, StatusCode::OK);
        stripe.shop().change(&id, |own: &mut Value| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        assert!(!is_open(&eve).await);
    }
}
