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
    async fn nobody_can_pay_any_more_for_an_account_that_is_gone(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        done(&mut ada.browser, &at(&acme.to_string(), "/delete"), json!({})).await;
        let is_closed = || stripe.shop().sessions.values().all(|page| page["status"] == "expired");
        eventually("the page is closed", is_closed).await;
    }
}
