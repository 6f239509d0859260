//! What people see.

mod faces;
mod templates;

use belgie_api::axum::response::Response;
use belgie_api::web::Visitor;
use belgie_api::{Caller, Result};
use belgie_organization::{Actor, Details, permission};
use serde_json::json;

use self::faces::{in_words, member_row, organization_face, team_face, team_row};
pub use self::templates::templates;
use crate::model::member::Need;
use crate::service::{PAGE, TeamDetails, TeamMemberInfo, TeamPage, Teams};

const LIST: &str = "team/list.html";
const NEW: &str = "team/new.html";
const ONE: &str = "team/one.html";
const MEMBER: &str = "team/member.html";
const SETTINGS: &str = "team/settings.html";
const CONFIRM: &str = "team/confirm.html";

/// What a page says besides what it shows.
#[derive(Default)]
pub struct Told<'a> {
    /// What has been done.
    pub notice: Option<&'static str>,
    /// What is wrong with the form.
    pub error: Option<&'a str>,
    /// The address in the form that was not taken.
    pub email: &'a str,
    /// Which fifty members.
    pub page: u32,
}

/// The path of the teams of an organization.
pub fn home(details: &Details) -> String {
    format!("/organizations/{}/teams", details.organization.slug)
}

/// The teams of an organization.
///
/// # Errors
/// When the page cannot be rendered.
pub fn list(
    teams: &Teams,
    visitor: &Visitor,
    details: &Details,
    (found, page): (&TeamPage, u32),
    notice: Option<&'static str>,
) -> Result<Response> {
    let context = json!({
        "organization": organization_face(details),
        "notice": notice,
        "teams": found.teams.iter().map(|info| team_row(details, info)).collect::<Vec<_>>(),
        "may_create": details.powers.may(permission::TEAM_CREATE),
        "next": found.has_more.then(|| format!("{}?page={}", home(details), page + 1)),
        "first": (page > 0).then(|| home(details)),
    });
    teams.host().pages().page(visitor, LIST, "Teams", context)
}

/// The form for a new team.
///
/// # Errors
/// When the page cannot be rendered.
pub fn new(
    teams: &Teams,
    visitor: &Visitor,
    details: &Details,
    (name, slug): (&str, &str),
    error: Option<&str>,
) -> Result<Response> {
    let context = json!({
        "organization": organization_face(details),
        "name": name,
        "slug": slug,
        "base": teams.host().urls().absolute(&format!("{}/", home(details))),
        "error": error,
    });
    teams.host().pages().page(visitor, NEW, "A new team", context)
}

/// One team.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn one(
    teams: &Teams,
    visitor: &Visitor,
    caller: &Caller,
    (details, team): (&Details, &TeamDetails),
    told: Told<'_>,
) -> Result<Response> {
    let may = |need| team.powers.may(need);
    let members = if may(Need::Seeing) {
        teams.members(&Actor::caller(caller), team.team.id, told.page).await?
    } else {
        Vec::new()
    };
    let here = format!("{}/{}", home(details), team.team.slug);
    let shown_until = (i64::from(told.page) + 1) * i64::from(PAGE);
    let context = json!({
        "organization": organization_face(details),
        "team": team_face(details, &team.team),
        "member_count": team.member_count,
        "my_roles": team.powers.roles.as_ref().map(in_words),
        "notice": told.notice,
        "error": told.error,
        "email": told.email,
        "members": members.iter().map(|info| member_row(info, &here, caller)).collect::<Vec<_>>(),
        "next": (may(Need::Seeing) && team.member_count > shown_until).then(|| format!("{here}?page={}", told.page + 1)),
        "first": (told.page > 0).then_some(&here),
        "may_see_members": may(Need::Seeing),
        "may_change_members": may(Need::Members),
        "may_update": may(Need::Update),
        "may_delete": may(Need::Delete),
    });
    teams.host().pages().page(visitor, ONE, &team.team.name, context)
}

/// One member of a team, and what can be done about them. `roles`: what a form said that was not taken.
///
/// # Errors
/// When the page cannot be rendered.
pub fn member(
    teams: &Teams,
    visitor: &Visitor,
    (details, team, info): (&Details, &TeamDetails, &TeamMemberInfo),
    roles: Option<&str>,
    error: Option<&str>,
) -> Result<Response> {
    let here = format!("{}/{}", home(details), team.team.slug);
    let context = json!({
        "organization": organization_face(details),
        "team": team_face(details, &team.team),
        "member": {
            "name": info.name,
            "email": info.email,
            "href": format!("{here}/members/{}", info.member.user_id),
            "roles": info.member.roles,
            "joined_at": info.member.joined_at.day(),
            "joined_at_iso": info.member.joined_at,
        },
        "roles": roles.map_or_else(|| in_words(&info.member.roles), str::to_owned),
        "may_change": team.powers.may(Need::Members),
        "error": error,
    });
    let title = if info.name.is_empty() { &info.email } else { &info.name };
    teams.host().pages().page(visitor, MEMBER, title, context)
}

/// The name of a team.
///
/// # Errors
/// When the page cannot be rendered.
pub fn settings(
    teams: &Teams,
    visitor: &Visitor,
    (details, team): (&Details, &TeamDetails),
    name: &str,
    error: Option<&str>,
) -> Result<Response> {
    let context = json!({
        "organization": organization_face(details),
        "team": team_face(details, &team.team),
        "name": name,
        "error": error,
    });
    teams.host().pages().page(visitor, SETTINGS, "Rename the team", context)
}

/// What is asked before it is done.
#[derive(Clone, Copy)]
pub enum Question {
    /// Leaving.
    Leave,
    /// Deleting the team.
    Delete,
}

/// Asks before it is done.
///
/// # Errors
/// When the page cannot be rendered.
pub fn confirm(
    teams: &Teams,
    visitor: &Visitor,
    (details, team): (&Details, &TeamDetails),
    question: Question,
    error: Option<&str>,
) -> Result<Response> {
    let kind = match question {
        Question::Leave => "leave",
        Question::Delete => "delete",
    };
    let context = json!({
        "organization": organization_face(details),
        "team": team_face(details, &team.team),
        "kind": kind,
        "error": error,
    });
    teams.host().pages().page(visitor, CONFIRM, "Are you sure?", context)
}
