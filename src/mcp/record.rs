//! What goes on record about a call: who was let through or refused, and what came of it.

use std::sync::Arc;

use axum::http::request::Parts;
use belgie_api::Caller;
use belgie_api::web::RequestInfo;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, ServerResult};

use super::answer::CREDENTIAL_ENDED;
use crate::access::{ActionKind, Denial, Guard, Permit};
use crate::audit::{Asked, Full, Recorder, Underway};

/// Where the decisions about one message go.
#[derive(Clone, Default)]
pub(crate) struct Record {
    recorder: Recorder,
    request_id: Option<Arc<str>>,
}

impl Record {
    /// Of the message in this request.
    pub(crate) fn of(recorder: &Recorder, parts: &Parts) -> Self {
        let request_id = parts.extensions.get::<RequestInfo>().map(|info| Arc::clone(&info.id));
        Self { recorder: recorder.clone(), request_id }
    }

    /// Begins the entry of a call that was let through. Without one nothing may run.
    ///
    /// # Errors
    /// When it cannot be put on record.
    pub(crate) async fn begin(&self, permit: &Permit<'_>) -> Result<Underway, ErrorData> {
        let action = permit.action();
        let asked = self.asked(permit.caller(), action.kind(), action.name(), action.guard().fingerprint());
        let full = |Full| ErrorData::internal_error("This cannot be put on record, so it is not done.", None);
        self.recorder.begin(asked).await.map_err(full)
    }

    /// Notes that a caller was refused what stands behind a guard.
    pub(crate) async fn refused(&self, caller: &Caller, kind: ActionKind, name: &str, guard: &Guard, denial: &Denial) {
        self.recorder.refused(self.asked(caller, kind, name, guard.fingerprint()), denial.word()).await;
    }

    /// Notes that a caller asked for a tool that is not there.
    pub(crate) async fn unknown(&self, caller: &Caller, name: &str) {
        self.recorder.refused(self.asked(caller, ActionKind::CallTool, name, 0), "unknown").await;
    }

    fn asked<'a>(&'a self, caller: &'a Caller, kind: ActionKind, name: &'a str, rules: i64) -> Asked<'a> {
        Asked { caller, request_id: self.request_id.as_ref(), kind: kind.word(), name, rules }
    }
}

/// What came of a call.
pub(super) trait Outcome {
    /// The word for it on record.
    fn word(&self) -> &'static str;
}

impl Outcome for CallToolResponse {
    fn word(&self) -> &'static str {
        match self {
            Self::Complete(result) if result.is_error == Some(true) => "failed",
            _ => "done",
        }
    }
}

impl Outcome for ServerResult {
    fn word(&self) -> &'static str {
        match self {
            Self::CallToolResult(result) if result.is_error == Some(true) => "failed",
            _ => "done",
        }
    }
}

impl<T: Outcome> Outcome for Result<T, ErrorData> {
    fn word(&self) -> &'static str {
        match self {
            Ok(response) => response.word(),
            Err(error) if error.code == CREDENTIAL_ENDED => "cut_off",
            Err(_) => "error",
        }
    }
}
