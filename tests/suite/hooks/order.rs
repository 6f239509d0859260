//! The order of the news, where a transaction with news comes to a halt on its last step.

use belgie::api::db::Pools;
use belgie_api::clock::SystemClock;
use belgie_api::entropy::SystemEntropy;
use belgie_api::{Clock, Event, UserId};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use super::{Arrivals, Heard};
use crate::support::{Engine, Setup, TestGateway, eventually, waits_for_lock};

/// Stops a transaction with news of one person between the writing of them and their commit: what is deferred happens then.
const GATE: &str = "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$; \
     CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON core_events DEFERRABLE INITIALLY DEFERRED \
     FOR EACH ROW WHEN (NEW.payload::text LIKE '%$person%') EXECUTE FUNCTION gate()";

fn newcomer() -> UserId {
    UserId::new(&SystemClock, &SystemEntropy)
}

/// Says that somebody is new, in a transaction of its own.
fn tell(gateway: &TestGateway, user: UserId) -> JoinHandle<()> {
    let host = gateway.gateway.host().clone();
    tokio::spawn(async move {
        let mut tx = host.db().begin().await.expect("a transaction");
        tx.emit(Event::UserCreated { user });
        tx.commit(SystemClock.now()).await.expect("a commit");
    })
}

async fn run(pool: &PgPool, sql: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await.expect("it is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_overtakes_a_transaction_whose_news_have_their_place() {
    let Some(engine) = Engine::postgres().await else { return };
    let heard = Heard::default();
    let observer = Arrivals::new("test.order", &heard, 0);
    let gateway = Setup::default().build(|builder| builder.observer(observer)).start(engine).await;
    let Pools::Postgres(pool) = gateway.pools() else { panic!("a test of Postgres") };
    let [first, second, third] = [newcomer(), newcomer(), newcomer()];
    run(pool, GATE.replace("$person", &first.to_string())).await;
    let mut keeper = pool.acquire().await.expect("a connection");
    sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut *keeper).await.expect("the gate is shut");

    let slow = tell(&gateway, first);
    waits_for_lock(&gateway, 1, &slow).await;
    assert!(!slow.is_finished(), "it did not stop at the gate");
    let fast = tell(&gateway, second);
    waits_for_lock(&gateway, 2, &fast).await;
    if fast.is_finished() {
        // The observer moves on to the second place, and never looks back at the first.
        heard.count(1).await;
    }
    sqlx::query("SELECT pg_advisory_unlock(1)").execute(&mut *keeper).await.expect("the gate is open");
    slow.await.expect("told");
    fast.await.expect("told");
    tell(&gateway, third).await.expect("told");

    let told = || heard.all();
    eventually("the last one is heard of", || told().contains(&third.to_string())).await;
    assert_eq!(
        told(),
        [first, second, third].map(|user| user.to_string()),
        "somebody was overtaken and never heard of"
    );
}
