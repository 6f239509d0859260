//! What nobody tells: what ends by itself, what Stripe does not say, what is kept for how long, how often is asked.

use std::time::{Duration, Instant};

use belgie_stripe::Billing;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, customer_of, is_open, link_in, of_acme, order, plan_of, selling, selling_with};
use crate::on_both_engines;
use crate::organization::owned_by;
use crate::provider::{call, read};
use crate::support::{Connected, EventStream, eventually};

const DAY: u64 = 86_400;

on_both_engines! {
    async fn a_grace_that_runs_out_is_told_to_whoever_listens_on_every_node(engine: Engine) {
        let (gateway, stripe) = selling_with(engine, "grace = \"20m\"").await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        stripe.shop().change(&id, |own| own["status"] = json!("past_due"));
        stripe.tell_all(&gateway).await;
        let other = gateway.elsewhere(true).await;
        let there = Connected { mcp_url: other.mcp_url(), ..Connected::of(&other, &ada.person, "", Some(acme)).await };
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut here = EventStream::open(ada.modern().request("subscriptions/listen", filter.clone())).await;
        let mut elsewhere = EventStream::open(there.modern().request("subscriptions/listen", filter)).await;
        assert!(here.next().await.is_some() && elsewhere.next().await.is_some(), "both are acknowledged");
        assert!(is_open(&ada).await && is_open(&there).await);
        let begin = Instant::now();
        gateway.clock.advance(Duration::from_secs(1_201));
        for stream in [&mut here, &mut elsewhere] {
            assert_eq!(stream.next().await.expect("news")["method"], "notifications/tools/list_changed");
        }
        assert!(begin.elapsed() < Duration::from_secs(2), "it took {:?}", begin.elapsed());
        assert!(!is_open(&ada).await && plan_of(&ada).await["plan"] == "free");
        let (ok, said) = gateway.configured_program(&["audit", "list", "--org", "acme"]).await;
        assert!(ok && said.to_string().contains("subscription.lapsed"), "{said}");
    }
}

on_both_engines! {
    async fn what_is_cancelled_is_told_to_be_over_when_its_period_is(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        stripe.shop().period = Some(1_800);
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        stripe.tell_all(&gateway).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(eve.modern().request("subscriptions/listen", filter)).await;
        assert!(stream.next().await.is_some() && is_open(&eve).await);
        gateway.clock.advance(Duration::from_secs(1_801));
        assert_eq!(stream.next().await.expect("news")["method"], "notifications/tools/list_changed");
        assert!(!is_open(&eve).await);
    }
}

on_both_engines! {
    async fn stripe_is_asked_when_it_should_have_told_something_and_has_not(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        stripe.shop().period = Some(1_800);
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        let path = format!("/v1/subscriptions/{id}");
        let looks = || stripe.shop().asked("GET", &path).len();
        let before = looks();
        billing.look_again().await.expect("looked");
        assert_eq!(looks(), before, "it was looked at just now");
        // It ends, and no webhook ever comes.
        stripe.shop().change(&id, |own| own["status"] = json!("canceled"));
        stripe.news();
        gateway.clock.advance(Duration::from_secs(1_800 + 660));
        assert!(is_open(&eve).await, "nobody has said anything");
        billing.look_again().await.expect("looked");
        assert!(!is_open(&eve).await);
        let after = looks();
        gateway.clock.advance(Duration::from_secs(40 * DAY));
        billing.look_again().await.expect("looked");
        assert_eq!(looks(), after, "what is over is not asked about");
    }
}

on_both_engines! {
    async fn what_stripe_does_not_know_any_more_is_closed_and_a_wrong_key_closes_nothing(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        // Neither the subscription nor its customer: so it looks with the key of another account.
        let gone = stripe.shop().subscriptions.remove(&id);
        let customers = std::mem::take(&mut stripe.shop().customers);
        assert!(gone.is_some() && customers.len() == 1);
        gateway.clock.advance(Duration::from_secs(DAY + 60));
        billing.look_again().await.expect("looked");
        let eve = Connected::of(&gateway, &person, "", None).await;
        assert!(is_open(&eve).await, "nobody's plan ends for a mistake in the settings");
        stripe.shop().customers = customers;
        gateway.clock.advance(Duration::from_secs(DAY + 60));
        billing.look_again().await.expect("looked");
        let mut eve = Connected::of(&gateway, &person, "", None).await;
        assert!(!is_open(&eve).await && plan_of(&eve).await["plan"] == "free");
        let (_, list) = read(&mut eve.browser, "/auth/subscription/list").await;
        assert_eq!(list[0]["status"], "canceled", "{list}");
        let (ok, said) = gateway.configured_program(&["audit", "list"]).await;
        assert!(ok && said.to_string().contains("subscription.gone"), "{said}");
        // It can be bought anew.
        buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        assert!(is_open(&eve).await);
    }
}

on_both_engines! {
    async fn nothing_is_believed_for_longer_than_a_day_and_a_round_is_bounded(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        let customer = customer_of(&stripe, &acme.to_string());
        for _ in 0..44 {
            stripe.shop().subscribe(&customer, "price_pro_month", 1, 0, &json!({}));
        }
        stripe.tell_all(&gateway).await;
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        gateway.clock.advance(Duration::from_secs(DAY + 60));
        let looks = || stripe.shop().seen.iter().filter(|seen| seen.path.starts_with("/v1/subscriptions/")).count();
        let before = looks();
        billing.look_again().await.expect("looked");
        assert_eq!(looks() - before, 40, "forty at most");
        // Stripe does not answer: they are not asked about again at once, and others have their turn.
        stripe.shop().failures.extend(std::iter::repeat_n((500, Some("false")), 5));
        billing.look_again().await.expect("looked");
        assert_eq!(looks() - before, 45);
        billing.look_again().await.expect("looked");
        assert_eq!(looks() - before, 45);
    }
}

on_both_engines! {
    async fn what_was_given_up_is_kept_for_as_long_as_the_operator_says(engine: Engine) {
        let (gateway, stripe) = selling_with(engine, "events_kept = \"2d\"\nfailed_events_kept = \"10d\"").await;
        let (mut ada, acme) = of_acme(&gateway).await;
        stripe.pay(&order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await);
        let events = stripe.news();
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        for round in 0..18 {
            stripe.shop().failures.push_back((500, Some("false")));
            if round == 0 { crate::support::stripe::tell(&gateway, &events[0]).await; } else { billing.catch_up().await.expect("looked at"); }
            gateway.clock.advance(Duration::from_secs(9 * 3_600));
        }
        stripe.shop().failures.clear();
        crate::support::stripe::tell(&gateway, &events[1]).await;
        let kept = async || (billing.events(false).await.expect("events").len(), billing.events(true).await.expect("events").len());
        assert_eq!(kept().await, (2, 1));
        gateway.clock.advance(Duration::from_secs(5 * DAY));
        billing.catch_up().await.expect("looked at");
        assert_eq!(kept().await, (1, 1), "what is done is forgotten, what was given up is not");
        gateway.clock.advance(Duration::from_secs(6 * DAY));
        billing.catch_up().await.expect("looked at");
        assert_eq!(kept().await, (0, 0));
    }
}

on_both_engines! {
    async fn nobody_tries_again_with_every_organization_they_make(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let globex = owned_by(&gateway, ada.person.id, "globex").await.id;
        let initech = owned_by(&gateway, ada.person.id, "initech").await.id;
        let wish = |id: &dyn ToString| json!({ "plan": "business", "account_id": id.to_string() });
        // Two pages at once: the second begins without free days, since the first may still be paid.
        let first = order(&mut ada.browser, wish(&acme)).await;
        order(&mut ada.browser, wish(&globex)).await;
        stripe.pay(&first);
        stripe.tell_all(&gateway).await;
        order(&mut ada.browser, wish(&initech)).await;
        order(&mut ada.browser, wish(&account(ada.person.id))).await;
        let pages = stripe.shop().asked("POST", "/v1/checkout/sessions");
        let trials: Vec<_> = pages.iter().map(|asked| asked.value("subscription_data[trial_period_days]").is_some()).collect();
        assert_eq!(trials, [true, false, false, false]);
        // Somebody else has had none, but the organization has.
        let mut dan = super::member_of(&gateway, acme, "dan@example.org", "admin").await;
        let id = stripe.shop().only_subscription();
        stripe.shop().change(&id, |own: &mut Value| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        order(&mut dan.browser, wish(&acme)).await;
        order(&mut dan.browser, wish(&account(dan.person.id))).await;
        let pages = stripe.shop().asked("POST", "/v1/checkout/sessions");
        let trials: Vec<_> = pages[4..].iter().map(|asked| asked.value("subscription_data[trial_period_days]").is_some()).collect();
        assert_eq!(trials, [false, true]);
    }
}

on_both_engines! {
    async fn of_several_subscriptions_the_one_that_opens_most_is_changed(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = account(person.id);
        let first = buy(&gateway, &stripe, &mut eve.browser, &id, "pro").await;
        // A second one is made at Stripe, later, and its price is none of ours; a third is not paid.
        let customer = customer_of(&stripe, &id);
        let odd = stripe.shop().subscribe(&customer, "price_foreign", 1, 0, &json!({}));
        let unpaid = stripe.shop().subscribe(&customer, "price_business_month", 1, 0, &json!({}));
        stripe.shop().change(&unpaid, |own: &mut Value| own["status"] = json!("incomplete"));
        stripe.tell_all(&gateway).await;
        let (status, said) = call(&mut eve.browser, "/auth/subscription/upgrade", json!({ "plan": "pro", "account_id": id })).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("subscription.already_subscribed")), "{said}");
        let changed = |stripe: &crate::support::Stripe| {
            let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
            asked.value("flow_data[subscription_update_confirm][subscription]").map(ToOwned::to_owned)
        };
        order(&mut eve.browser, json!({ "plan": "business", "account_id": id })).await;
        assert_eq!(changed(&stripe), Some(first));
        let (status, _) = call(&mut eve.browser, "/auth/subscription/upgrade",
            json!({ "plan": "business", "account_id": id, "subscription_id": "sub_of_somebody" })).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        order(&mut eve.browser, json!({ "plan": "business", "account_id": id, "subscription_id": odd })).await;
        assert_eq!(changed(&stripe), Some(odd), "unless another is named");
        order(&mut eve.browser, json!({ "plan": "business", "account_id": id, "subscription_id": unpaid })).await;
        assert_eq!(changed(&stripe), None, "what opens nothing is looked after in the portal");
    }
}

on_both_engines! {
    async fn one_person_does_not_ask_stripe_without_end(engine: Engine) {
        let stripe = crate::support::Stripe::start().await;
        let limits = "[limits]\nbilling_per_minute = 3";
        let setup = crate::support::Setup::default().without_generous_limits().config(&stripe.table()).config(limits);
        let gateway = setup.config(super::PLANS).start(engine).await;
        let (mut eve, _) = alone(&gateway, "eve@example.org").await;
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(call(&mut eve.browser, "/auth/subscription/billing-portal", json!({})).await.0);
        }
        assert_eq!(answers[3], StatusCode::TOO_MANY_REQUESTS, "{answers:?}");
        assert_eq!(read(&mut eve.browser, "/auth/subscription/list").await.0, StatusCode::TOO_MANY_REQUESTS);
        let (mut dan, _) = alone(&gateway, "dan@example.org").await;
        assert_eq!(read(&mut dan.browser, "/auth/subscription/list").await.0, StatusCode::OK, "others are not kept waiting");
    }
}

on_both_engines! {
    async fn the_page_says_what_a_plan_costs_and_asks_once_for_it(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, _) = of_acme(&gateway).await;
        stripe.shop().prices[0]["unit_amount"] = json!(123_450);
        stripe.shop().prices[0]["currency"] = json!("eur");
        let link = link_in(&ada.call().await);
        let page = ada.browser.get(&link).await;
        assert!(page.body.contains("Pro, €1,234.50 by the month"), "{}", page.body);
        assert!(page.body.contains("Pro, $20.00 by the year"), "{}", page.body);
        let asked = || stripe.shop().seen.iter().filter(|seen| seen.path.starts_with("/v1/prices")).count();
        let before = asked();
        ada.browser.get(&link).await;
        assert_eq!(asked(), before, "what was said just now is known");
        // Without Stripe there is a page all the same.
        gateway.clock.advance(Duration::from_secs(601));
        stripe.shop().failures.extend(std::iter::repeat_n((500, Some("false")), 3));
        let page = ada.browser.get(&link).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("Pro by the month") && !page.body.contains("€1,234.50"), "{}", page.body);
    }
}

on_both_engines! {
    async fn an_address_is_told_to_stripe_once_it_is_proven_and_not_before(engine: Engine) {
        let stripe = crate::support::Stripe::start().await;
        let setup = crate::support::Setup::default().with_mail().config(&stripe.table()).config(super::PLANS);
        let gateway = setup.start(engine).await;
        let (mut ada, person) = alone(&gateway, "ada@example.org").await;
        order(&mut ada.browser, json!({ "plan": "pro" })).await;
        let customer = customer_of(&stripe, &account(person.id));
        assert_eq!(stripe.shop().customers[&customer]["email"], "ada@example.org");
        // She asks for another address: the old one stays until the new one is proven.
        ada.browser.fill("/account/email", "/account/email", &[("email", "ada@new.example")]).await;
        let link = gateway.letter_to("ada@new.example").await.link();
        let changed = |name: &str| belgie_api::ports::UserChanges { name: Some(name.to_owned()), ..Default::default() };
        let rename = async |changes: belgie_api::ports::UserChanges| {
            let host = gateway.gateway.host();
            let mut tx = host.db().begin().await.expect("a transaction");
            host.accounts().update(&mut tx, person.id, &changes).await.expect("changed");
            tx.commit(host.now()).await.expect("written");
        };
        rename(changed("Ada L.")).await;
        eventually("the name is told", || stripe.shop().customers[&customer]["name"] == "Ada L.").await;
        assert_eq!(stripe.shop().customers[&customer]["email"], "ada@example.org", "nobody has proven the other one");
        let form = ada.browser.get(&link).await.form("/auth/email/confirm");
        ada.browser.submit(&form, &[]).await;
        eventually("the proven address is told", || stripe.shop().customers[&customer]["email"] == "ada@new.example").await;
        // One that nobody has proven is told at no time.
        let unproven = belgie_api::ports::UserChanges { email: Some("ada@unproven.example".to_owned()), ..changed("Ada") };
        rename(unproven).await;
        eventually("the name is told", || stripe.shop().customers[&customer]["name"] == "Ada").await;
        assert_eq!(stripe.shop().customers[&customer]["email"], "ada@new.example");
    }
}

on_both_engines! {
    async fn what_changes_here_is_told_to_stripe(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        order(&mut ada.browser, json!({ "plan": "pro", "account_id": account(ada.person.id) })).await;
        let (of_acme, own) = (customer_of(&stripe, &acme.to_string()), customer_of(&stripe, &account(ada.person.id)));
        // Stripe is away for a moment: it is told later.
        stripe.shop().failures.push_back((500, Some("false")));
        let renamed = json!({ "name": "Acme & Sons" });
        crate::organization::done(&mut ada.browser, &crate::organization::at(&acme.to_string(), "/update"), renamed).await;
        eventually("a failure is used up", || stripe.shop().failures.is_empty()).await;
        let told = || {
            gateway.clock.advance(Duration::from_secs(1));
            stripe.shop().customers[&of_acme]["name"] == "Acme & Sons"
        };
        eventually("the new name is told", told).await;
        let changed = belgie_api::ports::UserChanges { name: Some("Ada L.".to_owned()), ..Default::default() };
        let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
        gateway.gateway.host().accounts().update(&mut tx, ada.person.id, &changed).await.expect("changed");
        tx.commit(belgie_api::Clock::now(gateway.clock.as_ref())).await.expect("written");
        eventually("the person's name is told", || stripe.shop().customers[&own]["name"] == "Ada L.").await;
        assert_eq!(stripe.shop().customers[&own]["email"], "ada@example.org");
    }
}
