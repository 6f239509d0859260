//! More news than anybody deals with one by one: twice, out of order, days late, forged and cut off, while things go on changing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use belgie_api::ports::BillingSubject;
use belgie_api::{Clock, UserId, on};
use belgie_stripe::Billing;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{account, alone, buy, selling};
use crate::on_both_engines;
use crate::support::stripe::{SIGNING_SECRET, sign};
use crate::support::{PATIENCE, Stripe, TestGateway};

/// How many genuine events there are; `BELGIE_TEST_BURST=10000` for as many as a bad day brings.
const EVENTS: usize = 400;
const BUYERS: usize = 6;
/// How many are on their way at the same time.
const AT_ONCE: usize = 64;
const DAY: Duration = Duration::from_secs(86_400);

/// Numbers that look like chance and are the same in every run (Knuth, MMIX).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

/// One delivery: what is sent, and whether it is as Stripe sends it.
struct Delivery {
    body: String,
    signature: String,
    is_genuine: bool,
}

fn deliveries(gateway: &TestGateway, events: &[Value], chance: &mut Chance) -> Vec<Delivery> {
    let now = gateway.clock.now();
    let mut all = Vec::new();
    for event in events {
        let body = event.to_string();
        let signature = sign(SIGNING_SECRET, &body, now);
        let genuine = || Delivery { body: body.clone(), signature: signature.clone(), is_genuine: true };
        match chance.below(10) {
            0 => all.extend([genuine(), genuine(), genuine()]),
            1 => {
                let forged = body.replace("\"status\":\"", "\"status\":\"in");
                all.extend([Delivery { body: forged, signature: signature.clone(), is_genuine: false }, genuine()]);
            }
            2 => {
                let cut = body[..chance.below(body.len())].to_owned();
                all.extend([Delivery { body: cut, signature: signature.clone(), is_genuine: false }, genuine()]);
            }
            _ => all.push(genuine()),
        }
    }
    all
}

/// Something happens at Stripe to one of the subscriptions.
fn change_one(stripe: &Stripe, ids: &[String], chance: &mut Chance) {
    let id = &ids[chance.below(ids.len())];
    let mut shop = stripe.shop();
    match chance.below(5) {
        0 => shop.reprice(id, "price_business_month"),
        1 => shop.reprice(id, "price_pro_month"),
        2 => shop.change(id, |own| own["status"] = json!("past_due")),
        3 => shop.change(id, |own| own["status"] = json!("active")),
        _ => shop.change(id, |own| own["cancel_at_period_end"] = json!(own["cancel_at_period_end"] == false)),
    }
    if chance.below(20) == 0 {
        shop.failures.push_back(([429, 500, 503][chance.below(3)], Some("false")));
    }
}

fn shuffle<T>(all: &mut [T], chance: &mut Chance) {
    for place in (1..all.len()).rev() {
        all.swap(place, chance.below(place + 1));
    }
}

/// How it stands, as (plan, status, whether it ends with the period).
fn as_sold(stripe: &Stripe, id: &str) -> Value {
    let shop = stripe.shop();
    let own = &shop.subscriptions[id];
    let plan = match own["items"]["data"][0]["price"]["id"].as_str() {
        Some("price_pro_month") => "pro",
        _ => "business",
    };
    json!([plan, own["status"], own["cancel_at_period_end"]])
}

async fn as_known(billing: &Billing, user: UserId) -> Value {
    let all = billing.list(BillingSubject::User { user }, false).await.expect("a list");
    assert_eq!(all.len(), 1, "{all:?}");
    let own = serde_json::to_value(&all[0]).expect("JSON");
    json!([own["plan"], own["status"], own["cancel_at_period_end"]])
}

async fn count(gateway: &TestGateway, sql: &'static str) -> i64 {
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    on!(&mut conn, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await).expect("a number")
}

on_both_engines! {
    async fn nothing_is_lost_or_believed_wrongly_of_a_burst_of_news(engine: Engine) {
        let wanted = std::env::var("BELGIE_TEST_BURST").map_or(EVENTS, |number| number.parse().expect("a number"));
        let (gateway, stripe) = selling(engine).await;
        let mut buyers = BTreeMap::new();
        for number in 0..BUYERS {
            let (mut eve, person) = alone(&gateway, &format!("eve{number}@example.org")).await;
            let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
            buyers.insert(id, person.id);
        }
        let ids: Vec<String> = buyers.keys().cloned().collect();
        let before = count(&gateway, "SELECT COUNT(*) FROM stripe_events").await;
        let chance = &mut Chance(2026);
        let client = reqwest::Client::new();
        let (mut waiting, mut happened) = (Vec::new(), 0);
        while happened < wanted || !waiting.is_empty() {
            for _ in 0..AT_ONCE.min(wanted - happened) {
                change_one(&stripe, &ids, chance);
                happened += 1;
            }
            waiting.extend(stripe.news());
            shuffle(&mut waiting, chance);
            // Some of them stay away for days.
            let away = if happened < wanted { waiting.len() / 3 } else { 0 };
            let on_their_way = waiting.split_off(away);
            let all = deliveries(&gateway, &on_their_way, chance);
            let sent = all.iter().map(async |Delivery { body, signature, is_genuine }| {
                let request = client.post(gateway.at("/auth/stripe/webhook")).header("content-type", "application/json");
                let request = request.header("stripe-signature", signature).body(body.clone());
                // What was not answered, or not taken by a gateway under too much load, is told again.
                let begin = Instant::now();
                let said = loop {
                    assert!(begin.elapsed() < 6 * PATIENCE, "nobody takes {body}");
                    match request.try_clone().expect("a text").send().await.map(|said| said.status()) {
                        Err(_) | Ok(StatusCode::SERVICE_UNAVAILABLE) => {}
                        Ok(said) => break said,
                    }
                };
                let wanted = if *is_genuine { StatusCode::OK } else { StatusCode::BAD_REQUEST };
                assert_eq!(said, wanted, "{body}");
            });
            let meanwhile = async {
                for _ in 0..(AT_ONCE / 4).min(wanted - happened) {
                    tokio::task::yield_now().await;
                    change_one(&stripe, &ids, chance);
                    happened += 1;
                }
            };
            tokio::join!(join_all(sent), meanwhile);
            waiting.extend(stripe.news());
            gateway.clock.advance(DAY / 4);
        }
        stripe.shop().failures.clear();
        let billing = gateway.gateway.provided::<Billing>().expect("plans");
        gateway.clock.advance(DAY);
        billing.catch_up().await.expect("looked at");
        let kept = count(&gateway, "SELECT COUNT(*) FROM stripe_events").await - before;
        assert_eq!(kept, i64::try_from(happened).expect("a number"), "each is kept once");
        assert_eq!(count(&gateway, "SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NULL").await, 0);
        for (id, user) in &buyers {
            assert_eq!(as_known(&billing, *user).await, as_sold(&stripe, id), "{id}");
        }
    }
}
