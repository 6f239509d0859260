//! Looking after calls that run, that nobody answers for any more, and that are old: one that is in the way keeps none of the others.

use std::time::Duration;

use belgie_api::db::Pools;
use belgie_api::{MeteredId, Timestamp, on};
use serde_json::json;
use uuid::Uuid;

use super::meter::{METERED, billing, counting_with, sums, usage_in, with_plan};
use crate::on_both_engines;
use crate::support::{TestGateway, rpc};

/// A call like the first one.
const ANOTHER: &str = "INSERT INTO stripe_meter_calls (id, subject_kind, subject_id, organization_id, meter, period_start, units, \
    name, user_id, client_id, levels, reserved_at, lease_until, released_at, attempts) \
    SELECT $1, subject_kind, subject_id, organization_id, meter, period_start, units, \
    name, user_id, client_id, '[]', reserved_at, $2, $3, 0 FROM stripe_meter_calls WHERE id = $4";
const FIRST: &str = "SELECT id FROM stripe_meter_calls ORDER BY id LIMIT 1";
const LEASES: &str = "SELECT lease_until FROM stripe_meter_calls WHERE lease_until IS NOT NULL ORDER BY id";
const ARE_THERE: &str = "SELECT COUNT(*) FROM stripe_meter_calls WHERE id = $1 AND released_at IS NULL";

/// The lease of the first call that runs cannot be prolonged.
const IN_THE_WAY_SQLITE: &str = "CREATE TRIGGER in_the_way BEFORE UPDATE OF lease_until ON stripe_meter_calls \
    WHEN NEW.lease_until IS NOT NULL \
    AND OLD.id = (SELECT id FROM stripe_meter_calls WHERE lease_until IS NOT NULL ORDER BY id LIMIT 1) \
    BEGIN SELECT RAISE(ABORT, 'in the way'); END";
const IN_THE_WAY_POSTGRES: &str = "CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    IF NEW.lease_until IS NOT NULL \
    AND OLD.id = (SELECT id FROM stripe_meter_calls WHERE lease_until IS NOT NULL ORDER BY id LIMIT 1) \
    THEN RAISE EXCEPTION 'in the way'; END IF; RETURN NEW; END $$; \
    CREATE TRIGGER in_the_way BEFORE UPDATE OF lease_until ON stripe_meter_calls \
    FOR EACH ROW EXECUTE FUNCTION in_the_way()";
const OUT_OF_THE_WAY_SQLITE: &str = "DROP TRIGGER in_the_way";
const OUT_OF_THE_WAY_POSTGRES: &str = "DROP TRIGGER in_the_way ON stripe_meter_calls";

/// Changes the database beside the gateway.
pub async fn change(gateway: &TestGateway, sqlite: &'static str, postgres: &'static str) {
    match gateway.pools() {
        Pools::Sqlite { writer, .. } => drop(sqlx::raw_sql(sqlite).execute(writer).await.expect("a change")),
        Pools::Postgres(pool) => drop(sqlx::raw_sql(postgres).execute(pool).await.expect("a change")),
    }
}

async fn first(gateway: &TestGateway) -> MeteredId {
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    on!(&mut conn, c => sqlx::query_scalar(FIRST).fetch_one(c).await).expect("a call")
}

async fn leases(gateway: &TestGateway) -> Vec<Timestamp> {
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    on!(&mut conn, c => sqlx::query_scalar(LEASES).fetch_all(c).await).expect("moments")
}

async fn goes_on(gateway: &TestGateway, id: MeteredId) -> bool {
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    let count: i64 = on!(&mut conn, c => sqlx::query_scalar(ARE_THERE).bind(id).fetch_one(c).await).expect("a count");
    count == 1
}

/// Calls that begin or that are over, like the first one.
async fn add(gateway: &TestGateway, ids: &[MeteredId], (lease, released): (Option<Timestamp>, Option<Timestamp>)) {
    let like = first(gateway).await;
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    for id in ids {
        let added = on!(&mut tx, c => sqlx::query(ANOTHER)
            .bind(*id).bind(lease).bind(released).bind(like).execute(c).await.map(drop));
        added.expect("another call");
    }
    tx.commit(host.now()).await.expect("written");
}

on_both_engines! {
    async fn a_call_that_cannot_be_prolonged_keeps_no_other_from_anything(engine: Engine) {
        // So long that no job comes in between.
        let (gateway, stripe) = counting_with(engine, "meter_lease = \"1h\"", METERED).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        let brood = rpc("tools/call", json!({ "name": "brood", "arguments": {} }));
        let mut calls = Vec::new();
        for number in 1..=2 {
            let session = ada.session().await;
            calls.push(tokio::spawn(session.post(&brood).send()));
            gateway.probe.begun(number).await;
        }
        let host = gateway.gateway.host();
        let (now, orphan) = (host.now(), MeteredId::new(host.clock(), host.entropy()));
        add(&gateway, &[orphan], (Some(now), None)).await;
        change(&gateway, IN_THE_WAY_SQLITE, IN_THE_WAY_POSTGRES).await;
        gateway.clock.advance(Duration::from_secs(20 * 60));
        let billing = billing(&gateway.gateway);
        assert!(billing.look_after_leases().await.is_err(), "it is said that one is in the way");
        let after = now.plus(Duration::from_secs(70 * 60));
        let are_prolonged = |leases: Vec<Timestamp>| leases.iter().map(|until| *until > after).collect::<Vec<_>>();
        assert_eq!(are_prolonged(leases(&gateway).await), [false, true]);
        assert!(!goes_on(&gateway, orphan).await, "nobody answers for it");
        // It is not forgotten: the next look, which comes soon, prolongs it.
        change(&gateway, OUT_OF_THE_WAY_SQLITE, OUT_OF_THE_WAY_POSTGRES).await;
        billing.look_after_leases().await.expect("the database answers");
        assert_eq!(are_prolonged(leases(&gateway).await), [true, true]);
        for call in calls {
            call.abort();
        }
    }
}

on_both_engines! {
    async fn more_old_calls_than_one_transaction_takes_are_forgotten_at_once(engine: Engine) {
        let (gateway, stripe) = counting_with(engine, "meter_lease = \"1h\"", METERED).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        usage_in(&ada.call().await);
        let old: Vec<MeteredId> = (1..=1001).map(|number| MeteredId::from_uuid(Uuid::from_u128(number))).collect();
        add(&gateway, &old, (None, Some(gateway.gateway.host().now()))).await;
        assert_eq!(first(&gateway).await, old[0]);
        billing(&gateway.gateway).look_after_leases().await.expect("the database answers");
        assert!(!old.contains(&first(&gateway).await), "all of them are gone");
        assert_eq!(sums(&gateway).await["calls"], 1);
    }
}
