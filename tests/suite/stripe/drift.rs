//! `belgie stripe plan diff` and `plan push`.

use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::{Engine, Setup, Stripe, TestGateway};

const PLANS: &str = r#"
[[plan]]
name = "free"

[[plan]]
name = "pro"
title = "Pro"
description = "For people who export."
monthly_lookup_key = "pro_by_month"
annual_lookup_key = "pro_by_year"
monthly_amount = 2000
annual_amount = 20000
currency = "eur"
trial_days = 14

[[plan]]
name = "old"
title = "Old"
monthly_price = "price_pro_month"
monthly_amount = 2500
currency = "usd"
"#;

async fn selling(engine: Engine) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    let setup = Setup::default().config(&stripe.table()).config(PLANS);
    (setup.start(engine).await, stripe)
}

async fn diff(gateway: &TestGateway) -> (bool, Vec<String>) {
    let (ok, said) = gateway.configured_program(&["stripe", "plan", "diff"]).await;
    let all = said["drift"].as_array().unwrap_or_else(|| panic!("{said}")).clone();
    let line = |drift: &Value| format!("{} {}: {}", drift["plan"], drift["what"], drift["says"]).replace('"', "");
    (ok, all.iter().map(line).collect())
}

on_both_engines! {
    async fn drift_is_found_and_what_is_missing_is_made_once(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let product = json!({ "id": "prod_old", "object": "product", "name": "Old", "active": true, "metadata": {} });
        stripe.shop().products.insert("prod_old".into(), product);
        stripe.shop().prices[0]["product"] = json!("prod_old");
        let (ok, drift) = diff(&gateway).await;
        assert!(!ok, "it ends with 1");
        assert_eq!(drift, [
            "pro monthly: there is no such price at Stripe",
            "pro annual: there is no such price at Stripe",
            "pro product: there is no such product at Stripe",
            "old monthly: it costs $25.00 here, and $20.00 there",
        ]);
        let (ok, made) = gateway.configured_program(&["stripe", "plan", "push"]).await;
        let what: Vec<_> = made["made"].as_array().expect("a list").iter().map(|one| one["what"].clone()).collect();
        assert_eq!((ok, what), (true, vec![json!("product"), json!("price"), json!("price")]), "{made}");
        let (_, again) = gateway.configured_program(&["stripe", "plan", "push"]).await;
        assert_eq!(again, json!({ "made": [] }), "done twice it makes nothing new");
        assert_eq!(diff(&gateway).await, (false, vec!["old monthly: it costs $25.00 here, and $20.00 there".to_owned()]));
        let price = stripe.shop().prices.iter().find(|price| price["lookup_key"] == "pro_by_year").expect("a price").clone();
        assert_eq!((&price["unit_amount"], &price["currency"], &price["recurring"]["interval"]), (&json!(20_000), &json!("eur"), &json!("year")));
        // Somebody changes something at Stripe.
        let own = stripe.shop().products["belgie_pro"].clone();
        assert_eq!(own["metadata"]["belgie_trial_days"], "14");
        {
            let mut shop = stripe.shop();
            shop.prices[0]["unit_amount"] = json!(2_500);
            let product = shop.products.get_mut("belgie_pro").expect("a product");
            product["name"] = json!("Professional");
            product["metadata"]["belgie_trial_days"] = json!("30");
            let at = shop.prices.iter().position(|price| price["lookup_key"] == "pro_by_month").expect("a price");
            shop.prices[at]["recurring"]["interval"] = json!("week");
            shop.prices[at]["active"] = json!(false);
        }
        assert_eq!(diff(&gateway).await.1, [
            "pro monthly: the price is archived at Stripe: nobody can buy it",
            "pro monthly: it is paid by the month here, and there: week",
            "pro product: it is called `Pro` here, and `Professional` there",
            "pro product: it has 14 days of trial here, and 30 there",
        ]);
        {
            let mut shop = stripe.shop();
            let product = shop.products.get_mut("belgie_pro").expect("a product");
            product["name"] = json!("Pro");
            product["metadata"]["belgie_trial_days"] = json!("14");
            let at = shop.prices.iter().position(|price| price["lookup_key"] == "pro_by_month").expect("a price");
            shop.prices[at]["recurring"]["interval"] = json!("month");
            shop.prices[at]["active"] = json!(true);
        }
        assert_eq!(diff(&gateway).await, (true, Vec::new()));
    }
}

on_both_engines! {
    async fn a_meter_that_nobody_counts_at_stripe_is_drift(engine: Engine) {
        let meters = "[[meter]]\nname = \"exports\"\nevent_name = \"belgie_exports\"\n\
            [[meter]]\nname = \"imports\"\nevent_name = \"belgie_imports\"\n[[meter]]\nname = \"own\"\n\
            [[plan]]\nname = \"free\"\nquotas = { exports = { included = 1 }, imports = { included = 1 }, own = { included = 1 } }\n";
        let stripe = Stripe::start().await;
        let gateway = Setup::default().config(&stripe.table()).config(meters).start(engine).await;
        let missing = "imports meter: no active meter at Stripe counts events of this name".to_owned();
        assert_eq!(diff(&gateway).await, (false, vec![missing]));
        // Stripe tells of a hundred at a time.
        stripe.shop().counted.names.extend((0..100).map(|number| format!("other_{number}")));
        stripe.shop().counted.names.push("belgie_imports".to_owned());
        assert_eq!(diff(&gateway).await, (true, Vec::new()));
        assert_eq!(stripe.shop().asked("GET", "/v1/billing/meters").len(), 3);
    }
}
