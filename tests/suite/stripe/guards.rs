//! Nobody goes for whom somebody still pays, and what is kept about payments is given to whoever asks for it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, customer_of, of_acme, order, selling};
use crate::on_both_engines;
use crate::organization::{at, done};
use crate::provider::{call, read};
use crate::support::{Stripe, eventually};

/// Lets a subscription end, and tells of it.
async fn end(gateway: &crate::support::TestGateway, stripe: &Stripe, id: &str) {
    stripe.shop().change(id, |own: &mut Value| own["status"] = json!("canceled"));
    stripe.tell_all(gateway).await;
}

on_both_engines! {
    async fn an_account_for_which_somebody_pays_is_not_deleted(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        let (ok, said) = gateway.configured_program(&["user", "delete", "--email", "eve@example.org"]).await;
        assert_eq!((ok, &said["error"]), (false, &json!("subscription.still_running")), "{said}");
        assert!(said["hint"].as_str().is_some_and(|hint| hint.contains("Cancel it in the billing portal")), "{said}");
        // That it is to end does not end it: until then it is paid for, and can be taken back.
        stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        stripe.tell_all(&gateway).await;
        assert!(!gateway.configured_program(&["user", "delete", "--email", "eve@example.org"]).await.0);
        end(&gateway, &stripe, &id).await;
        let (ok, said) = gateway.configured_program(&["user", "delete", "--email", "eve@example.org"]).await;
        assert!(ok, "{said}");
    }
}

on_both_engines! {
    async fn neither_is_an_organization_nor_a_team_of_it(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let red = crate::team::team_of(&gateway, acme, "red").await.id;
        let of_red = buy(&gateway, &stripe, &mut ada.browser, &red.to_string(), "pro").await;
        let delete = at(&acme.to_string(), "/delete");
        let refused = (StatusCode::CONFLICT, json!("subscription.still_running"));
        let team = at(&acme.to_string(), &format!("/teams/{red}/delete"));
        for path in [&team, &delete] {
            let (status, said) = call(&mut ada.browser, path, json!({})).await;
            assert_eq!((status, said["error"].clone()), refused, "{path} {said}");
        }
        // With the last owner's account the organization would go.
        let (ok, said) = gateway.configured_program(&["user", "delete", "--email", "ada@example.org"]).await;
        assert_eq!((ok, &said["error"]), (false, &json!("subscription.still_running")), "{said}");
        end(&gateway, &stripe, &of_red).await;
        done(&mut ada.browser, &team, json!({})).await;
        let of_acme = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        assert_eq!(call(&mut ada.browser, &delete, json!({})).await.0, StatusCode::CONFLICT);
        end(&gateway, &stripe, &of_acme).await;
        done(&mut ada.browser, &delete, json!({})).await;
    }
}

on_both_engines! {
    async fn what_is_kept_about_payments_is_in_the_export(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let id = account(ada.person.id);
        let subscription = buy(&gateway, &stripe, &mut ada.browser, &id, "pro").await;
        let of_acme = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "business").await;
        let page = ada.browser.get("/account/export").await;
        let export: Value = serde_json::from_str(&page.body).expect("JSON");
        let own = &export["data"]["stripe"];
        assert_eq!(own["customer"], json!(customer_of(&stripe, &id)), "{export}");
        assert_eq!(own["subscriptions"][0]["stripe_id"], json!(subscription));
        assert!(!page.body.contains(&of_acme), "what an organization pays is not a person's");
        let path = |id: &dyn ToString| format!("/auth/subscription/export?account_id={}", id.to_string());
        let (status, of_organization) = read(&mut ada.browser, &path(&acme)).await;
        assert_eq!(status, StatusCode::OK, "{of_organization}");
        let found = &of_organization["subscriptions"][0];
        assert_eq!((&found["stripe_id"], &found["plan"]), (&json!(of_acme), &json!("business")));
        let mut bob = super::member_of(&gateway, acme, "bob@example.org", "member").await;
        assert_eq!(read(&mut bob.browser, &path(&acme)).await.0, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn the_calls_of_a_person_that_were_counted_are_in_their_export(engine: Engine) {
        let (gateway, stripe) = super::meter::counting(engine).await;
        let (mut ada, acme) = super::meter::with_plan(&gateway, &stripe, "pro").await;
        let mut bob = super::member_of(&gateway, acme, "bob@example.org", "member").await;
        let first = super::meter::usage_in(&ada.call().await)["call"].clone();
        let dear = super::meter::usage_in(&ada.modern().call("add", json!({ "a": 1, "b": 1 })).await)["call"].clone();
        let failed = ada.modern().call("add", json!({ "a": 1e308, "b": 1e308 })).await;
        assert_eq!(failed.body["result"]["isError"], true);
        let of_bob = super::meter::usage_in(&bob.call().await)["call"].clone();
        let counted = async |browser: &mut crate::support::Browser| {
            let export: Value = serde_json::from_str(&browser.get("/account/export").await.body).expect("JSON");
            export["data"]["stripe"]["counted_calls"].clone()
        };
        let own = counted(&mut ada.browser).await;
        assert_eq!((&own["calls"], &own["units"]), (&json!(3), &json!(3)), "{own}");
        assert_eq!((&own["last"][2]["id"], &own["last"][1]["id"]), (&first, &dear), "the newest first: {own}");
        let one = &own["last"][1];
        assert_eq!((&one["account_id"], &one["meter"], &one["name"], &one["units"]), (&json!(acme), &json!("exports"), &json!("add"), &json!(2)));
        assert!(one["charged_at"].is_string() && own["last"][0]["charged_at"].is_null(), "what failed was not charged: {own}");
        let other = counted(&mut bob.browser).await;
        assert_eq!((&other["calls"], &other["last"][0]["id"]), (&json!(1), &of_bob), "nobody sees the calls of others: {other}");
    }
}

on_both_engines! {
    async fn nobody_can_pay_any_more_for_an_account_that_is_gone(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        done(&mut ada.browser, &at(&acme.to_string(), "/delete"), json!({})).await;
        let is_closed = || stripe.shop().sessions.values().all(|page| page["status"] == "expired");
        eventually("the page is closed", is_closed).await;
    }
}
