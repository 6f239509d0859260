//! What agents send.

use schemars::JsonSchema;
use serde::Deserialize;

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
pub struct CancelInvitation {
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
pub struct CutAgent {
    /// The organization this connection acts for, by slug or id `org_...`; may be left out, and can be no other.
    #[serde(default)]
    pub organization: Option<String>,
    /// The id of the agent `grt_...`, as `list_agents` shows it.
    pub agent: String,
}
