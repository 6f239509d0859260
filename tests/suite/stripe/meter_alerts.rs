//! What is told of a quota, and when: once, whatever happens to whoever was to tell it.

use std::time::Duration;

use belgie_api::on;
use serde_json::{Value, json};

use super::member_of;
use super::meter::{METERED, billing, counting_with, spent, tell, usage_in, with_plan};
use crate::on_both_engines;
use crate::support::{Engine, Setup, Stripe, TestGateway, waits_for_lock};

/// A gateway that counts and can send mail.
async fn writing(engine: Engine) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    let setup = Setup::default().config(&stripe.table()).config(METERED).with_probe().with_mail();
    (setup.start(engine).await, stripe)
}

/// Tells what is to be told, as a job does once a second; all that is on record by now.
async fn told(gateway: &TestGateway) -> Vec<String> {
    billing(&gateway.gateway).tell_alerts().await.expect("the database answers");
    on_record(gateway).await
}

/// What was told of quotas: parts in percent, and of how much.
async fn on_record(gateway: &TestGateway) -> Vec<String> {
    let (_, record) = gateway.configured_program(&["audit", "list"]).await;
    let entries = record.as_array().unwrap_or_else(|| panic!("{record}")).iter();
    let reached = entries.filter(|entry| entry["action"] == "quota.reached");
    let mut told: Vec<String> =
        reached.map(|entry| format!("{} of {}", entry["details"]["percent"], entry["details"]["included"])).collect();
    told.sort_unstable();
    told
}

/// How many mails there are about a quota.
async fn about(gateway: &TestGateway, email: &str) -> usize {
    gateway.letters_to(email).await.iter().filter(|own| own.subject.starts_with("Exports: ")).count()
}

/// Changes the database behind the gateway's back.
async fn by_hand(gateway: &TestGateway, sql: &'static str) {
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    let done = on!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop));
    done.expect("a statement that works");
    tx.commit(host.now()).await.expect("written");
}

on_both_engines! {
    async fn a_soft_cap_goes_on_and_says_so_once_for_each_part(engine: Engine) {
        let (gateway, stripe) = writing(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "business").await;
        let add = async || ada.modern().call("add", json!({ "a": 1, "b": 1 })).await;
        assert_eq!(usage_in(&add().await)["units"], 5, "the plan has a price of its own");
        for used in 6..=12 {
            assert_eq!(usage_in(&ada.call().await)["used"], used);
        }
        assert_eq!(usage_in(&add().await)["remaining"], 0);
        let said = spent(&add().await);
        assert_eq!((&said["limit"], &said["used"], &said["upgrade_url"]), (&json!(20), &json!(17), &Value::Null), "{said}");
        tell(&gateway).await;
        assert_eq!(stripe.shop().counted.sum(None), 17, "what is beyond is told, too");
        assert_eq!(told(&gateway).await, ["100 of 10", "80 of 10"]);
        let letters = gateway.letters_to("ada@example.org").await;
        let subjects: Vec<&str> = letters.iter().map(|own| own.subject.as_str()).filter(|own| own.contains(" % ")).collect();
        assert_eq!(subjects.len(), 2, "one for each part: {subjects:?}");
        assert!(subjects.iter().any(|own| own.starts_with("Exports: 80 % of what is included is used at ")), "{subjects:?}");
        let first = letters.iter().find(|own| own.subject.contains("80 %")).expect("the first");
        for words in ["10 included units of Exports are used by “The acme”", "up to 20 units", "/billing/usage?account_id=org_"] {
            assert!(first.text.contains(words), "{words} is not in {}", first.text);
        }
    }
}

on_both_engines! {
    async fn after_an_upgrade_the_parts_of_what_is_included_now_are_told(engine: Engine) {
        let plans = METERED.replacen("cap = \"soft\"\nat_most = 20", "cap = \"hard\"", 1);
        let plans = plans.replacen("title = \"Business\"\nmonthly_price = \"price_business_month\"\n[plan.quotas.exports]\nincluded = 10",
            "title = \"Business\"\nmonthly_price = \"price_business_month\"\n[plan.quotas.exports]\nincluded = 20", 1);
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..10 {
            usage_in(&ada.call().await);
        }
        assert_eq!(told(&gateway).await, ["100 of 10", "80 of 10"]);
        let subscription = stripe.shop().only_subscription();
        stripe.shop().reprice(&subscription, "price_business_month");
        stripe.tell_all(&gateway).await;
        for used in 11..=20 {
            assert_eq!(usage_in(&ada.call().await)["used"], used, "the period goes on");
        }
        assert_eq!(told(&gateway).await, ["100 of 10", "100 of 20", "80 of 10", "80 of 20"]);
    }
}

on_both_engines! {
    async fn those_who_decide_on_a_plan_hear_by_mail_of_what_is_used_and_nobody_else(engine: Engine) {
        let (gateway, stripe) = writing(engine).await;
        let (_ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        let bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        member_of(&gateway, acme, "grace@example.org", "admin").await;
        for _ in 0..10 {
            usage_in(&bob.call().await);
        }
        spent(&bob.call().await);
        told(&gateway).await;
        let about = async |email: &str| about(&gateway, email).await;
        assert_eq!((about("ada@example.org").await, about("grace@example.org").await), (2, 2));
        assert_eq!(about("bob@example.org").await, 0, "he decides on nothing");
        // Whoever pays for nothing decides for themselves.
        let (eve, _) = super::alone(&gateway, "eve@example.org").await;
        for _ in 0..3 {
            usage_in(&eve.call().await);
        }
        told(&gateway).await;
        let own = gateway.letters_to("eve@example.org").await;
        let own = own.iter().find(|own| own.subject.starts_with("Exports: 100 %")).expect("a mail");
        assert!(own.text.contains("3 of 3 included units of Exports are used. Counting begins anew on "), "{}", own.text);
    }
}

on_both_engines! {
    async fn what_could_not_be_told_when_the_last_unit_was_used_is_told_later_and_once(engine: Engine) {
        let (gateway, stripe) = writing(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..9 {
            usage_in(&ada.call().await);
        }
        assert_eq!(told(&gateway).await, ["80 of 10"]);
        // No mail can be written, and nobody can say that it is told: as if the process had died there.
        by_hand(&gateway, "ALTER TABLE core_mails RENAME TO elsewhere").await;
        assert_eq!(usage_in(&ada.call().await)["remaining"], 0, "the call is charged all the same");
        assert_eq!(told(&gateway).await, ["80 of 10"]);
        by_hand(&gateway, "ALTER TABLE elsewhere RENAME TO core_mails").await;
        spent(&ada.call().await);
        gateway.clock.advance(Duration::from_secs(120));
        assert_eq!(told(&gateway).await, ["100 of 10", "80 of 10"]);
        assert_eq!(told(&gateway).await.len(), 2);
        assert_eq!(about(&gateway, "ada@example.org").await, 2);
    }
}

on_both_engines! {
    async fn a_plan_of_which_more_is_used_than_it_includes_is_told_of_by_refused_calls(engine: Engine) {
        let plans = METERED.replacen("cap = \"soft\"\nat_most = 20", "cap = \"hard\"", 1);
        let plans = plans.replacen("included = 10\n", "included = 4\n", 1);
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, _) = with_plan(&gateway, &stripe, "business").await;
        for _ in 0..6 {
            usage_in(&ada.call().await);
        }
        assert_eq!(told(&gateway).await, [] as [&str; 0]);
        let subscription = stripe.shop().only_subscription();
        stripe.shop().reprice(&subscription, "price_pro_month");
        stripe.tell_all(&gateway).await;
        spent(&ada.call().await);
        assert_eq!(told(&gateway).await, ["100 of 4", "80 of 4"]);
    }
}

on_both_engines! {
    async fn a_call_that_fails_at_the_edge_tells_nothing_and_another_plan_makes_it_untrue(engine: Engine) {
        let plans = METERED.replacen("cap = \"soft\"\nat_most = 20", "cap = \"hard\"", 1);
        let plans = plans.replacen("price_business_month\"\n[plan.quotas.exports]\nincluded = 10",
            "price_business_month\"\n[plan.quotas.exports]\nincluded = 100", 1);
        let (gateway, stripe) = counting_with(engine, "", &plans).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..7 {
            usage_in(&ada.call().await);
        }
        let failed = ada.modern().call("add", json!({ "a": 1e308, "b": 1e308 })).await;
        assert_eq!(failed.body["result"]["isError"], true);
        assert_eq!(told(&gateway).await, [] as [&str; 0], "7 are used");
        let subscription = stripe.shop().only_subscription();
        stripe.shop().reprice(&subscription, "price_business_month");
        stripe.tell_all(&gateway).await;
        for _ in 0..5 {
            usage_in(&ada.call().await);
        }
        assert_eq!(told(&gateway).await, [] as [&str; 0], "12 of 100 are used");
        stripe.shop().reprice(&subscription, "price_pro_month");
        stripe.tell_all(&gateway).await;
        spent(&ada.call().await);
        assert_eq!(told(&gateway).await, ["100 of 10", "80 of 10"]);
    }
}

on_both_engines! {
    async fn another_plan_that_includes_as_much_keeps_nothing_from_being_told(engine: Engine) {
        let (gateway, stripe) = writing(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        for _ in 0..7 {
            usage_in(&ada.call().await);
        }
        // It is reached under one plan, and can be told only under the other.
        by_hand(&gateway, "ALTER TABLE core_mails RENAME TO elsewhere").await;
        assert_eq!(usage_in(&ada.call().await)["used"], 8);
        assert_eq!(told(&gateway).await, [] as [&str; 0]);
        by_hand(&gateway, "ALTER TABLE elsewhere RENAME TO core_mails").await;
        let subscription = stripe.shop().only_subscription();
        stripe.shop().reprice(&subscription, "price_business_month");
        stripe.tell_all(&gateway).await;
        gateway.clock.advance(Duration::from_secs(120));
        assert_eq!(told(&gateway).await, ["80 of 10"]);
        let letters = gateway.letters_to("ada@example.org").await;
        let letter = letters.iter().find(|own| own.subject.starts_with("Exports: 80 %")).expect("a mail");
        assert!(letter.text.contains("up to 20 units"), "what the present plan says: {}", letter.text);
    }
}

/// On SQLite there is one writer, and mails have no lock of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_do_not_wait_while_mails_about_their_quota_are_written() {
    let Some(engine) = Engine::postgres().await else { return };
    let (gateway, stripe) = writing(engine).await;
    let (ada, _) = with_plan(&gateway, &stripe, "business").await;
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    let held = on!(&mut tx, c => sqlx::query("LOCK TABLE core_mails IN EXCLUSIVE MODE").execute(c).await.map(drop));
    held.expect("nobody writes mails");
    for _ in 0..8 {
        usage_in(&ada.call().await);
    }
    let own = billing(&gateway.gateway);
    let telling = tokio::spawn(async move { own.tell_alerts().await });
    waits_for_lock(&gateway, 1, &telling).await;
    assert!(!telling.is_finished(), "it waits for the mails");
    assert_eq!(usage_in(&ada.call().await)["used"], 9);
    tx.commit(host.now()).await.expect("mails can be written");
    telling.await.expect("no panic").expect("told");
    assert_eq!(on_record(&gateway).await, ["80 of 10"]);
}
