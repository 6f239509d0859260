//! The record: how it is kept as the operator wants it.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::db::Db;
use belgie_api::{Clock, Entropy};

use crate::audit::{Archive, ArchiveParts, FLUSH_EVERY, Recorder, RecorderSettings, Retention};
use crate::config::{Config, Decisions, OnFull};
use crate::tasks::Tasks;

/// How long a call waits for room on record.
const PATIENCE: Duration = Duration::from_secs(5);

const PURGE_EVERY: Duration = Duration::from_secs(600);

/// The record.
pub fn archive(config: &Config, db: &Db, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Archive {
    let settings = &config.audit;
    let recorder = match settings.decisions {
        Decisions::Off => Recorder::off(),
        kept => Recorder::new(
            RecorderSettings {
                keeps_allowed: kept == Decisions::All,
                may_lose: settings.on_full == OnFull::Drop,
                capacity: settings.queue_entries,
                patience: PATIENCE,
            },
            Arc::clone(clock),
        ),
    };
    let retention = Retention { decisions: settings.keep_decisions, acts: settings.keep_acts };
    let (db, clock, entropy) = (db.clone(), Arc::clone(clock), Arc::clone(entropy));
    let search_batches = settings.search_batches;
    Archive::new(ArchiveParts { db, clock, entropy, recorder, retention, search_batches })
}

/// Writes what waits, and takes away what is too old, until the shutdown.
pub fn keep(tasks: &Tasks, archive: &Archive) {
    let kept = archive.clone();
    tasks.every("audit.purge", PURGE_EVERY, move || {
        let archive = kept.clone();
        async move { archive.purge().await }
    });
    if let Some(bell) = archive.recorder().bell() {
        tasks.when_called("audit", bell, FLUSH_EVERY, archive.clone(), |archive| {
            Box::pin(async {
                archive.flush_patiently().await;
                Ok(())
            })
        });
    }
}
