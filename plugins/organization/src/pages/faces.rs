//! How organizations, members, invitations and roles look on pages, and the section of the account page.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::plugin::AccountSection;
use belgie_api::ports::TeamName;
use belgie_api::web::Visitor;
use belgie_api::{Caller, Result, Timestamp, async_trait};
use serde_json::{Value, json};

use super::SECTION;
use crate::actor::Actor;
use crate::model::invitation::Invitation;
use crate::model::member::{Membership, Powers, in_words};
use crate::model::organization::Organization;
use crate::service::{MemberInfo, Organizations, RoleInfo};

/// A picture that our pages may show: their policy lets in nothing from other hosts.
fn picture(logo: Option<&str>) -> Option<&str> {
    logo.filter(|logo| logo.starts_with("data:image/"))
}

fn initial(name: &str) -> String {
    name.trim().chars().next().map(|first| first.to_uppercase().collect()).unwrap_or_default()
}

/// An organization.
pub(super) fn face(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "href": format!("/organizations/{}", organization.slug),
        "initial": initial(&organization.name),
        "picture": picture(organization.logo_url.as_deref()),
        "created_at": organization.created_at.day(),
        "created_at_iso": organization.created_at,
    })
}

/// An organization in a list of somebody's.
pub(super) fn membership_row(membership: &Membership) -> Value {
    json!({
        "slug": membership.slug,
        "name": membership.name,
        "href": format!("/organizations/{}", membership.slug),
        "initial": initial(&membership.name),
        "picture": picture(membership.logo_url.as_deref()),
        "roles": in_words(&membership.roles),
        "joined_at": membership.joined_at.day(),
        "joined_at_iso": membership.joined_at,
    })
}

/// A member.
pub(super) fn member_row(info: &MemberInfo, slug: &str, caller: &Caller) -> Value {
    let name = if info.name.is_empty() { &info.email } else { &info.name };
    json!({
        "name": info.name,
        "email": info.email,
        "initial": initial(name),
        "href": format!("/organizations/{slug}/members/{}", info.member.user_id),
        "roles": info.member.roles,
        "is_me": info.member.user_id == caller.user().id,
        "joined_at": info.member.joined_at.day(),
        "joined_at_iso": info.member.joined_at,
    })
}

/// An open invitation.
pub(super) fn invitation_row(invitation: &Invitation, teams: &[TeamName], now: Timestamp) -> Value {
    let team = teams.iter().find(|team| invitation.team_id == Some(team.id));
    json!({
        "id": invitation.id,
        "email": invitation.email,
        "roles": in_words(&invitation.roles),
        "team": team.map(|team| &team.name),
        "sent": invitation.created_at.ago(now),
        "sent_iso": invitation.created_at,
        "expires": invitation.expires_at.day(),
        "expires_iso": invitation.expires_at,
    })
}

/// A role.
pub(super) fn role_row(role: &RoleInfo, slug: &str) -> Value {
    json!({
        "name": role.name,
        "is_built_in": role.is_built_in,
        "count": role.permissions.len(),
        "href": (!role.is_built_in).then(|| format!("/organizations/{slug}/roles/{}", role.name)),
    })
}

/// A team a form offers. `chosen`: the slug of the one that is chosen.
pub(super) fn team_offer(team: &TeamName, chosen: &str) -> Value {
    json!({ "slug": team.slug, "name": team.name, "is_chosen": team.slug == chosen })
}

/// The roles a form offers: what whoever looks can give, and what the member has.
pub(super) fn offers(roles: &[RoleInfo], powers: &Powers, chosen: &BTreeSet<String>) -> Vec<Value> {
    let can_give = |role: &RoleInfo| {
        let theirs = Powers { roles: [role.name.clone()].into(), permissions: role.permissions.clone() };
        powers.must_cover(&theirs).is_ok()
    };
    let shown = roles.iter().filter(|role| can_give(role) || chosen.contains(role.name.as_str()));
    shown
        .map(|role| json!({ "name": role.name, "is_chosen": chosen.contains(role.name.as_str()), "can_give": can_give(role) }))
        .collect()
}

/// The organizations, on the account page.
pub struct Section(pub Arc<Organizations>);

#[async_trait]
impl AccountSection for Section {
    fn id(&self) -> &'static str {
        "organizations"
    }

    fn title(&self) -> &'static str {
        "Organizations"
    }

    async fn render(&self, visitor: &Visitor) -> Result<String> {
        let Some(caller) = &visitor.caller else { return Ok(String::new()) };
        let mine = self.0.list_for(caller.user().id).await?;
        let invited = self.0.invitations_for_me(&Actor::caller(caller)).await?.len();
        let rows: Vec<Value> = mine.iter().map(membership_row).collect();
        let may_create = self.0.settings().allow_user_to_create_organization;
        let context = json!({ "organizations": rows, "invitations": invited, "may_create": may_create });
        self.0.host().pages().fragment(SECTION, context)
    }
}
