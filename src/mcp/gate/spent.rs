//! A call that the rules allow and for which nothing is left: what is used up, when it begins anew, and the way to more.

use belgie_api::ports::UsedUp;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, ErrorCode};
use serde_json::json;

use super::denial::Asked;
use super::upgrade::{Said, lead};
use crate::mcp::counts::Spent;

/// Nothing is left of what the plan includes.
const SPENT: ErrorCode = ErrorCode(-32034);

/// A tool call for which nothing is left.
pub(crate) async fn refuse_spent(asked: &Asked<'_>, name: &str, spent: &Spent) -> Result<CallToolResponse, ErrorData> {
    let way_out = match spent {
        Spent::UsedUp(used_up) => used_up.way_out.as_ref(),
        Spent::TooFast { .. } => None,
    };
    lead(asked, way_out, &said(name, spent)).await
}

/// The same for any other request.
pub(super) fn as_error(spent: &Spent) -> ErrorData {
    let said = said("", spent);
    ErrorData::new(SPENT, said.reason, Some(said.more))
}

fn said(name: &str, spent: &Spent) -> Said {
    match spent {
        Spent::UsedUp(used_up) => {
            let UsedUp { meter, title, level, units, used, limit, resets_at, .. } = used_up.as_ref();
            let left = limit.saturating_sub(*used);
            let what = if name.is_empty() { "This".to_owned() } else { format!("The tool `{name}`") };
            let reason = format!(
                "{what} costs {units} of {title}, and {left} of {limit} are left for {level}. It begins anew at {resets_at}."
            );
            let more = json!({
                "meter": meter, "level": level, "units": units, "used": used, "limit": limit, "remaining": left,
                "resets_at": resets_at,
            });
            Said { code: "access.quota_exceeded", reason, more }
        }
        Spent::TooFast { per_minute, again_in } => {
            let seconds = again_in.as_secs() + 1;
            let reason = format!("The plan has {per_minute} calls in a minute. Call again in {seconds} s.");
            let more = json!({ "calls_per_minute": per_minute, "retry_after_seconds": seconds });
            Said { code: "access.rate_exceeded", reason, more }
        }
    }
}
