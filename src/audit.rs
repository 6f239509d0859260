//! The record: who did what to whom, through which client, and what came of it; and every decision about a call.
//!
//! Acts are written in the transaction that does them. Decisions wait in memory for a moment and are written many at a
//! time, beside the calls and not within them.

mod archive;
mod batch;
mod kept_caller;
mod reading;
mod recorder;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::db::Tx;
use belgie_api::ports::{Audit, AuditEntry};
use belgie_api::{AuditId, ClientId, Clock, Entropy, Result};
use serde_json::{Value, json};

pub use self::archive::{Archive, ArchiveParts, Retention};
pub use self::batch::DecisionRow;
pub use self::kept_caller::{KeptCaller, KeptOrganization, KeptPlan, KeptService, KeptTeam};
pub use self::reading::{DecisionGroup, latest};
pub use self::recorder::{Asked, Full, Recorder, RecorderSettings, Underway};
pub use self::writer::FLUSH_EVERY;
use crate::store::audit;

/// The longest details of an act, in bytes of JSON. Entries stay for as long as the record does, so nobody may fill it.
const LONGEST_DETAILS: usize = 2048;

/// The record of acts in the database, for whoever only writes.
#[derive(Clone)]
pub struct AuditLog {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl AuditLog {
    /// Puts it together.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }
}

#[async_trait]
impl Audit for AuditLog {
    async fn record(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
        record(tx, (self.clock.as_ref(), self.entropy.as_ref()), entry).await
    }
}

/// The member of details that says who acts for whom.
const ACTORS: &str = "actors";

/// Puts an act on record: the one way to do so.
///
/// # Errors
/// When the database does not answer.
pub async fn record(tx: &mut Tx, (clock, entropy): (&dyn Clock, &dyn Entropy), entry: &AuditEntry) -> Result<()> {
    let (id, now) = (AuditId::new(clock, entropy), clock.now());
    let is_long = entry.details.to_string().len() > LONGEST_DETAILS;
    if !is_long && entry.actors.is_empty() && entry.details.get(ACTORS).is_none() {
        return audit::insert(tx, id, now, entry).await;
    }
    // The act stands all the same: a long text is no way to stay off the record.
    let details = if is_long { without_long_values(&entry.details) } else { entry.details.clone() };
    let details = signed(details, &entry.actors);
    audit::insert(tx, id, now, &AuditEntry { details, ..entry.clone() }).await
}

/// Details with who acts for whom, which nobody but the record itself says.
fn signed(details: Value, actors: &[ClientId]) -> Value {
    let mut members = match details {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    members.remove(ACTORS);
    if !actors.is_empty() {
        members.insert(ACTORS.to_owned(), json!(actors));
    }
    Value::Object(members)
}

/// Details whose long values have made way, with everything else that they say.
fn without_long_values(details: &Value) -> Value {
    let is_long = |value: &Value| value.to_string().len() > LONGEST_DETAILS / 8;
    match details {
        Value::Object(members) if members.len() <= 16 => {
            let cut = |value: &Value| if is_long(value) { json!("cut") } else { value.clone() };
            members.iter().map(|(name, value)| (name.clone(), cut(value))).collect()
        }
        _ => json!({ "cut": true }),
    }
}
