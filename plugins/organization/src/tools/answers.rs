//! What agents get.

use belgie_api::plugin::{Narrowed, ToolUse};
use belgie_api::ports::Service;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::invitation::Invitation;
use crate::model::member::Membership;
use crate::model::role::Roles;
use crate::service::{AgentDetails, AgentInfo, Details, MemberInfo, RoleInfo, TeamChoice};

fn names(roles: &Roles) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

/// The organizations of a person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrganizationList {
    /// By name.
    organizations: Vec<Listed>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
struct Listed {
    /// Its id, `org_...`.
    id: String,
    /// Its name in URLs.
    slug: String,
    /// What people call it.
    name: String,
    /// What the person, or the service, is in it.
    roles: Vec<String>,
    /// Since when (RFC 3339); null for a service.
    joined_at: Option<String>,
}

impl OrganizationList {
    /// As an agent sees them.
    pub fn of(memberships: &[Membership]) -> Self {
        let listed = memberships.iter().map(|membership| Listed {
            id: membership.organization_id.to_string(),
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            roles: names(&membership.roles),
            joined_at: Some(membership.joined_at.to_string()),
        });
        Self { organizations: listed.collect() }
    }

    /// As a service sees the one it belongs to.
    pub fn of_service(Details { organization, powers, .. }: Details) -> Self {
        let own = Listed {
            id: organization.id.to_string(),
            slug: organization.slug,
            name: organization.name,
            roles: names(&powers.roles),
            joined_at: None,
        };
        Self { organizations: vec![own] }
    }
}

/// One organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrganizationAnswer {
    /// Its id, `org_...`.
    id: String,
    /// Its name in URLs.
    slug: String,
    /// What people call it.
    name: String,
    /// A picture, if it has one.
    logo_url: Option<String>,
    /// What the person is in it.
    roles: Vec<String>,
    /// What the roles allow, as `resource:action`.
    permissions: Vec<String>,
    /// What applications keep with it.
    metadata: Map<String, Value>,
    /// How many members it has.
    member_count: i64,
    /// When it was made (RFC 3339).
    created_at: String,
}

impl From<Details> for OrganizationAnswer {
    fn from(Details { organization, powers, members }: Details) -> Self {
        Self {
            id: organization.id.to_string(),
            slug: organization.slug,
            name: organization.name,
            logo_url: organization.logo_url,
            roles: names(&powers.roles),
            permissions: powers.permissions.into_iter().collect(),
            metadata: serde_json::from_value(organization.metadata).unwrap_or_default(),
            member_count: members,
            created_at: organization.created_at.to_string(),
        }
    }
}

/// Members of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MemberList {
    /// The longest there first, fifty at most.
    pub members: Vec<MemberAnswer>,
}

/// One member.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MemberAnswer {
    /// The id of the person, `usr_...`.
    id: String,
    /// The address.
    email: String,
    /// The name; may be empty.
    name: String,
    /// What the person is in the organization.
    roles: Vec<String>,
    /// Since when (RFC 3339).
    joined_at: String,
}

impl From<MemberInfo> for MemberAnswer {
    fn from(MemberInfo { member, email, name }: MemberInfo) -> Self {
        let (id, joined_at) = (member.user_id.to_string(), member.joined_at.to_string());
        Self { id, email, name, roles: names(&member.roles), joined_at }
    }
}

/// Invitations of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InvitationList {
    /// The newest first.
    pub invitations: Vec<InvitationAnswer>,
}

/// One invitation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InvitationAnswer {
    /// Its id, `inv_...`.
    id: String,
    /// The address it was sent to.
    email: String,
    /// What the person will be.
    roles: Vec<String>,
    /// The team the person comes into as well, `tea_...`.
    team_id: Option<String>,
    /// When it was sent (RFC 3339).
    created_at: String,
    /// Until when it can be accepted (RFC 3339).
    expires_at: String,
}

impl From<&Invitation> for InvitationAnswer {
    fn from(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.clone(),
            roles: names(&invitation.roles),
            team_id: invitation.team_id.map(|team| team.to_string()),
            created_at: invitation.created_at.to_string(),
            expires_at: invitation.expires_at.to_string(),
        }
    }
}

/// It was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    /// Always true.
    pub done: bool,
}

/// What acts for members in an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AgentList {
    /// The newest first, fifty at most.
    pub agents: Vec<AgentAnswer>,
    /// Whether there is another page.
    pub has_more: bool,
}

/// One agent or token.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AgentAnswer {
    /// Its id, `grt_...`.
    id: String,
    /// `agent` for a connected agent, `token` for a personal access token.
    kind: &'static str,
    /// What the agent calls itself, or what the member called the token.
    client_name: String,
    /// The host that vouches for the agent, if one does.
    client_host: Option<String>,
    /// The id of the member, `usr_...`.
    member: String,
    /// The address of the member; null for whoever lacks `member:read`.
    email: Option<String>,
    /// What it may do.
    scopes: Vec<String>,
    /// The teams it is bound to and still acts for; null, and every team of the member counts.
    teams: Option<Vec<String>>,
    /// When it was allowed (RFC 3339).
    created_at: String,
    /// When it was last seen (RFC 3339), to the minute.
    last_used_at: Option<String>,
}

impl From<AgentInfo> for AgentAnswer {
    fn from(agent: AgentInfo) -> Self {
        Self {
            id: agent.id,
            kind: if agent.is_token { "token" } else { "agent" },
            client_name: agent.client_name,
            client_host: agent.client_host,
            member: agent.user_id.to_string(),
            email: agent.email,
            scopes: agent.scopes.iter().map(ToString::to_string).collect(),
            teams: agent.teams,
            created_at: agent.created_at.to_string(),
            last_used_at: agent.last_used_at.map(|last| last.to_string()),
        }
    }
}

/// One agent or token, closely.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AgentDetailsAnswer {
    /// As `list_agents` shows it.
    agent: AgentAnswer,
    /// The teams it acts for; none for whoever lacks `team:update`.
    teams: Vec<TeamChoiceAnswer>,
    /// The tools it has used in the organization in thirty days, the last first.
    tools: Vec<ToolUseAnswer>,
}

/// A team it can be taken from.
#[derive(Debug, Serialize, JsonSchema)]
struct TeamChoiceAnswer {
    /// Its id, `tea_...`.
    id: String,
    /// What people call it.
    name: String,
}

/// A tool it has used.
#[derive(Debug, Serialize, JsonSchema)]
struct ToolUseAnswer {
    /// Its name.
    name: String,
    /// The agents that called it for this one, by name; empty where it called the tool itself.
    by: Vec<String>,
    /// How often, among the calls that were looked at.
    calls: usize,
    /// When last (RFC 3339).
    last: String,
}

impl From<AgentDetails> for AgentDetailsAnswer {
    fn from(AgentDetails { agent, teams, tools }: AgentDetails) -> Self {
        let team = |team: TeamChoice| TeamChoiceAnswer { id: team.id.to_string(), name: team.name };
        let tool = |ToolUse { name, by, calls, last }| ToolUseAnswer { name, by, calls, last: last.to_string() };
        Self {
            agent: agent.into(),
            teams: teams.into_iter().map(team).collect(),
            tools: tools.into_iter().map(tool).collect(),
        }
    }
}

/// What has become of an agent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NarrowedAgent {
    /// What it may do.
    scopes: Vec<String>,
    /// What it may do no more.
    removed: Vec<String>,
    /// The teams it acts for, `tea_...`; none for all of its member's.
    teams: Vec<String>,
}

impl From<Narrowed> for NarrowedAgent {
    fn from(Narrowed { scopes, removed, teams }: Narrowed) -> Self {
        Self {
            scopes: scopes.iter().map(ToString::to_string).collect(),
            removed: removed.iter().map(ToString::to_string).collect(),
            teams: teams.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The roles of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RoleList {
    /// Owner, admin and member, then its own by name.
    pub roles: Vec<RoleAnswer>,
}

/// One role.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RoleAnswer {
    /// Its name.
    role: String,
    /// What it allows, as `resource:action`.
    permissions: Vec<String>,
    /// Whether every organization has it, and nobody can change it.
    is_built_in: bool,
}

impl From<RoleInfo> for RoleAnswer {
    fn from(RoleInfo { name, permissions, is_built_in }: RoleInfo) -> Self {
        Self { role: name.to_string(), permissions: permissions.into_iter().collect(), is_built_in }
    }
}

/// The services of an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ServiceList {
    /// Those in force, the newest first.
    pub services: Vec<ServiceAnswer>,
}

/// One service. Its token is known to nobody here.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ServiceAnswer {
    /// Its id, `svc_...`.
    id: String,
    /// What the organization calls it.
    name: String,
    /// What it is in the organization.
    roles: Vec<String>,
    /// What its token may be used for.
    scopes: Vec<String>,
    /// Who made it, `usr_...`; null for the operator, and when that account is gone.
    created_by: Option<String>,
    /// When it was made (RFC 3339).
    created_at: String,
    /// When its token was last seen (RFC 3339), to the minute.
    last_used_at: Option<String>,
    /// When it ends (RFC 3339).
    expires_at: String,
}

impl From<Service> for ServiceAnswer {
    fn from(service: Service) -> Self {
        Self {
            id: service.id.to_string(),
            name: service.name,
            roles: service.roles,
            scopes: service.scopes.iter().map(ToString::to_string).collect(),
            created_by: service.created_by.map(|user| user.to_string()),
            created_at: service.created_at.to_string(),
            last_used_at: service.last_used_at.map(|last| last.to_string()),
            expires_at: service.expires_at.to_string(),
        }
    }
}

/// Where a person makes it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PreparedService {
    /// A page of this site with the form filled in, for somebody who may make services: they confirm there that they are
    /// present, make it, and are shown the token once.
    pub link: String,
}
