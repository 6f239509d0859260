//! From a refused call to a paid one, and to the end of what was paid.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{alone, choose, is_open, link_in, of_acme, plan_of, selling};
use crate::on_both_engines;
use crate::provider::{call, read};
use crate::support::Reply;

on_both_engines! {
    async fn a_refused_call_leads_to_a_page_where_it_is_bought_and_then_the_same_token_works(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        assert_eq!(plan_of(&ada).await["plan"], "free");
        let listed = ada.modern().send("tools/list", json!({})).await;
        assert!(listed.tool_names().contains(&"echo"), "what a plan opens is shown: {:?}", listed.body);

        let link = link_in(&ada.call().await);
        let page = ada.browser.get(&link).await;
        assert_eq!(page.status, StatusCode::OK);
        for words in ["The acme", "Pro, $20.00 by the month", "Pro, $20.00 by the year", "Business, $20.00 by the month", "<code>echo</code>"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let pay = choose(&mut ada.browser, &link, "pro.month").await;
        let shown = ada.browser.get(&pay).await;
        assert!(shown.body.contains("No money moves here"), "{}", shown.body);
        assert!(!is_open(&ada).await, "nothing is paid yet");

        stripe.pay(&pay);
        stripe.tell_all(&gateway).await;
        assert!(is_open(&ada).await);
        assert_eq!(ada.modern().call("add", json!({ "a": 1, "b": 2 })).await.body["result"]["isError"], false);
        let plan = plan_of(&ada).await;
        assert_eq!((&plan["plan"], &plan["status"], &plan["seats"]), (&json!("pro"), &json!("active"), &json!(1)));
        assert_eq!((&plan["limits"], &plan["entitlements"]), (&json!({ "projects": "10" }), &json!(["exports"])));
        assert_eq!(plan["subject"], json!({ "kind": "organization", "organization": acme }));
        assert!(plan["period_end"].is_string() && plan["ends_at"].is_null(), "{plan}");
        let page = ada.browser.get(&link).await;
        assert!(page.body.contains("has Pro") && page.body.contains("let it try again"), "{}", page.body);
    }
}

on_both_engines! {
    async fn whoever_lands_after_paying_need_not_wait_for_the_webhook(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, _) = of_acme(&gateway).await;
        let link = link_in(&ada.call().await);
        let pay = choose(&mut ada.browser, &link, "pro.year").await;
        let success = stripe.shop().sessions.values().next().expect("a page")["success_url"].as_str().expect("one").to_owned();
        let early = ada.browser.get(&success).await;
        assert_eq!(early.status, StatusCode::CONFLICT, "nobody has paid: {}", early.body);
        let landed = ada.browser.get(&stripe.pay(&pay)).await;
        assert!(landed.location().starts_with("/billing/upgrade?ask="), "{}", landed.location());
        assert!(is_open(&ada).await);
        let done = ada.browser.get(&landed.location()).await;
        assert!(done.body.contains("has Pro"), "{}", done.body);
        // The webhooks come afterwards and change nothing.
        stripe.tell_all(&gateway).await;
        assert!(is_open(&ada).await);
        let again = ada.browser.get(&success).await;
        assert!(again.location().starts_with("/billing/upgrade?ask="), "the same way on");
        let mut forged = success.clone();
        forged.pop();
        assert_eq!(ada.browser.get(&forged).await.status, StatusCode::BAD_REQUEST);
    }
}

on_both_engines! {
    async fn what_is_cancelled_stays_open_until_the_end_of_its_period_and_not_longer(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        stripe.shop().period = Some(1800);
        let (mut ada, acme) = of_acme(&gateway).await;
        let id = super::buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        let body = json!({ "account_id": acme, "return_url": "/account" });
        let request = ada.browser.raw().post(gateway.at("/auth/subscription/cancel")).json(&body);
        let page = ada.browser.send(request.header("sec-fetch-site", "same-origin")).await;
        assert_eq!(page.status, StatusCode::FOUND);
        assert!(page.location().starts_with(&stripe.shop().at("/p/session/")), "{}", page.location());
        let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
        assert_eq!(asked.value("flow_data[type]"), Some("subscription_cancel"));
        assert_eq!(asked.value("flow_data[subscription_cancel][subscription]"), Some(id.as_str()));
        let refused = call(&mut ada.browser, "/auth/subscription/restore", json!({ "account_id": acme })).await;
        assert_eq!((refused.0, &refused.1["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.not_pending_cancellation")));

        let cancel = |subscription: &mut Value| subscription["cancel_at_period_end"] = json!(true);
        stripe.shop().change(&id, cancel);
        stripe.tell_all(&gateway).await;
        assert!(is_open(&ada).await && plan_of(&ada).await["ends_at"].is_string());
        let restored = call(&mut ada.browser, "/auth/subscription/restore", json!({ "account_id": acme })).await;
        assert_eq!((restored.0, &restored.1["cancel_at_period_end"]), (StatusCode::OK, &json!(false)));
        assert!(plan_of(&ada).await["ends_at"].is_null());

        stripe.shop().change(&id, cancel);
        stripe.tell_all(&gateway).await;
        assert!(is_open(&ada).await);
        // Nobody tells that the end has come: our own clock does.
        gateway.clock.advance(Duration::from_secs(1801));
        let closed = ada.call().await;
        link_in(&closed);
        assert_eq!(plan_of(&ada).await["plan"], "free");
        stripe.shop().change(&id, |subscription| subscription["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        let (_, list) = read(&mut ada.browser, &format!("/auth/subscription/list?account_id={acme}")).await;
        assert_eq!((&list[0]["status"], &list[0]["plan"]), (&json!("canceled"), &json!("pro")));
        let (_, open) = read(&mut ada.browser, &format!("/auth/subscription/list?account_id={acme}&active_only=true")).await;
        assert_eq!(open, json!([]));
    }
}

on_both_engines! {
    async fn a_plan_is_cancelled_and_kept_from_the_page_of_its_usage(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let path = format!("/billing/usage?account_id={acme}");
        assert!(!ada.browser.get(&path).await.body.contains("Cancel the plan"), "nothing is paid for");
        let id = super::buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        let page = ada.browser.fill(&path, "/billing/cancel", &[]).await;
        assert!(page.location().starts_with(&stripe.shop().at("/p/session/")), "{}", page.location());
        let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
        assert_eq!(asked.value("flow_data[subscription_cancel][subscription]"), Some(id.as_str()));
        assert_eq!(asked.value("return_url"), Some(gateway.at(&path).as_str()), "Stripe leads back to the page");
        stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        stripe.tell_all(&gateway).await;
        let ending = ada.browser.get(&path).await;
        assert!(ending.body.contains("The plan ends on ") && !ending.body.contains("Cancel the plan"), "{}", ending.body);
        assert_eq!(ada.browser.fill(&path, "/billing/restore", &[]).await.location(), path);
        let kept = ada.browser.get(&path).await;
        assert!(!kept.body.contains("The plan ends on ") && kept.body.contains("Cancel the plan"), "{}", kept.body);
        assert!(kept.body.contains("Usage of other accounts: <a href="), "links say where they lead: {}", kept.body);
        let (mut eve, _) = alone(&gateway, "eve@example.org").await;
        let account = eve.browser.get("/account").await;
        assert!(account.body.contains("Your plan is Free.") && account.body.contains("href=\"/billing/usage\""), "{}", account.body);
        // Who may not pay sees no button, and is refused whatever they send.
        let mut bob = super::member_of(&gateway, acme, "bob@example.org", "member").await;
        assert!(!bob.browser.get(&path).await.body.contains("/billing/cancel"));
        let mut form = bob.browser.get("/account").await.form("/auth/signout");
        "/billing/cancel".clone_into(&mut form.action);
        form.fields.push(("account_id".to_owned(), acme.to_string()));
        assert_eq!(bob.browser.submit(&form, &[]).await.status, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn a_failed_payment_closes_the_plan_only_after_the_grace(engine: Engine) {
        let (gateway, stripe) = super::selling_with(engine, "grace = \"20m\"").await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = super::buy(&gateway, &stripe, &mut eve.browser, &super::account(person.id), "pro").await;
        assert!(is_open(&eve).await);
        for _ in 0..2 {
            stripe.shop().change(&id, |subscription| subscription["status"] = json!("past_due"));
            stripe.tell_all(&gateway).await;
            assert_eq!(plan_of(&eve).await["status"], "past_due");
            assert!(is_open(&eve).await);
            // Being told again does not begin the grace anew.
            gateway.clock.advance(Duration::from_secs(700));
        }
        link_in(&eve.call().await);
        stripe.shop().change(&id, |subscription| subscription["status"] = json!("active"));
        stripe.tell_all(&gateway).await;
        assert!(is_open(&eve).await);
    }
}

on_both_engines! {
    async fn lists_calls_and_explanations_agree(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let explained = async || {
            let asked = ["explain", "--user", "ada@example.org", "--org", "acme", "--tool", "add", "--demo-tools"];
            gateway.configured_program(&asked).await.1
        };
        let outcomes = |said: &Value| ["list", "call"].map(|name| said["trace"][name]["outcome"].clone());
        let before = explained().await;
        assert_eq!(outcomes(&before), [json!("listed"), json!("plan_too_small")], "{before}");
        super::buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        let after = explained().await;
        assert_eq!(outcomes(&after), [json!("listed"), json!("allowed")], "{after}");
        assert_eq!(after["caller"]["subscription"]["plan"], "pro");
        let session = ada.session().await;
        let reply: Reply = session.call("echo", json!({ "text": "in a session" })).await;
        assert_eq!(reply.text(), "in a session");
    }
}
