//! How teams and their members look on pages.

use belgie_api::Caller;
use belgie_organization::{Details, Roles};
use serde_json::{Value, json};

use super::home;
use crate::model::team::Team;
use crate::service::{TeamInfo, TeamMemberInfo};

fn initial(name: &str) -> String {
    name.trim().chars().next().map(|first| first.to_uppercase().collect()).unwrap_or_default()
}

/// Roles in one line.
pub(super) fn in_words(roles: &Roles) -> String {
    roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The organization of a team.
pub(super) fn organization_face(details: &Details) -> Value {
    let organization = &details.organization;
    json!({ "name": organization.name, "href": format!("/organizations/{}", organization.slug), "teams": home(details) })
}

/// A team.
pub(super) fn team_face(details: &Details, team: &Team) -> Value {
    json!({
        "id": team.id,
        "slug": team.slug,
        "name": team.name,
        "initial": initial(&team.name),
        "href": format!("{}/{}", home(details), team.slug),
        "created_at": team.created_at.day(),
        "created_at_iso": team.created_at,
    })
}

/// A team in the list.
pub(super) fn team_row(details: &Details, info: &TeamInfo) -> Value {
    json!({
        "team": team_face(details, &info.team),
        "member_count": info.member_count,
        "roles": info.roles.as_ref().map(in_words),
    })
}

/// A member.
pub(super) fn member_row(info: &TeamMemberInfo, here: &str, caller: &Caller) -> Value {
    let name = if info.name.is_empty() { &info.email } else { &info.name };
    json!({
        "name": info.name,
        "email": info.email,
        "initial": initial(name),
        "href": format!("{here}/members/{}", info.member.user_id),
        "roles": info.member.roles,
        "is_me": info.member.user_id == caller.user().id,
        "joined_at": info.member.joined_at.day(),
        "joined_at_iso": info.member.joined_at,
    })
}
