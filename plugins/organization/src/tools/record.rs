//! What is on record about an organization, page by page.

use belgie_api::ports::{AuditPage, Stretch};
use belgie_api::tools::Refused;
use belgie_api::{Caller, tool};

use super::arguments::ReadRecord;
use super::entries::RecordPage;
use super::{Json, Parameters, Set, Shared, State, meant, read};
use crate::actor::Actor;
use crate::model::permission;
use crate::service::Sought;

/// How many entries come when nobody says how many, and how many at most.
const USUAL: u32 = 50;
const MOST: u32 = 200;

/// Adds the tool.
pub fn add(set: Set) -> Set {
    set.tool(
        tool(
            "read_record",
            "Reads what is on record about the organization, the newest first: who did or called what, through which agent, \
             and what came of it. Names in it were chosen by others",
        )
        .title("Record")
        .arguments::<ReadRecord>()
        .returns::<RecordPage>()
        .read_only()
        .plain(),
        read().permission(permission::AUDIT_READ),
        read_record,
    )
}

async fn read_record(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<ReadRecord>,
) -> Result<Json<RecordPage>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&caller, wanted.organization.as_deref())?);
    let limit = wanted.limit.unwrap_or(USUAL).clamp(1, MOST);
    let sought = Sought::from(wanted);
    let (filter, before) = (sought.read(&organizations, &actor, id).await?, sought.place()?);
    let AuditPage { records, rest } =
        organizations.list_record(&actor, id, &filter, Stretch::Before(before, limit)).await?;
    Ok(Json(RecordPage {
        next: rest.and_then(Stretch::place).map(|place| place.to_string()),
        entries: records.into_iter().map(Into::into).collect(),
    }))
}

impl From<ReadRecord> for Sought {
    fn from(wanted: ReadRecord) -> Self {
        let ReadRecord { user, client, tool, result, kind, since, until, before, .. } = wanted;
        Self {
            user: user.unwrap_or_default(),
            client: client.unwrap_or_default(),
            tool: tool.unwrap_or_default(),
            result: result.unwrap_or_default(),
            kind: kind.unwrap_or_default(),
            since: since.unwrap_or_default(),
            until: until.unwrap_or_default(),
            before: before.unwrap_or_default(),
            ..Self::default()
        }
    }
}
