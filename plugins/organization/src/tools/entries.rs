//! Entries of the record, as agents get them.

use belgie_api::ports::{AuditRecord, RecordKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A page of the record.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordPage {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// What to give as `before` for older ones; null when there are none. A page can be short, or empty, and still have one:
    /// then what is older was not looked through yet.
    pub next: Option<String>,
}

/// An entry.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// `act`, `decision`, or `gap` where entries are missing.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id, `aud_...` or `dec_...`.
    id: String,
    /// When (RFC 3339).
    at: String,
    /// Whose act or call it was, `usr_...`; null for a service and for the host.
    actor: Option<String>,
    /// The service whose act or call it was, `svc_...`.
    service: Option<String>,
    /// What the service was called then.
    service_name: Option<String>,
    /// The operator who wore the person's session.
    impersonator: Option<String>,
    /// Through which client; `web` for the pages.
    client: Option<String>,
    /// What the client called itself.
    client_name: Option<String>,
    /// What was done: `organization.invited`, `tool.call`.
    action: String,
    /// To whom or what: an id, or the name of a tool.
    target: Option<String>,
    /// Of a call: `allowed`, or why not.
    decision: Option<String>,
    /// What came of it: `done`, `refused`, `failed`, `error`, `cut_off`, `lost`.
    outcome: String,
    /// How long a call took, in microseconds.
    took_us: Option<i64>,
    /// In which request.
    request_id: Option<String>,
    /// What else there is to an act; of a refused one, `code` says why.
    details: Value,
}

impl From<AuditRecord> for Entry {
    fn from(record: AuditRecord) -> Self {
        let (service, service_name) = record.service.map(|own| (own.id.to_string(), own.name)).unzip();
        Self {
            kind: match record.kind {
                RecordKind::Act => "act",
                RecordKind::Decision => "decision",
                RecordKind::Gap => "gap",
            },
            id: record.id,
            at: record.at.to_string(),
            actor: record.actor.map(|user| user.to_string()),
            service,
            service_name,
            impersonator: record.impersonator.map(|user| user.to_string()),
            client: record.client.map(|client| client.to_string()),
            client_name: record.client_name,
            action: record.action,
            target: record.target,
            decision: record.decision,
            outcome: record.outcome,
            took_us: record.took_us,
            request_id: record.request_id,
            details: record.details,
        }
    }
}
