//! What comes and goes as JSON, in the spelling of this project and in that of scripts.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::web::json::OneOrSeveral;
use belgie_api::{InvitationId, OrgId, Result, ScopeSet, TeamId, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::model::invitation::{Invitation, InvitationStatus};
use crate::model::organization::{NewOrganization, Organization, OrganizationChanges};
use crate::model::refusal;
use crate::model::role::{Role, Roles, read_roles};
use crate::model::service::NewServiceToken;
use crate::service::ShownInvitation;

/// Tells `null` from nothing: `null` takes a thing away, nothing leaves it.
#[derive(Default)]
enum Wish {
    #[default]
    Keep,
    Clear,
    Set(String),
}

impl<'de> Deserialize<'de> for Wish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: String,
    #[serde(default)]
    slug: Option<String>,
    #[serde(default, alias = "logo_url", alias = "logoUrl")]
    logo: Option<String>,
    #[serde(default)]
    metadata: Option<Value>,
}

impl From<Create> for NewOrganization {
    fn from(body: Create) -> Self {
        Self { name: body.name, slug: body.slug, logo_url: body.logo, metadata: body.metadata }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slug {
    pub slug: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    slug: Option<String>,
    #[serde(default, alias = "logo_url", alias = "logoUrl")]
    logo: Wish,
    #[serde(default)]
    metadata: Option<Value>,
}

impl From<Update> for OrganizationChanges {
    fn from(body: Update) -> Self {
        let logo_url = match body.logo {
            Wish::Keep => None,
            Wish::Clear => Some(None),
            Wish::Set(logo) => Some(Some(logo)),
        };
        Self { name: body.name, slug: body.slug, logo_url, metadata: body.metadata }
    }
}

/// A member, by the id of the account or its address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Somebody {
    #[serde(alias = "user_id", alias = "userId", alias = "email")]
    pub member: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRoles {
    #[serde(alias = "user_id", alias = "userId", alias = "email")]
    pub member: String,
    #[serde(alias = "roles")]
    pub role: OneOrSeveral,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    pub email: String,
    #[serde(alias = "roles")]
    pub role: OneOrSeveral,
    #[serde(default)]
    pub resend: bool,
    #[serde(default, alias = "team_id", alias = "teamId")]
    pub team: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRole {
    pub name: Role,
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// Which page of a list that knows nothing else; from 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichPage {
    #[serde(default)]
    pub page: u32,
}

/// An agent, by its id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichAgent {
    pub agent: String,
}

/// An agent, and what is to be left of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NarrowAgent {
    pub agent: String,
    #[serde(default)]
    pub scopes: Option<ScopeSet>,
    #[serde(default)]
    pub teams: Option<BTreeSet<TeamId>>,
}

/// A service, by its id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichService {
    pub service: String,
}

/// A service that is to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewServiceBody {
    name: String,
    #[serde(default, alias = "roles")]
    role: Option<OneOrSeveral>,
    #[serde(default)]
    scope: String,
    #[serde(alias = "ttlSeconds")]
    ttl_seconds: u64,
}

impl NewServiceBody {
    /// What is wanted.
    ///
    /// # Errors
    /// 400 when a role or a scope is none.
    pub fn read(self) -> Result<NewServiceToken> {
        let roles = self.role.map_or_else(|| Ok([Role::member()].into()), |role| read_roles(role.all()))?;
        let scopes = self.scope.parse().map_err(|_| refusal::malformed_scope())?;
        Ok(NewServiceToken { name: self.name, roles, scopes, lifetime: Duration::from_secs(self.ttl_seconds) })
    }
}

/// Which page of a list; from 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default)]
    pub page: u32,
    #[serde(default)]
    pub all: bool,
}

/// An organization as its members see it.
#[derive(Serialize)]
pub struct ShownOrganization<'a> {
    id: OrgId,
    slug: &'a str,
    name: &'a str,
    logo: Option<&'a str>,
    metadata: &'a Value,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Organization> for ShownOrganization<'a> {
    fn from(organization: &'a Organization) -> Self {
        Self {
            id: organization.id,
            slug: &organization.slug,
            name: &organization.name,
            logo: organization.logo_url.as_deref(),
            metadata: &organization.metadata,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

/// An invitation as those who may see it do.
#[derive(Serialize)]
pub struct ShownBody<'a> {
    id: InvitationId,
    organization_id: OrgId,
    team_id: Option<TeamId>,
    email: &'a str,
    roles: &'a Roles,
    status: InvitationStatus,
    inviter_id: Option<UserId>,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(flatten)]
    recipient: Option<ForRecipient<'a>>,
}

#[derive(Serialize)]
struct ForRecipient<'a> {
    organization_name: &'a str,
    organization_slug: &'a str,
    inviter: Option<&'a str>,
    team: Option<&'a str>,
}

impl<'a> ShownBody<'a> {
    /// As members see it.
    pub fn of(invitation: &'a Invitation, now: Timestamp) -> Self {
        Self {
            id: invitation.id,
            organization_id: invitation.organization_id,
            team_id: invitation.team_id,
            email: &invitation.email,
            roles: &invitation.roles,
            status: invitation.status(now),
            inviter_id: invitation.inviter_id,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            recipient: None,
        }
    }

    /// As the recipient sees it.
    pub fn to_recipient(shown: &'a ShownInvitation, now: Timestamp) -> Self {
        let recipient = ForRecipient {
            organization_name: &shown.organization.name,
            organization_slug: &shown.organization.slug,
            inviter: shown.inviter.as_deref(),
            team: shown.team.as_ref().map(|team| team.name.as_str()),
        };
        Self { recipient: Some(recipient), ..Self::of(&shown.invitation, now) }
    }
}
