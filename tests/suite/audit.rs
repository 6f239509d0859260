//! The record: decisions and acts, who reads them, how long they stay, and what other rules would make of them.

mod acts;
mod calls;
mod command_line;
mod following;
mod keeping;
mod reading;
mod refused;
mod searching;
mod simulate;
mod wrapped;

use belgie::audit::Archive;
use belgie_api::ports::{Audit, AuditFilter, AuditRecord, RecordKind, Stretch};

use crate::support::{PATIENCE, TestGateway};

/// Everything of a kind that is on record, oldest first.
async fn all(archive: &Archive, only: RecordKind) -> Vec<AuditRecord> {
    let wanted = AuditFilter { only: Some(only), ..AuditFilter::default() };
    archive.list(&wanted, Stretch::After(None, 10_000)).await.expect("the record").records
}

/// All decisions on record, oldest first.
async fn decisions(gateway: &TestGateway) -> Vec<AuditRecord> {
    all(gateway.gateway.archive(), RecordKind::Decision).await
}

/// Decisions in a few words: `tool.call echo allowed done`.
fn in_words(records: &[AuditRecord]) -> Vec<String> {
    let words = |record: &AuditRecord| {
        let (target, decision) = (record.target.as_deref(), record.decision.as_deref());
        format!("{} {} {} {}", record.action, target.unwrap_or("-"), decision.unwrap_or("-"), record.outcome)
    };
    records.iter().map(words).collect()
}

/// Waits until there are so many decisions on record, gaps not counted, and gives them. A call that is given up ends a moment after whoever
/// gave it up knows.
async fn decisions_once(gateway: &TestGateway, count: usize) -> Vec<AuditRecord> {
    let begin = std::time::Instant::now();
    loop {
        let found = decisions(gateway).await;
        if found.iter().filter(|entry| entry.kind == RecordKind::Decision).count() >= count {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{count} decisions are not on record: {:?}", in_words(&found));
        tokio::task::yield_now().await;
    }
}
