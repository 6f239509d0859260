//! Who may buy what for whom.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, choose, customer_of, is_open, link_in, member_of, of_acme, order, plan_of, selling};
use crate::on_both_engines;
use crate::organization::owned_by;
use crate::provider::{call, read};

const UPGRADE: &str = "/auth/subscription/upgrade";

on_both_engines! {
    async fn whoever_may_not_pay_for_an_organization_cannot_buy_for_it(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let mut bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        let mut dan = member_of(&gateway, acme, "dan@example.org", "admin").await;
        let (mut eve, _) = alone(&gateway, "eve@example.org").await;
        let wish = json!({ "plan": "pro", "account_id": acme });
        let acts = [
            (UPGRADE, wish.clone()),
            ("/auth/subscription/cancel", json!({ "account_id": acme })),
            ("/auth/subscription/restore", json!({ "account_id": acme })),
            ("/auth/subscription/billing-portal", json!({ "account_id": acme })),
        ];
        for (path, body) in acts {
            let (status, said) = call(&mut bob.browser, path, body.clone()).await;
            assert_eq!((status, &said["error"]), (StatusCode::FORBIDDEN, &json!("subscription.forbidden")), "{path}");
            let (status, said) = call(&mut eve.browser, path, body).await;
            assert_eq!((status, &said["error"]), (StatusCode::NOT_FOUND, &json!("subscription.unknown_account")), "{path}");
        }
        assert_eq!(read(&mut bob.browser, &format!("/auth/subscription/list?account_id={acme}")).await.0, StatusCode::FORBIDDEN);

        let link = link_in(&bob.call().await);
        let page = bob.browser.get(&link).await;
        assert!(page.body.contains("Ask an owner or an administrator") && !page.body.contains("name=\"choice\""), "{}", page.body);
        let token = page.form("/auth/signout").fields.iter().find(|(name, _)| name == "csrf_token").expect("a token").1.clone();
        let ask = link.rsplit('=').next().expect("what is asked").to_owned();
        let fields = [("csrf_token", token.as_str()), ("ask", &ask), ("choice", "pro.month")];
        assert_eq!(bob.browser.post("/billing/upgrade", &fields).await.status, StatusCode::FORBIDDEN);
        assert!(stripe.shop().sessions.is_empty() && stripe.shop().customers.is_empty());

        assert!(order(&mut dan.browser, wish.clone()).await.contains("/c/pay/"), "an administrator may");
        assert!(order(&mut ada.browser, wish).await.contains("/c/pay/"), "an owner may");
    }
}

on_both_engines! {
    async fn a_link_does_nothing_for_anybody_but_the_person_behind_the_call(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (ada, acme) = of_acme(&gateway).await;
        let mut dan = member_of(&gateway, acme, "dan@example.org", "owner").await;
        let link = link_in(&ada.call().await);
        let page = dan.browser.get(&link).await;
        assert!(page.body.contains("This link is for somebody else") && !page.body.contains("choice"), "{}", page.body);
        let own = link_in(&dan.call().await);
        let mut form = dan.browser.get(&own).await.form("/billing/upgrade");
        form.fields.retain(|(name, _)| name != "ask");
        let ask = link.rsplit('=').next().expect("what is asked").to_owned();
        let answer = dan.browser.submit(&form, &[("ask", &ask), ("choice", "pro.month")]).await;
        assert!(answer.body.contains("This link is for somebody else"), "{}", answer.body);
        assert!(stripe.shop().sessions.is_empty());
        let mut stranger = gateway.browser();
        assert!(stranger.get(&link).await.location().starts_with("/auth/signin?return_to="));
        let spoiled = dan.browser.get(&format!("{link}AA")).await;
        assert_eq!(spoiled.status, StatusCode::BAD_REQUEST);
        gateway.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
        let mut again = gateway.browser();
        again.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        assert_eq!(again.get(&link).await.status, StatusCode::BAD_REQUEST, "it is too old");
    }
}

on_both_engines! {
    async fn a_customer_is_found_by_its_account_and_by_nothing_else(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let globex = owned_by(&gateway, ada.person.id, "globex").await.id;
        // Somebody of the same address and name is there already, made by somebody else.
        stripe.shop().customers.insert("cus_foreign".into(), json!({ "id": "cus_foreign", "email": "ada@example.org", "name": "The acme" }));
        for id in [acme.to_string(), globex.to_string(), account(ada.person.id)] {
            order(&mut ada.browser, json!({ "plan": "pro", "account_id": id })).await;
            order(&mut ada.browser, json!({ "plan": "business", "account_id": id })).await;
        }
        let own = [acme.to_string(), globex.to_string(), account(ada.person.id)].map(|id| customer_of(&stripe, &id));
        assert!(own[0] != own[1] && own[1] != own[2] && own[0] != own[2] && !own.contains(&"cus_foreign".to_owned()));
        assert_eq!(stripe.shop().customers.len(), 4);
        let made = stripe.shop().asked("POST", "/v1/customers");
        assert!(made.iter().all(|asked| asked.idempotency_key.is_some()));
        assert_eq!((made[0].value("name"), made[0].value("email")), (Some("The acme"), Some("ada@example.org")));
        // What others write on a subscription says nothing about whose it is.
        let metadata = json!({ "belgie_account": globex });
        stripe.shop().subscribe(&own[0], "price_pro_month", 1, 0, &metadata);
        stripe.shop().subscribe("cus_foreign", "price_pro_month", 1, 0, &json!({ "belgie_account": globex }));
        stripe.tell_all(&gateway).await;
        let open = async |id: &str, browser: &mut crate::support::Browser| {
            read(browser, &format!("/auth/subscription/list?account_id={id}")).await.1.as_array().map_or(0, Vec::len)
        };
        assert_eq!(open(&acme.to_string(), &mut ada.browser).await, 1);
        assert_eq!(open(&globex.to_string(), &mut ada.browser).await, 0);
    }
}

on_both_engines! {
    async fn there_is_one_payment_under_way_and_never_a_second_subscription(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let wish = json!({ "plan": "pro", "account_id": acme });
        let first = order(&mut ada.browser, wish.clone()).await;
        assert_eq!(order(&mut ada.browser, wish.clone()).await, first, "a second press leads to the same page");
        let other = order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme, "seats": 3 })).await;
        assert_ne!(other, first);
        let first = first.rsplit('/').next().expect("an id").to_owned();
        assert_eq!(stripe.shop().sessions[&first]["status"], "expired");
        // Somebody pays, nobody has told us yet, and somebody orders something else: Stripe says that it is paid.
        stripe.pay(&other);
        let (status, said) = call(&mut ada.browser, UPGRADE, json!({ "plan": "business", "account_id": acme })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.already_subscribed")), "{said}");
        assert!(is_open(&ada).await && plan_of(&ada).await["seats"] == 3);
        stripe.tell_all(&gateway).await;
        assert_eq!(stripe.shop().subscriptions.len(), 1);
        let (status, said) = call(&mut ada.browser, UPGRADE, json!({ "plan": "pro", "account_id": acme, "seats": 3 })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.already_subscribed")));
        // Another plan is a change of the one there is.
        let change = order(&mut ada.browser, json!({ "plan": "business", "account_id": acme })).await;
        assert!(change.contains("/p/session/"), "{change}");
        let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
        assert_eq!(asked.value("flow_data[type]"), Some("subscription_update_confirm"));
        assert_eq!(asked.value("flow_data[subscription_update_confirm][items][0][price]"), Some("price_business_month"));
        let id = stripe.shop().only_subscription();
        stripe.shop().reprice(&id, "price_business_month");
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&ada).await["plan"], "business");
        // A price that is no plan of ours opens nothing.
        stripe.shop().reprice(&id, "price_foreign");
        stripe.tell_all(&gateway).await;
        assert_eq!(plan_of(&ada).await["plan"], "free");
    }
}

on_both_engines! {
    async fn a_page_is_shown_again_to_whoever_wishes_the_same_and_to_nobody_else(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let mut dan = member_of(&gateway, acme, "dan@example.org", "admin").await;
        let wish = json!({ "plan": "pro", "account_id": acme, "metadata": { "campaign": "spring" }, "locale": "de" });
        let mut last = order(&mut ada.browser, wish.clone()).await;
        assert_eq!(order(&mut ada.browser, wish.clone()).await, last);
        let others = [("metadata", json!({ "campaign": "autumn" })), ("locale", json!("fr")), ("cancel_url", json!("/account?later")), ("annual", json!(true))];
        for (name, value) in others {
            let mut other = wish.clone();
            other[name] = value;
            let page = order(&mut ada.browser, other.clone()).await;
            assert_ne!(page, last, "{name}");
            assert_eq!(order(&mut ada.browser, other).await, page, "{name}");
            last = page;
        }
        // Whoever begins to pay is named on the subscription: it is not the one who opened a page before.
        let of_ada = order(&mut ada.browser, wish.clone()).await;
        let of_dan = order(&mut dan.browser, wish).await;
        assert_ne!(of_dan, of_ada);
        let asked = stripe.shop().asked("POST", "/v1/checkout/sessions").pop().expect("a page");
        assert_eq!(asked.value("subscription_data[metadata][belgie_payer]"), Some(account(dan.person.id).as_str()));
        assert_eq!(stripe.shop().sessions.values().filter(|page| page["status"] == "open").count(), 1);
    }
}

on_both_engines! {
    async fn days_that_cost_nothing_come_once(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = account(person.id);
        let subscription = buy(&gateway, &stripe, &mut eve.browser, &id, "business").await;
        assert_eq!(plan_of(&eve).await["status"], "trialing");
        stripe.shop().change(&subscription, |own: &mut Value| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        buy(&gateway, &stripe, &mut eve.browser, &id, "business").await;
        assert_eq!(plan_of(&eve).await["status"], "active");
        let pages = stripe.shop().asked("POST", "/v1/checkout/sessions");
        let trials: Vec<_> = pages.iter().map(|asked| asked.value("subscription_data[trial_period_days]").map(str::to_owned)).collect();
        assert_eq!(trials, [Some("14".to_owned()), None]);
    }
}

on_both_engines! {
    async fn what_a_buyer_sends_is_looked_at(engine: Engine) {
        let (gateway, stripe) = super::selling_with(engine, "require_email_verification = true").await;
        let (mut eve, _) = alone(&gateway, "eve@example.org").await;
        let cases = [
            (json!({ "plan": "gold" }), StatusCode::NOT_FOUND, "subscription.unknown_plan"),
            (json!({ "plan": "free" }), StatusCode::NOT_FOUND, "subscription.unknown_plan"),
            (json!({ "plan": "business", "annual": true }), StatusCode::BAD_REQUEST, "subscription.no_price"),
            (json!({ "plan": "pro", "success_url": "https://evil.example/" }), StatusCode::BAD_REQUEST, "subscription.foreign_address"),
            (json!({ "plan": "pro", "cancel_url": "//evil.example" }), StatusCode::BAD_REQUEST, "subscription.foreign_address"),
            (json!({ "plan": "pro", "account_id": "usr_00000000000000000000000000000001" }), StatusCode::NOT_FOUND, "subscription.unknown_account"),
            (json!({ "plan": "pro", "account_id": "tea_00000000000000000000000000000001" }), StatusCode::NOT_FOUND, "subscription.unknown_account"),
            (json!({ "plan": "pro", "colour": "red" }), StatusCode::BAD_REQUEST, "invalid_request"),
        ];
        for (body, status, code) in cases {
            let said = call(&mut eve.browser, UPGRADE, body.clone()).await;
            assert_eq!((said.0, &said.1["error"]), (status, &json!(code)), "{body}");
        }
        gateway.person("new@example.org").await;
        let mut unproven = gateway.browser();
        unproven.sign_in("new@example.org", crate::support::gateway::PASSWORD).await;
        let said = call(&mut unproven, UPGRADE, json!({ "plan": "pro" })).await;
        assert_eq!((said.0, &said.1["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.email_verification_required")));
        let stranger = call(&mut gateway.browser(), UPGRADE, json!({ "plan": "pro" })).await;
        assert_eq!(stranger.0, StatusCode::UNAUTHORIZED);
        assert!(stripe.shop().sessions.is_empty());

        let metadata = json!({ "campaign": "spring", "belgie_account": "org_1", "belgie_subscription": "sbs_1" });
        let page = order(&mut eve.browser, json!({ "plan": "pro", "annual": true, "success_url": gateway.at("/account"), "metadata": metadata })).await;
        assert!(page.contains("/c/pay/"));
        let asked = stripe.shop().asked("POST", "/v1/checkout/sessions").pop().expect("a page");
        assert_eq!(asked.value("line_items[0][price]"), Some("price_pro_year"), "the key leads to it");
        assert_eq!(asked.value("subscription_data[metadata][campaign]"), Some("spring"));
        let own: Vec<_> = asked.parameters.iter().filter(|(name, _)| name == "metadata[belgie_account]").collect();
        assert_eq!(own.len(), 1, "nobody writes what is ours");
        assert_eq!(own[0].1, account(eve.person.id));
    }
}

on_both_engines! {
    async fn the_portal_opens_for_the_customer_of_the_account_and_leads_back(engine: Engine) {
        const PORTAL: &str = "/auth/subscription/billing-portal";
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let own = account(ada.person.id);
        let (status, said) = call(&mut ada.browser, PORTAL, json!({ "account_id": acme })).await;
        assert_eq!((status, &said["error"]), (StatusCode::NOT_FOUND, &json!("subscription.no_customer")), "nothing was ever paid: {said}");
        super::buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        super::buy(&gateway, &stripe, &mut ada.browser, &own, "pro").await;
        for id in [acme.to_string(), own] {
            let body = json!({ "account_id": id, "return_url": "/account?paid", "locale": "de", "disable_redirect": true });
            let (status, said) = call(&mut ada.browser, PORTAL, body).await;
            assert_eq!((status, &said["redirect"]), (StatusCode::OK, &json!(false)), "{said}");
            let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
            let customer = super::customer_of(&stripe, &id);
            assert_eq!((asked.value("customer"), asked.value("locale")), (Some(customer.as_str()), Some("de")));
            assert_eq!(asked.value("return_url"), Some(gateway.at("/account?paid").as_str()));
            assert!(asked.parameters.iter().all(|(name, _)| !name.starts_with("flow_data")), "all of it is open: {asked:?}");
            let last = stripe.shop().portals.values().next_back().expect("a portal").clone();
            assert_eq!((&said["url"], &last["customer"]), (&last["url"], &json!(customer)));
        }
        // A browser is sent there, and nobody is sent anywhere else afterwards.
        let request = ada.browser.raw().post(gateway.at(PORTAL)).json(&json!({ "account_id": acme }));
        let sent = ada.browser.send(request.header("sec-fetch-site", "same-origin")).await;
        assert_eq!(sent.status, StatusCode::FOUND);
        assert!(sent.location().starts_with(&stripe.shop().at("/p/session/")), "{}", sent.location());
        let before = stripe.shop().portals.len();
        let (status, said) = call(&mut ada.browser, PORTAL, json!({ "account_id": acme, "return_url": "https://evil.example/" })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.foreign_address")));
        assert_eq!(stripe.shop().portals.len(), before);
    }
}

on_both_engines! {
    async fn stripe_is_asked_again_only_where_that_helps(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, _) = alone(&gateway, "eve@example.org").await;
        stripe.shop().failures.extend([(500, None), (409, None)]);
        let page = order(&mut eve.browser, json!({ "plan": "pro" })).await;
        let made = stripe.shop().asked("POST", "/v1/customers");
        assert_eq!(made.len(), 3);
        assert!(made.iter().all(|asked| asked.idempotency_key == made[0].idempotency_key && asked.idempotency_key.is_some()));
        stripe.pay(&page);
        stripe.tell_all(&gateway).await;
        let portal = async |browser: &mut crate::support::Browser| call(browser, "/auth/subscription/billing-portal", json!({ "disable_redirect": true })).await;
        stripe.shop().failures.push_back((503, Some("false")));
        assert_eq!(portal(&mut eve.browser).await.0, StatusCode::SERVICE_UNAVAILABLE, "it says that trying again is no use");
        stripe.shop().failures.push_back((400, Some("true")));
        assert_eq!(portal(&mut eve.browser).await.0, StatusCode::OK);
        stripe.shop().failures.push_back((402, None));
        assert_eq!(portal(&mut eve.browser).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(stripe.shop().asked("POST", "/v1/billing_portal/sessions").len(), 4);
    }
}

on_both_engines! {
    async fn the_page_says_what_is_wrong_with_a_choice(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, _) = of_acme(&gateway).await;
        let link = link_in(&ada.call().await);
        let answer = ada.browser.fill(&link, "/billing/upgrade", &[("choice", "business.year")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("no price by the year"), "{}", answer.body);
        let answer = ada.browser.fill(&link, "/billing/upgrade", &[("choice", "pro")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(choose(&mut ada.browser, &link, "pro.month").await.starts_with(&stripe.shop().at("/c/pay/")));
    }
}
