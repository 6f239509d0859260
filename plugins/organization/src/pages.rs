//! What people see.

mod faces;
mod machines;
mod one_agent;
mod record;
mod templates;

use std::collections::BTreeSet;

use belgie_api::axum::response::Response;
use belgie_api::plugin::ClientsOfOrganizations;
use belgie_api::ports::normalize_email;
use belgie_api::web::Visitor;
use belgie_api::{Caller, PlainToken, Result};
use serde_json::{Value, json};
use url::form_urlencoded;

pub use self::faces::Section;
use self::faces::{face, invitation_row, member_row, membership_row, offers, role_row, team_offer};
pub use self::machines::{ServiceForm, Services, agents, new_service, services};
pub use self::one_agent::agent;
pub use self::record::{Record, record};
pub use self::templates::templates;
use crate::actor::Actor;
use crate::model::member::in_words;
use crate::model::permission;
use crate::service::{Details, MemberInfo, Organizations, PAGE, ShownInvitation};

const LIST: &str = "organization/list.html";
const NEW: &str = "organization/new.html";
const ONE: &str = "organization/one.html";
const SETTINGS: &str = "organization/settings.html";
const MEMBER: &str = "organization/member.html";
const ROLE: &str = "organization/role.html";
const CONFIRM: &str = "organization/confirm.html";
const INVITATION: &str = "organization/invitation.html";
const SECTION: &str = "organization/section.html";

/// What a page says besides what it shows.
#[derive(Default)]
pub struct Told<'a> {
    /// What has been done.
    pub notice: Option<&'static str>,
    /// What is wrong with the form.
    pub error: Option<&'a str>,
    /// The address in the form that was not taken.
    pub email: &'a str,
    /// The team in it.
    pub team: &'a str,
    /// Which fifty members.
    pub page: u32,
}

/// The organizations of a person, and their invitations.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn list(
    organizations: &Organizations,
    visitor: &Visitor,
    caller: &Caller,
    notice: Option<&'static str>,
    error: Option<&str>,
) -> Result<Response> {
    let mine = organizations.list_for(caller.user().id).await?;
    let invitations = organizations.invitations_for_me(&Actor::caller(caller)).await?;
    let now = organizations.host().now();
    let context = json!({
        "notice": notice,
        "error": error,
        "organizations": mine.iter().map(membership_row).collect::<Vec<_>>(),
        "invitations": invitations.iter().map(|shown| invited(shown, now)).collect::<Vec<_>>(),
        "may_create": organizations.settings().allow_user_to_create_organization,
        "is_proven": caller.user().email_verified,
    });
    organizations.host().pages().page(visitor, LIST, "Your organizations", context)
}

fn invited(
    ShownInvitation { invitation, organization, inviter, team }: &ShownInvitation,
    now: belgie_api::Timestamp,
) -> Value {
    json!({
        "id": invitation.id,
        "organization": face(organization),
        "inviter": inviter,
        "roles": in_words(&invitation.roles),
        "team": team.as_ref().map(|team| &team.name),
        "sent": invitation.created_at.ago(now),
        "sent_iso": invitation.created_at,
        "expires": invitation.expires_at.day(),
        "expires_iso": invitation.expires_at,
    })
}

/// The form for a new organization.
///
/// # Errors
/// When the page cannot be rendered.
pub fn new(
    organizations: &Organizations,
    visitor: &Visitor,
    (name, slug): (&str, &str),
    error: Option<&str>,
) -> Result<Response> {
    let base = organizations.host().urls().absolute("/organizations/");
    let context = json!({ "name": name, "slug": slug, "base": base, "error": error });
    organizations.host().pages().page(visitor, NEW, "A new organization", context)
}

/// One organization.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn one(
    organizations: &Organizations,
    visitor: &Visitor,
    caller: &Caller,
    details: &Details,
    told: Told<'_>,
) -> Result<Response> {
    let (actor, id, powers) = (Actor::caller(caller), details.organization.id, &details.powers);
    let now = organizations.host().now();
    let may = |permission: &str| powers.may(permission);
    let members =
        if may(permission::MEMBER_READ) { organizations.members(&actor, id, told.page).await? } else { Vec::new() };
    let invitations =
        if may(permission::INVITATION_READ) { organizations.invitations(&actor, id, false).await? } else { Vec::new() };
    let roles = if may(permission::ROLE_READ) { organizations.roles(&actor, id).await? } else { Vec::new() };
    let teams = if invitations.is_empty() { Vec::new() } else { organizations.list_teams(id).await? };
    let open_teams = if may(permission::INVITATION_CREATE) {
        organizations.list_teams_open_to(&actor, id).await?
    } else {
        Vec::new()
    };
    let clients = organizations.host().provided::<ClientsOfOrganizations>().filter(|_| may(permission::CLIENT_MANAGE));
    let slug = &details.organization.slug;
    let shown_until = (i64::from(told.page) + 1) * i64::from(PAGE);
    let context = json!({
        "organization": face(&details.organization),
        "my_roles": in_words(&powers.roles),
        "member_count": details.members,
        "notice": told.notice,
        "error": told.error,
        "email": told.email,
        "members": members.iter().map(|info| member_row(info, slug, caller)).collect::<Vec<_>>(),
        "next": (details.members > shown_until).then(|| format!("/organizations/{slug}?page={}", told.page + 1)),
        "first": (told.page > 0).then(|| format!("/organizations/{slug}")),
        "invitations": invitations.iter().map(|one| invitation_row(one, &teams, now)).collect::<Vec<_>>(),
        "roles": roles.iter().map(|role| role_row(role, slug)).collect::<Vec<_>>(),
        "teams": open_teams.iter().map(|team| team_offer(team, told.team)).collect::<Vec<_>>(),
        "has_teams": organizations.has_teams(),
        "offers": offers(&roles, powers, &BTreeSet::from(["member".to_owned()])),
        "may_update": may(permission::ORGANIZATION_UPDATE),
        "may_delete": may(permission::ORGANIZATION_DELETE),
        "may_see_members": may(permission::MEMBER_READ),
        "may_see_invitations": may(permission::INVITATION_READ),
        "may_invite": may(permission::INVITATION_CREATE),
        "may_cancel": may(permission::INVITATION_CANCEL),
        "may_see_roles": may(permission::ROLE_READ),
        "may_make_roles": may(permission::ROLE_CREATE),
        "may_see_agents": may(permission::AGENT_READ),
        "clients_page": clients.map(|clients| format!("{}?organization={id}", clients.page)),
        "may_see_services": may(permission::TOKEN_READ),
        "may_read_record": may(permission::AUDIT_READ),
        "sends_mail": organizations.host().mailer().is_available(),
    });
    organizations.host().pages().page(visitor, ONE, &details.organization.name, context)
}

/// Name, address and logo.
///
/// # Errors
/// When the page cannot be rendered.
pub fn settings(
    organizations: &Organizations,
    visitor: &Visitor,
    details: &Details,
    [name, slug, logo]: [&str; 3],
    error: Option<&str>,
) -> Result<Response> {
    let context = json!({
        "organization": face(&details.organization),
        "name": name,
        "slug": slug,
        "logo": logo,
        "base": organizations.host().urls().absolute("/organizations/"),
        "error": error,
    });
    organizations.host().pages().page(visitor, SETTINGS, "Settings", context)
}

/// One member, and what can be done about them.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn member(
    organizations: &Organizations,
    visitor: &Visitor,
    caller: &Caller,
    (details, info): (&Details, &MemberInfo),
    error: Option<&str>,
) -> Result<Response> {
    let powers = &details.powers;
    let may_read_roles = powers.may(permission::ROLE_READ);
    let roles = if may_read_roles {
        organizations.roles(&Actor::caller(caller), details.organization.id).await?
    } else {
        Vec::new()
    };
    let chosen: BTreeSet<String> = info.member.roles.iter().map(ToString::to_string).collect();
    let is_me = info.member.user_id == caller.user().id;
    let context = json!({
        "organization": face(&details.organization),
        "member": member_row(info, &details.organization.slug, caller),
        "offers": offers(&roles, powers, &chosen),
        "may_set_roles": powers.may(permission::MEMBER_UPDATE) && may_read_roles,
        "may_remove": powers.may(permission::MEMBER_REMOVE) && !is_me,
        "may_transfer": powers.is_owner() && !is_me,
        "error": error,
    });
    let title = if info.name.is_empty() { &info.email } else { &info.name };
    organizations.host().pages().page(visitor, MEMBER, title, context)
}

/// The form of a role.
pub enum RoleForm<'a> {
    /// One that is to be.
    New {
        /// Its name.
        name: &'a str,
        /// What it is to allow.
        chosen: &'a [String],
    },
    /// One that is.
    Existing {
        /// Its name.
        name: &'a str,
        /// What it allows, or is to.
        chosen: &'a [String],
    },
}

/// A role and the matrix of what it allows. What whoever looks may not do themselves cannot be chosen.
///
/// # Errors
/// When the page cannot be rendered.
pub fn role(
    organizations: &Organizations,
    visitor: &Visitor,
    details: &Details,
    form: &RoleForm<'_>,
    error: Option<&str>,
) -> Result<Response> {
    let (name, chosen, is_new) = match form {
        RoleForm::New { name, chosen } => (*name, *chosen, true),
        RoleForm::Existing { name, chosen } => (*name, *chosen, false),
    };
    let powers = &details.powers;
    let may = powers.may(if is_new { permission::ROLE_CREATE } else { permission::ROLE_UPDATE });
    let grantable = organizations.settings().matrix.grantable();
    let row = |(permission, words): (String, &'static str)| {
        json!({
            "is_chosen": chosen.contains(&permission),
            "is_mine": powers.may(&permission),
            "words": if words.is_empty() { permission.as_str() } else { words },
            "name": permission,
        })
    };
    let context = json!({
        "organization": face(&details.organization),
        "name": name,
        "is_new": is_new,
        "permissions": grantable.into_iter().map(row).collect::<Vec<_>>(),
        "may_save": may,
        "may_delete": !is_new && powers.may(permission::ROLE_DELETE),
        "error": error,
    });
    organizations.host().pages().page(visitor, ROLE, if is_new { "A new role" } else { name }, context)
}

/// What is asked before it is done.
pub enum Question<'a> {
    /// Leaving.
    Leave,
    /// Deleting the organization.
    Delete,
    /// Removing a member.
    Remove(&'a MemberInfo),
    /// Handing the organization on to a member.
    Transfer(&'a MemberInfo),
}

/// Asks before it is done.
///
/// # Errors
/// When the page cannot be rendered.
pub fn confirm(
    organizations: &Organizations,
    visitor: &Visitor,
    details: &Details,
    question: &Question<'_>,
    error: Option<&str>,
) -> Result<Response> {
    let home = format!("/organizations/{}", details.organization.slug);
    let of = |info: &MemberInfo| format!("{home}/members/{}", info.member.user_id);
    let (kind, action, back, member) = match question {
        Question::Leave => ("leave", format!("{home}/leave"), home.clone(), None),
        Question::Delete => ("delete", format!("{home}/delete"), home.clone(), None),
        Question::Remove(info) => ("remove", format!("{}/remove", of(info)), of(info), Some(info)),
        Question::Transfer(info) => ("transfer", format!("{}/transfer", of(info)), of(info), Some(info)),
    };
    let member = member.map(|info| json!({ "name": info.name, "email": info.email }));
    let context = json!({
        "organization": face(&details.organization),
        "kind": kind,
        "action": action,
        "back": back,
        "member": member,
        "error": error,
    });
    organizations.host().pages().page(visitor, CONFIRM, "Are you sure?", context)
}

/// Where the link of an invitation leads.
///
/// # Errors
/// When the page cannot be rendered.
pub fn invitation(
    organizations: &Organizations,
    visitor: &Visitor,
    token: &PlainToken,
    shown: &ShownInvitation,
    error: Option<&str>,
) -> Result<Response> {
    let user = visitor.caller.as_ref().map(Caller::user);
    let is_mine = user.is_some_and(|user| normalize_email(&user.email) == shown.invitation.email);
    let state = match user {
        None => "stranger",
        Some(_) if !is_mine => "another",
        Some(user) if !user.email_verified => "unproven",
        Some(_) => "ready",
    };
    let here = format!("/organizations/invitation?token={}", token.expose());
    let way = |page: &str| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &here).finish();
        format!("{page}?{query}")
    };
    let context = json!({
        "invitation": invited(shown, organizations.host().now()),
        "email": shown.invitation.email,
        "token": token.expose(),
        "state": state,
        "sign_in": way("/auth/signin"),
        "sign_up": organizations.host().accounts().is_sign_up_open().then(|| way("/auth/signup")),
        "error": error,
    });
    organizations.host().pages().page(visitor, INVITATION, "You are invited", context)
}
