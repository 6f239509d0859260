//! A call that is prevented when it has begun all the same. Through the front door nobody comes between the two on SQLite, which
//! has one writer; `tests/suite/stripe/meter.rs` does on Postgres.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::clock::SystemClock;
use belgie_api::db::{Db, Pools};
use belgie_api::entropy::SystemEntropy;
use belgie_api::event::Bus;
use belgie_api::plugin::Plugin;
use belgie_api::ports::Level;
use belgie_api::{ClientId, Clock, MeteredId, Timestamp, UserId, on};
use sqlx::sqlite::SqlitePoolOptions;

use super::{New, commit, prevent, reserve};
use crate::model::meter::{Entry, Place, Share, write_levels};
use crate::model::subject::Columns;

const SHARE: &str = "SELECT used, reserved FROM stripe_meter_usage";
const OVER: &str = "SELECT note FROM stripe_meter_calls WHERE released_at IS NOT NULL AND lease_until IS NULL";

/// One connection: whatever is in memory is gone with it.
async fn database() -> Db {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    crate::Stripe::default().migrations().unwrap().sqlite.run(&pool).await.unwrap();
    Db::new(Pools::Sqlite { readers: pool.clone(), writer: pool }, Arc::new(Bus::default()))
}

fn entry(now: Timestamp) -> Entry {
    let subject = Columns {
        subject_kind: "user".to_owned(),
        subject_id: UserId::new(&SystemClock, &SystemEntropy).uuid(),
        organization_id: None,
    };
    let shares = vec![Share { level: Level::Plan, id: String::new(), limit: Some(10) }];
    let place = Place { subject, meter: "exports".to_owned(), period_start: now };
    Entry { id: MeteredId::new(&SystemClock, &SystemEntropy), place, units: 3, shares }
}

/// What of the share is used, and what is set aside.
async fn share(db: &Db) -> (i64, i64) {
    let mut conn = db.read().await.unwrap();
    on!(&mut conn, c => sqlx::query_as::<_, (i64, i64)>(SHARE).fetch_one(c).await).unwrap()
}

/// The notes of calls whose units were given back.
async fn over(db: &Db) -> Vec<String> {
    let mut conn = db.read().await.unwrap();
    on!(&mut conn, c => sqlx::query_scalar::<_, String>(OVER).fetch_all(c).await).unwrap()
}

#[tokio::test]
async fn a_call_that_began_before_it_was_prevented_gives_its_units_back() {
    let (db, now) = (database().await, SystemClock.now());
    let (user, client) = (UserId::new(&SystemClock, &SystemEntropy), ClientId::from_wire("cli_x"));
    let begin = async |entry: &Entry| {
        let new = New {
            entry,
            name: "echo",
            user,
            client: &client,
            levels: &write_levels(&entry.shares).unwrap(),
            event_name: None,
            lease_until: now.plus(Duration::from_secs(60)),
        };
        reserve(&mut db.single().await.unwrap(), new, now).await
    };
    let stop = async |entry: &Entry| {
        prevent(&mut db.single().await.unwrap(), (entry, "echo", (user, &client)), now, "cut off").await
    };
    let begun = entry(now);
    assert!(begin(&begun).await.unwrap().is_some());
    assert_eq!(share(&db).await, (0, 3));
    stop(&begun).await.unwrap();
    assert_eq!((share(&db).await, over(&db).await), ((0, 0), vec!["cut off".to_owned()]));
    assert!(commit(&mut db.single().await.unwrap(), begun.id, now, now).await.unwrap().is_none(), "it is over");
    // Twice gives nothing back twice, and what has succeeded stays as it is.
    stop(&begun).await.unwrap();
    assert_eq!(share(&db).await, (0, 0));
    let done = Entry { id: MeteredId::new(&SystemClock, &SystemEntropy), ..begun.clone() };
    begin(&done).await.unwrap().unwrap();
    commit(&mut db.single().await.unwrap(), done.id, now, now).await.unwrap().unwrap();
    stop(&done).await.unwrap();
    assert_eq!((share(&db).await, over(&db).await.len()), ((3, 0), 1));
    // The other way round the call does not begin.
    let late = Entry { id: MeteredId::new(&SystemClock, &SystemEntropy), ..begun };
    stop(&late).await.unwrap();
    assert!(begin(&late).await.is_err(), "there is one row of its id");
    assert_eq!(share(&db).await, (3, 0));
}
