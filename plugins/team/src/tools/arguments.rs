//! What agents send.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which team.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// A team of the organization this connection acts for, by slug or id `tea_...`.
    pub team: String,
}

/// Which page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichPage {
    /// Which fifty; 0 for the first.
    #[serde(default)]
    pub page: Option<u32>,
}

/// Whose members.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTeamMembers {
    /// A team of the organization this connection acts for, by slug or id `tea_...`.
    pub team: String,
    /// Which fifty; 0 for the first.
    #[serde(default)]
    pub page: Option<u32>,
}

/// A team to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTeam {
    /// What people will call it.
    pub name: String,
    /// Its name in URLs and rules, for good; without one it follows from the name.
    #[serde(default)]
    pub slug: Option<String>,
}

/// Another name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameTeam {
    /// A team of the organization this connection acts for, by slug or id `tea_...`.
    pub team: String,
    /// What people will call it.
    pub name: String,
}

/// Who is to be what in a team.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddTeamMember {
    /// A team of the organization this connection acts for, by slug or id `tea_...`.
    pub team: String,
    /// The person: the id `usr_...`, or the e-mail address.
    pub member: String,
    /// All roles of the person in the team: `lead`, `member`, or words of your own; `member` when nothing is said.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
}

/// A member.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Somebody {
    /// A team of the organization this connection acts for, by slug or id `tea_...`.
    pub team: String,
    /// The member: the id `usr_...`, or the e-mail address.
    pub member: String,
}
