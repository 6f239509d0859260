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

/// Plans with everything that can be sold beside them.
const MORE: &str = r#"
[[meter]]
name = "exports"
title = "Exports"
event_name = "belgie_exports"

[[meter]]
name = "searches"
title = "Searches"
event_name = "belgie_searches"

[[plan]]
name = "crew"
title = "Crew"
monthly_price = "price_crew_month"
seats = "members"
seat_lookup_key = "seat_by_month"
extra_prices = ["storage"]
metered_prices = ["per_export", "per_search"]
metered_by = { per_export = "exports", per_search = "searches" }
amounts = { seat_by_month = 500, storage = 300, per_export = 2, per_search = 1 }
currency = "usd"
[plan.quotas.exports]
included = 100
cap = "soft"
[plan.quotas.searches]
included = 0
cap = "soft"
"#;

on_both_engines! {
    async fn seats_extras_metered_prices_and_meters_are_compared_and_made(engine: Engine) {
        let stripe = Stripe::start().await;
        let gateway = Setup::default().config(&stripe.table()).config(MORE).start(engine).await;
        let product = json!({ "id": "prod_crew", "object": "product", "name": "Crew", "active": true, "metadata": {} });
        stripe.shop().products.insert("prod_crew".into(), product);
        let at = stripe.shop().prices.iter().position(|price| price["id"] == "price_crew_month").expect("a price");
        stripe.shop().prices[at]["product"] = json!("prod_crew");
        let (ok, said) = gateway.configured_program(&["stripe", "plan", "diff"]).await;
        let all: Vec<(&Value, &Value)> = said["drift"].as_array().expect("a list").iter().map(|one| (&one["what"], &one["can_be_pushed"])).collect();
        let expected = ["seat", "extra", "metered", "metered", "meter"].map(|what| (json!(what), json!(true)));
        assert!(!ok && all == expected.iter().map(|(what, can)| (what, can)).collect::<Vec<_>>(), "{said}");
        let (ok, made) = gateway.configured_program(&["stripe", "plan", "push"]).await;
        let what: Vec<_> = made["made"].as_array().expect("a list").iter().map(|one| one["what"].clone()).collect();
        assert_eq!((ok, what), (true, ["meter", "price", "price", "price", "price"].map(|what| json!(what)).to_vec()), "{made}");
        assert_eq!(diff(&gateway).await, (true, Vec::new()));
        let (_, again) = gateway.configured_program(&["stripe", "plan", "push"]).await;
        assert_eq!(again, json!({ "made": [] }), "done twice it makes nothing new");
        let price = |key: &str| stripe.shop().prices.iter().find(|price| price["lookup_key"] == key).expect("a price").clone();
        let of_export = price("per_export");
        assert_eq!(of_export["product"], "prod_crew", "prices of a plan are of one product");
        assert_eq!((&of_export["recurring"]["usage_type"], &of_export["recurring"]["meter"]), (&json!("metered"), &json!("mtr_belgie_exports")));
        assert_eq!(of_export["tiers"][0]["up_to"], 100, "what is included costs nothing beside the plan");
        assert_eq!((&of_export["tiers"][1]["up_to"], &of_export["tiers"][1]["unit_amount"]), (&Value::Null, &json!(2)));
        assert_eq!((&price("per_search")["unit_amount"], &price("per_search")["tiers"]), (&json!(1), &Value::Null));
        // Somebody changes something at Stripe.
        {
            let mut shop = stripe.shop();
            let at = |shop: &crate::support::stripe::Shop, key: &str| shop.prices.iter().position(|price| price["lookup_key"] == key).expect("a price");
            let (seat, storage, export, search) = (at(&shop, "seat_by_month"), at(&shop, "storage"), at(&shop, "per_export"), at(&shop, "per_search"));
            shop.prices[seat]["unit_amount"] = json!(700);
            shop.prices[seat]["recurring"]["interval_count"] = json!(3);
            shop.prices[storage]["currency"] = json!("eur");
            shop.prices[storage]["active"] = json!(false);
            shop.prices[export]["tiers"][0]["up_to"] = json!(50);
            shop.prices[export]["recurring"]["meter"] = json!("mtr_belgie_searches");
            shop.prices[search]["recurring"]["usage_type"] = json!("licensed");
            shop.prices[search]["recurring"]["interval"] = json!("year");
            shop.counted.meters[0]["default_aggregation"]["formula"] = json!("count");
            shop.counted.meters[1]["status"] = json!("inactive");
        }
        let (_, drift) = diff(&gateway).await;
        assert_eq!(drift, [
            "crew seat: it is paid by the month here, and there: every 3 months",
            "crew seat: it costs $5.00 here, and $7.00 there",
            "crew extra: the price is archived at Stripe: nobody can buy it",
            "crew extra: it is paid in usd here, and in eur there",
            "crew metered: events `belgie_exports` are counted for it here, and `belgie_searches` there",
            "crew metered: it costs $0.02 after 100 units for nothing here, and $0.02 after 50 units for nothing there",
            "crew metered: it is paid by the month here, and there: year",
            "crew metered: it is paid for what was used here, and for a quantity there",
            "exports meter: it is the sum of its events here, and their count there",
            "searches meter: the meter at Stripe is deactivated: reactivate it there",
        ]);
        let (_, made) = gateway.configured_program(&["stripe", "plan", "push"]).await;
        assert_eq!(made, json!({ "made": [] }), "what is there is never changed");
    }
}

on_both_engines! {
    async fn what_cannot_be_made_is_not_said_to_be(engine: Engine) {
        let plans = "[[plan]]\nname = \"free\"\n[[plan]]\nname = \"lost\"\nmonthly_price = \"price_lost\"\nmonthly_amount = 100\n\
            currency = \"usd\"\nseat_lookup_key = \"no_amount\"\n";
        let stripe = Stripe::start().await;
        let gateway = Setup::default().config(&stripe.table()).config(plans).start(engine).await;
        let (ok, said) = gateway.configured_program(&["stripe", "plan", "diff"]).await;
        let all = said["drift"].as_array().expect("a list");
        assert_eq!(all.iter().map(|one| &one["what"]).collect::<Vec<_>>(), ["monthly", "seat", "product"], "{said}");
        assert!(!ok && all.iter().all(|one| one["can_be_pushed"] == false), "{said}");
        let (_, made) = gateway.configured_program(&["stripe", "plan", "push"]).await;
        assert_eq!(made, json!({ "made": [] }));
        // A key stays with a price that is archived: Stripe takes no second one for it.
        let mut archived = stripe.shop().prices[0].clone();
        archived["id"] = json!("price_archived");
        archived["lookup_key"] = json!("no_amount");
        archived["active"] = json!(false);
        stripe.shop().prices.push(archived);
        let (_, drift) = diff(&gateway).await;
        assert!(drift.contains(&"lost seat: the price is archived at Stripe: nobody can buy it".to_owned()), "{drift:?}");
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
        for number in 0..100 {
            stripe.shop().counted.add_meter(&format!("other_{number}"));
        }
        stripe.shop().counted.add_meter("belgie_imports");
        assert_eq!(diff(&gateway).await, (true, Vec::new()));
        assert_eq!(stripe.shop().asked("GET", "/v1/billing/meters").len(), 3);
    }
}
