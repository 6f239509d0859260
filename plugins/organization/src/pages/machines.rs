//! What acts in an organization, on pages: agents of its members, and its own services.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::axum::response::Response;
use belgie_api::ports::Service;
use belgie_api::web::Visitor;
use belgie_api::{Caller, PlainToken, Result, ScopeSet, Timestamp, UserId};
use serde_json::{Value, json};

use super::Told;
use super::faces::{face, offers};
use crate::actor::Actor;
use crate::model::permission;
use crate::model::service::offered_to_services;
use crate::service::{AgentInfo, Details, Organizations};

const AGENTS: &str = "organization/agents.html";
const SERVICES: &str = "organization/services.html";
const NEW_SERVICE: &str = "organization/new_service.html";

/// How long a token can last, in days, and what that is called.
const LIFETIMES: [(&str, &str); 4] =
    [("7", "One week"), ("30", "Thirty days"), ("90", "Ninety days"), ("365", "One year")];

/// The agents that act for members.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn agents(
    organizations: &Organizations,
    visitor: &Visitor,
    caller: &Caller,
    details: &Details,
    told: &Told<'_>,
) -> Result<Response> {
    let (host, id, slug) = (organizations.host(), details.organization.id, &details.organization.slug);
    let found = organizations.agents(&Actor::caller(caller), id, told.page).await?;
    let may_cut = details.powers.may(permission::AGENT_REVOKE);
    let row = |agent: &AgentInfo| agent_row(agent, caller, host.now());
    let context = json!({
        "organization": face(&details.organization),
        "notice": told.notice,
        "error": told.error,
        "agents": found.agents.iter().map(row).collect::<Vec<_>>(),
        "may_cut": may_cut,
        "next": found.has_more.then(|| format!("/organizations/{slug}/agents?page={}", told.page + 1)),
        "first": (told.page > 0).then(|| format!("/organizations/{slug}/agents")),
    });
    host.pages().page(visitor, AGENTS, "Connected agents", context)
}

pub(super) fn agent_row(agent: &AgentInfo, caller: &Caller, now: Timestamp) -> Value {
    json!({
        "id": agent.id,
        "client_name": agent.client_name,
        "client_host": agent.client_host,
        "is_token": agent.is_token,
        "is_mine": agent.user_id == caller.user().id,
        "name": agent.name,
        "email": agent.email,
        "scopes": names(&agent.scopes),
        "teams": agent.teams,
        "since": agent.created_at.day(),
        "since_iso": agent.created_at,
        "last_used": agent.last_used_at.map(|last| last.ago(now)),
        "last_used_iso": agent.last_used_at,
    })
}

fn names(scopes: &ScopeSet) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

/// What the page of services says besides what it lists.
#[derive(Default)]
pub struct Services<'a> {
    /// What has been done.
    pub notice: Option<&'static str>,
    /// What is wrong with the form.
    pub error: Option<&'a str>,
    /// A token that was just made, with the name of its service: it is shown now or never.
    pub secret: Option<(&'a PlainToken, &'a str)>,
}

/// The services of an organization.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn services(
    organizations: &Organizations,
    visitor: &Visitor,
    actor: &Actor,
    details: &Details,
    shown: Services<'_>,
) -> Result<Response> {
    let (host, powers) = (organizations.host(), &details.powers);
    // Whoever may make one and not see the others is shown the one.
    let services = if powers.may(permission::TOKEN_READ) || shown.secret.is_none() {
        organizations.services(actor, details.organization.id).await?
    } else {
        Vec::new()
    };
    let makers = services.iter().filter_map(|service| service.created_by).collect();
    let sees_members = powers.may(permission::MEMBER_READ);
    let members =
        if sees_members { organizations.names_of(details.organization.id, makers).await? } else { BTreeMap::new() };
    let row = |service: &Service| service_row(service, &members, host.now());
    let context = json!({
        "organization": face(&details.organization),
        "notice": shown.notice,
        "error": shown.error,
        "secret": shown.secret.map(|(secret, _)| secret.expose()),
        "secret_of": shown.secret.map(|(_, name)| name),
        "services": services.iter().map(row).collect::<Vec<_>>(),
        "may_create": powers.may(permission::TOKEN_CREATE),
        "may_revoke": powers.may(permission::TOKEN_REVOKE),
    });
    host.pages().page(visitor, SERVICES, "Services", context)
}

fn service_row(service: &Service, members: &BTreeMap<UserId, String>, now: Timestamp) -> Value {
    let maker = service.created_by.map(|user| match members.get(&user) {
        Some(name) => json!({ "name": name, "is_known": true }),
        None => json!({ "name": user, "is_known": false }),
    });
    json!({
        "id": service.id,
        "name": service.name,
        "roles": service.roles,
        "scopes": names(&service.scopes),
        "maker": maker,
        "since": service.created_at.day(),
        "since_iso": service.created_at,
        "last_used": service.last_used_at.map(|last| last.ago(now)),
        "last_used_iso": service.last_used_at,
        "expires": service.expires_at.day(),
        "expires_iso": service.expires_at,
    })
}

/// The form for a new service, as it was filled in.
#[derive(Default)]
pub struct ServiceForm<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is to be.
    pub roles: Vec<&'a str>,
    /// What its token is to be used for.
    pub scopes: Vec<&'a str>,
    /// How long it is to last, in days.
    pub days: &'a str,
}

/// The form for a new service. It asks what whoever fills it in may ask.
///
/// # Errors
/// 403 without `token:create`, and when the page cannot be rendered.
pub async fn new_service(
    organizations: &Organizations,
    visitor: &Visitor,
    actor: &Actor,
    details: &Details,
    form: &ServiceForm<'_>,
    error: Option<&str>,
) -> Result<Response> {
    let (host, id) = (organizations.host(), details.organization.id);
    organizations.must_allow(actor, id, permission::TOKEN_CREATE).await?;
    let roles =
        if details.powers.may(permission::ROLE_READ) { organizations.roles(actor, id).await? } else { Vec::new() };
    let chosen: BTreeSet<String> = match form.roles.as_slice() {
        [] => ["member".to_owned()].into(),
        roles => roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    let mut roles = offers(&roles, &details.powers, &chosen);
    roles.retain(|role| role["name"] != "owner");
    let scopes: Vec<Value> = offered_to_services(&host.catalog()?.offered_here())
        .map(|info| {
            let is_chosen = form.scopes.contains(&info.name.as_ref());
            json!({ "name": info.name, "description": info.description, "is_chosen": is_chosen })
        })
        .collect();
    let days = if form.days.is_empty() { "90" } else { form.days };
    let lifetimes: Vec<Value> = LIFETIMES
        .iter()
        .map(|(value, words)| json!({ "days": value, "words": words, "is_chosen": *value == days }))
        .collect();
    let context = json!({
        "organization": face(&details.organization),
        "name": form.name,
        "offers": roles,
        "scopes": scopes,
        "lifetimes": lifetimes,
        "error": error,
    });
    host.pages().page(visitor, NEW_SERVICE, "A new service", context)
}
