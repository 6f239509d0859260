//! What applications hear, may say and may refuse; and plans that they alone know.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use belgie_api::db::Tx;
use belgie_api::ports::BillingSubject;
use belgie_api::{Caller, Failure, Plan, PriceName, Result, Sale, ScopeSet, async_trait};
use belgie_stripe::{Account, Change, Deed, Lifecycle, PlanSource};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, customer_of, member_of, of_acme, order, plan_of};
use crate::on_both_engines;
use crate::provider::call;
use crate::support::{Engine, Setup, Stripe, TestGateway, eventually};

/// Notes everything, and refuses what it is told to.
#[derive(Clone, Default)]
struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
    refuses_checkout: Arc<Mutex<bool>>,
}

impl Listener {
    fn note(&self, what: &str) {
        self.heard.lock().expect("nobody panicked").push(what.to_owned());
    }

    /// What was heard since this was asked last.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().expect("nobody panicked"))
    }

    fn told(&self, what: &str, change: Change<'_>) {
        self.note(&format!("{what} {}", change.after.plan));
    }
}

#[async_trait]
impl Lifecycle for Listener {
    async fn may(&self, caller: &Caller, account: &Account, deed: Deed) -> Result<Option<bool>> {
        self.note(&format!("may {deed:?} {}", account.name));
        Ok((caller.user().email == "treasurer@example.org").then_some(true))
    }

    async fn customer_details(&self, _account: &Account) -> Result<Vec<(String, String)>> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(vec![pair("tax_exempt", "reverse"), pair("metadata[belgie_account]", "usr_foreign")])
    }

    async fn checkout_details(&self, _account: &Account, _plan: &Plan) -> Result<Vec<(String, String)>> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(vec![pair("allow_promotion_codes", "true"), pair("customer", "cus_foreign")])
    }

    async fn before_checkout(&self, _tx: &mut Tx, _account: &Account, plan: &Plan) -> Result<()> {
        self.note(&format!("checkout {}", plan.name));
        match *self.refuses_checkout.lock().expect("nobody panicked") {
            true => Err(Failure::forbidden("shop.closed", "The shop is closed.")),
            false => Ok(()),
        }
    }

    async fn after_customer_create(&self, _tx: &mut Tx, subject: BillingSubject, customer: &str) -> Result<()> {
        self.note(&format!(
            "customer {} {}",
            matches!(subject, BillingSubject::User { .. }),
            customer.starts_with("cus_")
        ));
        Ok(())
    }

    async fn after_complete(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("complete", change);
        Ok(())
    }

    async fn after_create(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("create", change);
        Ok(())
    }

    async fn after_update(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("update", change);
        Ok(())
    }

    async fn after_cancel(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("cancel", change);
        Ok(())
    }

    async fn after_delete(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("delete", change);
        Ok(())
    }

    async fn after_trial_start(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("trial_start", change);
        Ok(())
    }

    async fn after_trial_end(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("trial_end", change);
        Ok(())
    }

    async fn after_trial_expire(&self, _tx: &mut Tx, change: Change<'_>) -> Result<()> {
        self.told("trial_expire", change);
        Ok(())
    }

    async fn on_event(&self, event: &Value) -> Result<()> {
        self.note(&format!("event {}", event["type"].as_str().unwrap_or_default()));
        Ok(())
    }
}

async fn listened(engine: Engine, more: &str) -> (TestGateway, Stripe, Listener) {
    let (stripe, listener) = (Stripe::start().await, Listener::default());
    let setup = Setup::default().config(&stripe.table()).config(more).config(super::PLANS);
    let own = listener.clone();
    let setup = setup.build(move |builder| builder.plugin(belgie_stripe::Stripe::default().listener(own)));
    (setup.start(engine).await, stripe, listener)
}

on_both_engines! {
    async fn an_application_hears_of_everything_that_is_paid(engine: Engine) {
        let (gateway, stripe, listener) = listened(engine, "").await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "business").await;
        let heard = listener.heard();
        assert_eq!(heard[..5], ["customer true true", "checkout business", "create business", "complete business", "trial_start business"]);
        assert!(heard.contains(&"event checkout.session.completed".to_owned()), "{heard:?}");
        let made = stripe.shop().asked("POST", "/v1/customers").remove(0);
        assert_eq!((made.value("tax_exempt"), made.value("metadata[belgie_account]")), (Some("reverse"), Some(account(person.id).as_str())));
        let page = stripe.shop().asked("POST", "/v1/checkout/sessions").remove(0);
        assert_eq!((page.value("allow_promotion_codes"), page.value("customer").map(ToOwned::to_owned)), (Some("true"), Some(customer_of(&stripe, &account(person.id)))));
        stripe.shop().change(&id, |own| own["status"] = json!("active"));
        stripe.tell_all(&gateway).await;
        assert_eq!(listener.heard(), ["update business", "trial_end business", "event customer.subscription.updated"]);
        stripe.shop().change(&id, |own| own["cancel_at_period_end"] = json!(true));
        stripe.tell_all(&gateway).await;
        assert_eq!(listener.heard(), ["update business", "cancel business", "event customer.subscription.updated"]);
        stripe.shop().change(&id, |own| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        assert_eq!(listener.heard(), ["update business", "delete business", "event customer.subscription.deleted"]);
        // Of days that cost nothing and end unpaid it hears as well.
        let (mut dan, other) = alone(&gateway, "dan@example.org").await;
        let id = buy(&gateway, &stripe, &mut dan.browser, &account(other.id), "business").await;
        listener.heard();
        stripe.shop().change(&id, |own| own["status"] = json!("paused"));
        stripe.tell_all(&gateway).await;
        assert!(listener.heard().contains(&"trial_expire business".to_owned()));
        let odd = json!({ "id": "evt_odd", "type": "radar.early_fraud_warning.created", "data": { "object": {} } });
        crate::support::stripe::tell(&gateway, &odd).await;
        assert_eq!(listener.heard(), ["event radar.early_fraud_warning.created"]);
    }
}

on_both_engines! {
    async fn an_application_decides_who_pays_and_keeps_people_from_buying(engine: Engine) {
        let (gateway, stripe, listener) = listened(engine, "").await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let mut bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        let mut treasurer = member_of(&gateway, acme, "treasurer@example.org", "member").await;
        let wish = json!({ "plan": "pro", "account_id": acme, "disable_redirect": true });
        assert_eq!(call(&mut bob.browser, "/auth/subscription/upgrade", wish.clone()).await.0, StatusCode::FORBIDDEN);
        assert!(order(&mut treasurer.browser, wish.clone()).await.contains("/c/pay/"), "the application says so");
        assert!(order(&mut ada.browser, wish.clone()).await.contains("/c/pay/"), "where it says nothing, roles do");
        assert!(listener.heard().contains(&"may Upgrade The acme".to_owned()));
        *listener.refuses_checkout.lock().expect("nobody panicked") = true;
        let pages = stripe.shop().sessions.len();
        // Also to a page that is there already nobody is sent unasked.
        for wish in [wish, json!({ "plan": "business", "account_id": acme })] {
            let (status, said) = call(&mut ada.browser, "/auth/subscription/upgrade", wish).await;
            assert_eq!((status, &said["error"]), (StatusCode::FORBIDDEN, &json!("shop.closed")));
        }
        assert_eq!(stripe.shop().sessions.len(), pages);
    }
}

on_both_engines! {
    async fn everybody_can_become_a_customer_with_their_account(engine: Engine) {
        let (gateway, stripe, listener) = listened(engine, "create_customer_on_sign_up = true").await;
        let person = gateway.person("eve@example.org").await;
        eventually("a customer is made", || stripe.shop().customers.len() == 1).await;
        eventually("the application hears of it", || listener.heard().contains(&"customer true true".to_owned())).await;
        let customer = customer_of(&stripe, &account(person.id));
        assert_eq!(stripe.shop().customers[&customer]["email"], Value::Null, "the address is not proven");
        crate::provider::prove(&gateway, &person).await;
        eventually("it is told once it is", || stripe.shop().customers[&customer]["email"] == "eve@example.org").await;
    }
}

/// A plan that an application knows, and more tomorrow.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<Vec<Plan>>>);

#[async_trait]
impl PlanSource for Source {
    async fn plans(&self) -> Result<Vec<Plan>> {
        Ok(self.0.lock().expect("nobody panicked").clone())
    }
}

fn plan(name: &str, price: &str) -> Plan {
    Plan {
        name: name.to_owned(),
        title: name.to_uppercase(),
        description: String::new(),
        monthly: Some(PriceName::Id(price.to_owned())),
        annual: None,
        trial_days: None,
        entitlements: BTreeSet::from(["exports".to_owned()]),
        limits: [("projects".to_owned(), "99".to_owned())].into(),
        sale: Sale::default(),
        quotas: BTreeMap::new(),
        calls_per_minute: None,
        tools: Vec::new(),
        scopes: ScopeSet::new(),
    }
}

/// What only a plan of the application opens.
const OF_GOLD: &str = r#"
[[access]]
tools = ["slow"]
plans = ["gold"]
"#;

on_both_engines! {
    async fn plans_come_from_an_application_and_change_while_it_runs(engine: Engine) {
        let (stripe, source) = (Stripe::start().await, Source::default());
        source.0.lock().expect("nobody panicked").extend([plan("gold", "price_foreign"), plan("pro", "price_support")]);
        let own = source.clone();
        let setup = Setup::default().config(&stripe.table()).config(super::PLANS).config(OF_GOLD);
        let setup = setup.build(move |builder| builder.plugin(belgie_stripe::Stripe::default().plans(own)));
        let gateway = setup.start(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let own = account(person.id);
        buy(&gateway, &stripe, &mut eve.browser, &own, "gold").await;
        let seen = plan_of(&eve).await;
        assert_eq!((&seen["plan"], &seen["limits"]["projects"]), (&json!("gold"), &json!("99")));
        let add = eve.modern().call("add", json!({ "a": 2, "b": 3 })).await;
        assert_eq!(add.text(), "5", "it opens what it says: {:?}", add.body);
        let wish = |plan: &str| json!({ "plan": plan, "account_id": own });
        let (status, _) = call(&mut eve.browser, "/auth/subscription/upgrade", wish("platinum")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        source.0.lock().expect("nobody panicked").push(plan("platinum", "price_crew_month"));
        gateway.clock.advance(std::time::Duration::from_secs(61));
        let change = order(&mut eve.browser, wish("platinum")).await;
        assert!(change.contains("/p/session/"), "{change}");
        // A rule of the file names a plan that only the application knows.
        let slow = eve.modern().call("slow", json!({ "seconds": 0 })).await;
        assert_eq!(slow.body["result"]["isError"], false, "{:?}", slow.body);
        let (mut bob, _) = alone(&gateway, "bob@example.org").await;
        let refused = bob.modern().call("slow", json!({ "seconds": 0 })).await;
        assert_eq!(refused.body["result"]["structuredContent"]["plans"], json!(["GOLD"]), "{:?}", refused.body);
        buy(&gateway, &stripe, &mut bob.browser, &account(bob.person.id), "gold").await;
        assert_eq!(bob.modern().call("slow", json!({ "seconds": 0 })).await.body["result"]["isError"], false);
        // How fast is a matter of the plan, wherever it comes from.
        let quick = Plan { calls_per_minute: NonZeroU32::new(2), ..plan("quick", "price_support") };
        source.0.lock().expect("nobody panicked").push(quick);
        gateway.clock.advance(std::time::Duration::from_secs(61));
        let (mut ann, _) = alone(&gateway, "ann@example.org").await;
        buy(&gateway, &stripe, &mut ann.browser, &account(ann.person.id), "quick").await;
        for _ in 0..2 {
            assert_eq!(ann.modern().call("whoami", json!({})).await.body["result"]["isError"], false);
        }
        let refused = ann.modern().call("whoami", json!({})).await;
        let said = &refused.body["result"]["structuredContent"];
        assert_eq!((&said["error"], &said["calls_per_minute"]), (&json!("access.rate_exceeded"), &json!(2)), "{refused:?}");
        // The file goes before the source.
        order(&mut eve.browser, wish("pro")).await;
        let asked = stripe.shop().asked("POST", "/v1/billing_portal/sessions").pop().expect("a portal");
        assert_eq!(asked.value("flow_data[subscription_update_confirm][items][0][price]"), Some("price_pro_month"));
    }
}
