//! What Stripe is told, and what becomes of what it does not take.

use std::time::{Duration, Instant};

use belgie_api::{MeteredId, on};
use serde_json::{Value, json};
use uuid::Uuid;

use super::meter::{METERED, billing, counting, counting_with, sums, tell, usage_in, with_plan};
use crate::on_both_engines;
use crate::support::{Connected, PATIENCE, TestGateway};

async fn calls(gateway: &TestGateway, which: &str) -> Vec<Value> {
    let (went_well, said) = gateway.configured_program(&["usage", "calls", which]).await;
    assert!(went_well, "{said}");
    said["calls"].as_array().expect("a list").clone()
}

/// Tells, and waits until somebody has noted what came of it: the gateway tells by itself, too, and may be at it.
async fn told_in_vain(gateway: &TestGateway) -> Value {
    tell(gateway).await;
    let begin = Instant::now();
    loop {
        let mut waiting = calls(gateway, "--waiting").await;
        if let Some(call) = waiting.pop().filter(|call| call["note"].is_string()) {
            return call;
        }
        assert!(begin.elapsed() < PATIENCE, "nobody has tried");
    }
}

on_both_engines! {
    async fn what_was_heard_and_not_answered_is_told_again_and_counted_once(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        // Every try of the client itself, and the first of the next round.
        stripe.shop().counted.swallow = 1;
        usage_in(&ada.call().await);
        for _ in 0..20 {
            if sums(&gateway).await["told"] == 1 {
                break;
            }
            gateway.clock.advance(Duration::from_secs(130));
            stripe.shop().counted.ahead += 130;
            tell(&gateway).await;
        }
        let (went_well, said) = gateway.configured_program(&["usage", "tell"]).await;
        assert!(went_well && said["told"] == 0, "{said}");
        let shop = stripe.shop();
        assert_eq!((shop.counted.sum(None), shop.counted.events.len()), (1, 1));
        assert!(shop.counted.again >= 1, "it was told again, or the answer was lost for nothing");
    }
}

on_both_engines! {
    async fn what_is_too_old_is_given_up_with_a_reason_and_kept(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        stripe.shop().counted.meters.clear();
        let id = usage_in(&ada.call().await)["call"].clone();
        let waiting = told_in_vain(&gateway).await;
        assert_eq!((&waiting["id"], &waiting["state"]), (&id, &json!("to be told")), "{waiting}");
        assert!(waiting["note"].as_str().is_some_and(|note| note.contains("No active meter")), "{waiting}");

        let month = Duration::from_secs(35 * 86_400);
        gateway.clock.advance(month);
        stripe.shop().counted.ahead = 35 * 86_400;
        tell(&gateway).await;
        let given_up = calls(&gateway, "--given-up").await;
        assert_eq!((given_up.len(), &given_up[0]["id"], &given_up[0]["units"]), (1, &id, &json!(1)), "{given_up:?}");
        assert!(given_up[0]["note"].as_str().is_some_and(|note| note.starts_with("too old")), "{given_up:?}");
        let left = sums(&gateway).await;
        assert_eq!((&left["units"], &left["given_up"], &left["waiting"]), (&json!(1), &json!(1), &json!(0)), "{left}");
        // It can be told once more by hand; it is as old as before.
        let (went_well, said) = gateway.configured_program(&["usage", "again", id.as_str().expect("an id")]).await;
        assert!(went_well && said["again"] == 1, "{said}");
        tell(&gateway).await;
        assert_eq!(sums(&gateway).await["given_up"], 1);
        assert_eq!(stripe.shop().counted.sum(None), 0);
    }
}

/// A call like another, of which Stripe is told no more.
const GIVEN_UP: &str = "INSERT INTO stripe_meter_calls (id, subject_kind, subject_id, organization_id, meter, period_start, units, \
    name, user_id, client_id, levels, reserved_at, committed_at, attempts, given_up_at) \
    SELECT $1, subject_kind, subject_id, organization_id, meter, period_start, units, \
    name, user_id, client_id, '[]', reserved_at, committed_at, 1, committed_at FROM stripe_meter_calls WHERE id = $2";

on_both_engines! {
    async fn all_calls_that_were_given_up_are_told_again_however_many_they_are(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        let call: MeteredId = usage_in(&ada.call().await)["call"].as_str().expect("an id").parse().expect("one");
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        for number in 1..=1001 {
            let id = MeteredId::from_uuid(Uuid::from_u128(number));
            let given_up = on!(&mut tx, c => sqlx::query(GIVEN_UP).bind(id).bind(call).execute(c).await.map(drop));
            given_up.expect("another call");
        }
        tx.commit(host.now()).await.expect("written");
        for again in [1001, 0] {
            let (went_well, said) = gateway.configured_program(&["usage", "again", "--all"]).await;
            assert!(went_well && said["again"] == again, "{said}");
        }
    }
}

on_both_engines! {
    async fn units_for_which_nobody_answers_any_more_come_back(engine: Engine) {
        // So long that no job comes in between.
        let (gateway, stripe) = counting_with(engine, "meter_lease = \"1h\"", METERED).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        let other = gateway.second_node_with(|builder| builder.tools(gateway.probe.tools())).await;
        let session = ada.session().await;
        let hanging = crate::support::rpc("tools/call", json!({ "name": "brood", "arguments": {} }));
        let call = tokio::spawn(session.post(&hanging).send());
        gateway.probe.begun(1).await;
        let billing = billing(&other);
        billing.look_after_leases().await.expect("the database answers");
        assert_eq!(sums(&gateway).await["set_aside"], 1, "somebody answers for it");
        gateway.clock.advance(Duration::from_secs(3601));
        // A node that does not run it cannot know that its process lives, unless that says so in time.
        billing.look_after_leases().await.expect("the database answers");
        let left = sums(&gateway).await;
        assert_eq!((&left["set_aside"], &left["used"]), (&json!(0), &json!(0)), "{left}");
        call.abort();
    }
}

on_both_engines! {
    async fn what_stripe_may_have_heard_too_long_ago_is_not_told_again(engine: Engine) {
        let (gateway, stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        // Every try of the first round.
        stripe.shop().failures.extend([(500, None), (500, None), (500, None)]);
        usage_in(&ada.call().await);
        told_in_vain(&gateway).await;
        gateway.clock.advance(Duration::from_secs(86_400));
        stripe.shop().counted.ahead = 86_400;
        stripe.shop().failures.clear();
        tell(&gateway).await;
        let given_up = calls(&gateway, "--given-up").await;
        assert_eq!(given_up.len(), 1, "{given_up:?}");
        assert!(given_up[0]["note"].as_str().is_some_and(|note| note.starts_with("unsure")), "{given_up:?}");
        assert_eq!(stripe.shop().counted.sum(None), 0);
    }
}

on_both_engines! {
    async fn what_stripe_cannot_have_heard_is_told_however_long_nobody_reached_it(engine: Engine) {
        let (gateway, mut stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        stripe.close().await;
        usage_in(&ada.call().await);
        told_in_vain(&gateway).await;
        gateway.clock.advance(Duration::from_secs(86_400));
        tell(&gateway).await;
        assert_eq!(calls(&gateway, "--given-up").await, [] as [Value; 0]);
        stripe.shop().counted.ahead = 86_400;
        stripe.reopen().await;
        for _ in 0..20 {
            if sums(&gateway).await["told"] == 1 {
                break;
            }
            gateway.clock.advance(Duration::from_secs(3601));
            stripe.shop().counted.ahead += 3601;
            tell(&gateway).await;
        }
        let left = sums(&gateway).await;
        assert_eq!((&left["told"], &left["given_up"]), (&json!(1), &json!(0)), "{left}");
        assert_eq!(stripe.shop().counted.sum(None), 1);
    }
}

on_both_engines! {
    async fn what_was_heard_before_the_connection_broke_off_for_good_stays_unsure(engine: Engine) {
        let (gateway, mut stripe) = counting(engine).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        stripe.shop().failures.extend([(500, None), (500, None), (500, None)]);
        usage_in(&ada.call().await);
        told_in_vain(&gateway).await;
        stripe.close().await;
        gateway.clock.advance(Duration::from_secs(3601));
        tell(&gateway).await;
        gateway.clock.advance(Duration::from_secs(86_400));
        tell(&gateway).await;
        let given_up = calls(&gateway, "--given-up").await;
        assert_eq!(given_up.len(), 1, "{given_up:?}");
        assert!(given_up[0]["note"].as_str().is_some_and(|note| note.starts_with("unsure")), "{given_up:?}");
    }
}

on_both_engines! {
    async fn calls_are_forgotten_in_time_and_the_sums_agree_all_the_while(engine: Engine) {
        const DAY: u64 = 86_400;
        let (gateway, stripe) = counting_with(engine, "meter_lease = \"1h\"", METERED).await;
        stripe.shop().period = Some(360 * 86_400);
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        let billing = billing(&gateway.gateway);
        usage_in(&ada.call().await);
        usage_in(&ada.call().await);
        tell(&gateway).await;
        gateway.clock.advance(Duration::from_secs(300 * DAY));
        stripe.shop().counted.ahead = 300 * 86_400;
        let ada = Connected::of(&gateway, &ada.person, "", Some(acme)).await;
        assert_eq!(usage_in(&ada.call().await)["used"], 3, "the period goes on");
        tell(&gateway).await;
        let kept = async || {
            billing.look_after_leases().await.expect("the database answers");
            let sums = sums(&gateway).await;
            let (_, shown) = gateway.configured_program(&["usage", "show"]).await;
            let used = shown["usage"].as_array().expect("a list").iter().map(|row| row["used"].clone()).collect::<Vec<_>>();
            (sums["calls"].clone(), sums["used"].clone(), used)
        };
        assert_eq!(kept().await, (json!(3), json!(3), vec![json!(3)]));
        // Of one period some calls are older than 400 days, and one is not.
        gateway.clock.advance(Duration::from_secs(101 * DAY));
        assert_eq!(kept().await, (json!(1), json!(1), vec![json!(3)]));
        gateway.clock.advance(Duration::from_secs(300 * DAY));
        assert_eq!(kept().await, (json!(0), json!(0), vec![json!(3)]));
        // All of the period is older than that now.
        gateway.clock.advance(Duration::from_secs(66 * DAY));
        assert_eq!(kept().await, (json!(0), json!(0), Vec::new()));
    }
}
