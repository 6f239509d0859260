//! What agents get.

use belgie_organization::Roles;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::team::Team;
use crate::service::{TeamInfo, TeamMemberInfo};

fn names(roles: &Roles) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

/// Teams of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamList {
    /// By name, fifty at most.
    pub teams: Vec<Listed>,
    /// Whether there is another page.
    pub has_more: bool,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listed {
    /// Its id, `tea_...`.
    id: String,
    /// Its name in URLs and rules.
    slug: String,
    /// What people call it.
    name: String,
    /// What the person is in it; null when they are not in it.
    roles: Option<Vec<String>>,
    /// How many are in it.
    member_count: i64,
}

impl From<TeamInfo> for Listed {
    fn from(TeamInfo { team, member_count, roles }: TeamInfo) -> Self {
        Self {
            id: team.id.to_string(),
            slug: team.slug,
            name: team.name,
            roles: roles.as_ref().map(names),
            member_count,
        }
    }
}

/// One team.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamAnswer {
    /// Its id, `tea_...`.
    id: String,
    /// Its name in URLs and rules.
    slug: String,
    /// What people call it.
    name: String,
    /// When it was made (RFC 3339).
    created_at: String,
}

impl From<Team> for TeamAnswer {
    fn from(team: Team) -> Self {
        Self { id: team.id.to_string(), slug: team.slug, name: team.name, created_at: team.created_at.to_string() }
    }
}

/// Members of a team.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamMemberList {
    /// The longest there first, fifty at most.
    pub members: Vec<TeamMemberAnswer>,
}

/// One member.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TeamMemberAnswer {
    /// The id of the person, `usr_...`.
    id: String,
    /// The address.
    email: String,
    /// The name; may be empty.
    name: String,
    /// What the person is in the team.
    roles: Vec<String>,
    /// Since when (RFC 3339).
    joined_at: String,
}

impl From<TeamMemberInfo> for TeamMemberAnswer {
    fn from(TeamMemberInfo { member, email, name }: TeamMemberInfo) -> Self {
        let (id, joined_at) = (member.user_id.to_string(), member.joined_at.to_string());
        Self { id, email, name, roles: names(&member.roles), joined_at }
    }
}

/// It was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    /// Always true.
    pub done: bool,
}
