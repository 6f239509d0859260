//! How the record is kept: written by the end, held back or said to be missing when there is no room, never changed, and
//! taken away when it is too old.

use std::time::Duration;

use belgie::api::db::Pools;
use belgie_api::ports::{Audit, AuditEntry, AuditFilter, AuditRecord, RecordKind, Stretch};
use serde_json::json;

use super::{all, decisions, decisions_once, in_words};
use crate::on_both_engines;
use crate::support::{Connected, Setup, TestGateway};

const DAY: Duration = Duration::from_hours(24);

/// Runs a statement, and says whether the database took it.
async fn is_taken(gateway: &TestGateway, sql: &'static str) -> bool {
    match gateway.pools() {
        Pools::Sqlite { writer, .. } => sqlx::query(sql).execute(writer).await.is_ok(),
        Pools::Postgres(pool) => sqlx::query(sql).execute(pool).await.is_ok(),
    }
}

/// How many rows a query counts.
async fn count(gateway: &TestGateway, sql: &'static str) -> i64 {
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_one(readers).await.expect("a count"),
        Pools::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.expect("a count"),
    }
}

/// Begins a call that does not end by itself.
fn begin(ada: &Connected) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
    tokio::spawn(ada.modern().request("tools/call", json!({ "name": "brood", "arguments": {} })).send())
}

on_both_engines! {
    async fn what_ends_with_the_shutdown_is_written_before_the_database_is_closed(
        gateway: TestGateway,
        setup = Setup::default().with_probe()
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.call().await;
        let waiting = begin(&ada);
        gateway.probe.begun(1).await;
        let later = gateway.second_node().await;
        gateway.gateway.shutdown().await;
        gateway.probe.ended(1).await;
        let words = in_words(&all(later.archive(), RecordKind::Decision).await);
        assert_eq!(words, ["tool.call echo allowed done", "tool.call brood allowed cut_off"]);
        waiting.abort();
        later.shutdown().await;
    }
}

on_both_engines! {
    async fn a_call_waits_while_there_is_no_room_on_record(
        gateway: TestGateway,
        setup = Setup::default().with_probe().config("[audit]\nqueue_entries = 1")
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let first = begin(&ada);
        gateway.probe.begun(1).await;
        let second = tokio::spawn(ada.modern().request("tools/call", json!({ "name": "echo", "arguments": { "text": "a" } })).send());
        assert!(!second.is_finished());
        first.abort();
        let answer = second.await.expect("no panic").expect("an answer");
        assert!(answer.text().await.expect("a text").contains("\"a\""));
        let words = in_words(&decisions_once(&gateway, 2).await);
        assert_eq!(words, ["tool.call brood allowed cut_off", "tool.call echo allowed done"]);
    }
}

on_both_engines! {
    async fn what_finds_no_room_and_may_be_lost_leaves_a_gap(
        gateway: TestGateway,
        setup = Setup::default().with_probe().config("[audit]\nqueue_entries = 1\non_full = 'drop'")
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let first = begin(&ada);
        gateway.probe.begun(1).await;
        for _ in 0..3 {
            assert_eq!(ada.call().await.text(), "still here", "it runs all the same");
        }
        ada.modern().call("absent", json!({})).await;
        first.abort();
        gateway.probe.ended(1).await;
        let found = decisions_once(&gateway, 1).await;
        let lost: u64 = found
            .iter()
            .filter(|entry| entry.kind == RecordKind::Gap)
            .map(|gap| {
                assert_eq!((gap.outcome.as_str(), gap.actor, &gap.target), ("lost", None, &None));
                gap.details["lost"].as_u64().expect("a count")
            })
            .sum();
        assert_eq!(lost, 4, "{found:?}");
        let kept: Vec<_> = found.into_iter().filter(|entry| entry.kind == RecordKind::Decision).collect();
        assert_eq!(in_words(&kept), ["tool.call brood allowed cut_off"]);
        ada.call().await;
        assert!(in_words(&decisions(&gateway).await).contains(&"tool.call echo allowed done".to_owned()), "there is room again");
    }
}

on_both_engines! {
    async fn the_record_cannot_be_changed(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.call().await;
        let before = (decisions(&gateway).await, all(gateway.gateway.archive(), RecordKind::Act).await);
        assert!(!before.0.is_empty() && !before.1.is_empty());
        for sql in [
            "UPDATE core_decision_batches SET body = ''",
            "UPDATE core_decision_subjects SET subject = batch_id",
            "UPDATE core_decision_callers SET id = id",
            "UPDATE core_audit SET actor_id = NULL",
        ] {
            assert!(!is_taken(&gateway, sql).await, "{sql}");
        }
        assert_eq!((decisions(&gateway).await, all(gateway.gateway.archive(), RecordKind::Act).await), before);
    }
}

on_both_engines! {
    async fn what_is_too_old_is_taken_away(
        gateway: TestGateway,
        setup = Setup::default().config("[audit]\nretention_days = 7\nacts_retention_days = 30")
    ) {
        let archive = gateway.gateway.archive();
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.call().await;
        let acts = all(archive, RecordKind::Act).await.len();
        assert!(acts > 0);
        gateway.clock.advance(6 * DAY + Duration::from_mins(23 * 60 + 50));
        archive.purge().await.expect("tidied");
        assert_eq!(decisions(&gateway).await.len(), 1, "a week is not over");
        gateway.clock.advance(Duration::from_mins(20));
        let bob = Connected::new(&gateway, "bob@example.org").await;
        bob.call().await;
        archive.purge().await.expect("tidied");
        let left = decisions(&gateway).await;
        assert_eq!(left.iter().map(|entry| entry.actor).collect::<Vec<_>>(), [Some(bob.person.id)]);
        assert!(all(archive, RecordKind::Act).await.len() > acts, "acts stay longer");
        gateway.clock.advance(2 * DAY);
        archive.purge().await.expect("tidied");
        assert_eq!(count(&gateway, "SELECT COUNT(*) FROM core_decision_callers").await, 1, "what callers were goes with them");
        gateway.clock.advance(40 * DAY);
        archive.purge().await.expect("tidied");
        assert!(all(archive, RecordKind::Act).await.is_empty() && decisions(&gateway).await.is_empty());
    }
}

on_both_engines! {
    async fn acts_stay_for_good_unless_the_operator_says_otherwise(gateway: TestGateway) {
        let ada = gateway.person("ada@example.org").await;
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        host.audit().record(&mut tx, &AuditEntry::done("test.done").to(ada.id)).await.expect("on record");
        tx.commit(host.now()).await.expect("committed");
        gateway.clock.advance(1_000 * DAY);
        gateway.gateway.archive().purge().await.expect("tidied");
        assert_eq!(all(gateway.gateway.archive(), RecordKind::Act).await.len(), 1);
    }
}

on_both_engines! {
    async fn what_a_caller_was_is_kept_once_however_often_it_calls(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        for _ in 0..40 {
            ada.call().await;
        }
        assert_eq!(decisions(&gateway).await.len(), 40);
        let callers = count(&gateway, "SELECT COUNT(*) FROM core_decision_callers").await;
        assert!(callers <= 2, "{callers}: one, or two at midnight");
    }
}

on_both_engines! {
    async fn what_is_kept_together_is_read_in_its_order_however_it_is_asked_for(
        gateway: TestGateway,
        setup = Setup::default().with_probe().config("[plugins.oauth-server]\naccess_token_ttl_seconds = 86400")
    ) {
        let archive = gateway.gateway.archive();
        let people =
            [Connected::new(&gateway, "ada@example.org").await, Connected::new(&gateway, "bob@example.org").await];
        // Calls that begin before the others, in another hour, and end after some of them are written.
        let mut long = Vec::new();
        for round in 0..9_usize {
            if round % 3 == 0 {
                long.push(begin(&people[0]));
                gateway.probe.begun(long.len()).await;
            }
            for _ in 0..=round % 3 {
                people[round % 2].call().await;
                people[1].modern().call("absent", json!({})).await;
            }
            gateway.clock.advance(Duration::from_mins(17));
            if round % 2 == 0 {
                archive.flush().await.expect("written");
            }
        }
        for call in long {
            call.abort();
        }
        gateway.probe.ended(3).await;
        let whole = decisions_once(&gateway, 39).await;
        assert_eq!(whole.len(), 39);
        assert!(whole.is_sorted_by_key(AuditRecord::place));
        for user in [None, Some(people[0].person.id), Some(people[1].person.id)] {
            let own: Vec<&AuditRecord> =
                whole.iter().filter(|entry| user.is_none() || entry.actor == user).collect();
            assert!(own.len() > 9);
            for (since, until) in [(None, None), (Some(own[3].at), Some(own[own.len() - 3].at))] {
                let between = |entry: &&&AuditRecord| {
                    since.is_none_or(|since| entry.at >= since) && until.is_none_or(|until| entry.at < until)
                };
                let expected: Vec<AuditRecord> = own.iter().filter(between).map(|entry| (*entry).clone()).collect();
                let wanted = AuditFilter { only: Some(RecordKind::Decision), user, since, until, ..AuditFilter::default() };
                for size in [1, 4, 100] {
                    let (mut up, mut down) = (Vec::new(), Vec::new());
                    loop {
                        let place = up.last().and_then(AuditRecord::place);
                        let page = archive.list(&wanted, Stretch::After(place, size)).await.expect("a page");
                        up.extend(page.records);
                        if up.last().and_then(AuditRecord::place) == place {
                            break;
                        }
                    }
                    loop {
                        let place = down.last().and_then(AuditRecord::place);
                        let page = archive.list(&wanted, Stretch::Before(place, size)).await.expect("a page");
                        down.extend(page.records);
                        if down.last().and_then(AuditRecord::place) == place {
                            break;
                        }
                    }
                    down.reverse();
                    assert_eq!(up, expected, "{size} at a time, upwards");
                    assert_eq!(down, expected, "{size} at a time, downwards");
                }
            }
        }
        let ids: std::collections::BTreeSet<&str> = whole.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.len(), whole.len(), "each has an id of its own");
    }
}

on_both_engines! {
    async fn whoever_gives_up_the_writing_half_way_doubles_nothing(gateway: TestGateway) {
        let archive = gateway.gateway.archive();
        let ada = Connected::new(&gateway, "ada@example.org").await;
        for polls in 0..30 {
            ada.call().await;
            let mut writing = Box::pin(archive.flush());
            for _ in 0..polls {
                if futures::poll!(&mut writing).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let found = decisions(&gateway).await;
        assert_eq!(found.len(), 30, "{:?}", in_words(&found));
    }
}
