//! Which part of the record somebody asks for, as the query of an address says it.

use belgie_api::ports::{AuditFilter, AuditResult, Cursor, Place, RecordKind, read_moment};
use belgie_api::{ClientId, Failure, OrgId, Result};
use serde::Deserialize;

use super::Organizations;
use crate::actor::Actor;

/// The query. What is empty asks for nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// A member's address, or the id of an account.
    #[serde(default)]
    pub user: String,
    /// A client's id.
    #[serde(default)]
    pub client: String,
    /// A tool, prompt or resource.
    #[serde(default)]
    pub tool: String,
    /// `done`, `refused` or `failed`.
    #[serde(default)]
    pub result: String,
    /// `act` or `decision`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// From when on.
    #[serde(default)]
    pub since: String,
    /// Until when.
    #[serde(default)]
    pub until: String,
    /// Older than this place.
    #[serde(default)]
    pub before: String,
    /// In the order of writing, behind the entry of this id.
    #[serde(default)]
    pub after: String,
    /// How many.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `json` or `jsonl`.
    #[serde(default)]
    pub format: String,
}

impl Sought {
    /// What it asks for of an organization.
    ///
    /// # Errors
    /// 400 for what cannot be read, 404 for an address that is no member's.
    pub async fn read(&self, organizations: &Organizations, actor: &Actor, id: OrgId) -> Result<AuditFilter> {
        let moment = |key: &str, text: &str| match given(text) {
            None => Ok(None),
            Some(text) => read_moment(text, organizations.now()).map(Some).ok_or_else(|| unreadable(key)),
        };
        let user = match given(&self.user).map(|text| (text, text.parse())) {
            None => None,
            Some((_, Ok(user))) => Some(user),
            Some((text, Err(_))) => Some(organizations.member_named(actor, id, text).await?),
        };
        let only = match self.kind.as_str() {
            "" => None,
            "act" => Some(RecordKind::Act),
            "decision" => Some(RecordKind::Decision),
            _ => return Err(unreadable("type")),
        };
        Ok(AuditFilter {
            organization: Some(id),
            user,
            client: given(&self.client).map(ClientId::from_wire),
            grant: None,
            name: given(&self.tool).map(str::to_owned),
            only,
            result: self.result.parse::<AuditResult>().map_err(|()| unreadable("result"))?,
            since: moment("since", &self.since)?,
            until: moment("until", &self.until)?,
        })
    }

    /// Where to go on.
    ///
    /// # Errors
    /// 400 when it is no place.
    pub fn place(&self) -> Result<Option<Place>> {
        given(&self.before).map(|text| text.parse().map_err(|()| unreadable("before"))).transpose()
    }
}

impl Sought {
    /// Where to go on in the order of writing, when that is what is asked for.
    ///
    /// # Errors
    /// 400 when it is no place.
    pub fn cursor(&self) -> Result<Option<Cursor>> {
        given(&self.after).map(|text| text.parse().map_err(|()| unreadable("after"))).transpose()
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn unreadable(key: &str) -> Failure {
    Failure::bad_request("invalid_request", format!("`{key}` cannot be read.")).hint(
        "Write moments as 2026-11-05, in RFC 3339 or as 7d; result is done, refused or failed; type is act or decision.",
    )
}
