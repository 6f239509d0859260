//! What agents send.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Which organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
}

/// Whose members.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMembers {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// Which fifty; 0 for the first.
    #[serde(default)]
    pub page: Option<u32>,
}

/// Whom to invite.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// The address of the person.
    pub email: String,
    /// What the person will be; `member` when nothing is said. Never `owner`.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// Whether an open invitation to the same address ends for this one.
    #[serde(default)]
    pub resend: Option<bool>,
    /// A team the person comes into as well, by slug or id `tea_...`; none when nothing is said.
    #[serde(default)]
    pub team: Option<String>,
}

/// Which invitation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichInvitation {
    /// Its id `inv_...`.
    pub invitation: String,
}

/// What a member is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMemberRoles {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// The member: the id `usr_...`, or the e-mail address.
    pub member: String,
    /// All roles of the member from now on. Never `owner`.
    pub roles: Vec<String>,
}

/// A member.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Somebody {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// The member: the id `usr_...`, or the e-mail address.
    pub member: String,
}

/// Which agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichAgent {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// The id of the agent `grt_...`, as `list_agents` shows it.
    pub agent: String,
}

/// What is to be left of an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NarrowAgent {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// The id of the agent `grt_...`, as `list_agents` shows it.
    pub agent: String,
    /// The scopes that are left; all it has when nothing is said.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The teams it acts for from then on, by slug or id `tea_...`; as now when nothing is said.
    #[serde(default)]
    pub teams: Option<Vec<String>>,
}

/// What is to be different.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOrganization {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// Another name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another picture: an https address; empty for none.
    #[serde(default)]
    pub logo_url: Option<String>,
    /// All of what applications keep with it: an object of at most 8 KiB, in place of what is there.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// A role of the organization's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeRole {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// Its name: a-z, 0-9, `_` and `-`.
    pub role: String,
    /// All it allows, as `resource:action`; `list_roles` shows what there is.
    pub permissions: Vec<String>,
}

/// Which role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteRole {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// Its name.
    pub role: String,
}

/// The service to prepare.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareService {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// What to call it.
    pub name: String,
    /// What it is to be; `member` when nothing is said. Never `owner`.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// What its token may be used for.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// How long it is to last: 7, 30, 90 or 365 days.
    #[serde(default)]
    pub days: Option<u32>,
}

/// Which service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndService {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// Its id `svc_...`, as `list_services` shows it.
    pub service: String,
}

/// Which part of the record.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRecord {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// Only acts and calls of this person: the id `usr_...`, or the address of a member.
    #[serde(default)]
    pub user: Option<String>,
    /// Only what came through this client, by its id.
    #[serde(default)]
    pub client: Option<String>,
    /// Only calls of this tool, prompt or resource.
    #[serde(default)]
    pub tool: Option<String>,
    /// Only `done`, `refused` or `failed`.
    #[serde(default)]
    pub result: Option<String>,
    /// Only entries of this type: `act` or `decision`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// From when on: RFC 3339, a day (2026-11-05), or how long ago (7d).
    #[serde(default)]
    pub since: Option<String>,
    /// Until when.
    #[serde(default)]
    pub until: Option<String>,
    /// Older ones: what `next` said.
    #[serde(default)]
    pub before: Option<String>,
    /// How many; 50 when nothing is said, 200 at most.
    #[serde(default)]
    pub limit: Option<u32>,
}
