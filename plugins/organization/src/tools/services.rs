//! The services of an organization. A secret goes through no model's context: a service is made on a page, by a person who is
//! there, and a tool prepares the form.

use belgie_api::tools::Refused;
use belgie_api::{Caller, tool};
use url::form_urlencoded;

use super::answers::{Done, PreparedService, ServiceList};
use super::arguments::{EndService, PrepareService, Which};
use super::{Json, Parameters, Set, Shared, State, manage, meant, prepare, read};
use crate::actor::Actor;
use crate::model::role::read_roles;
use crate::model::service::{check_scopes, read_name};
use crate::model::{permission, refusal};

/// Adds the tools.
pub fn add(set: Set) -> Set {
    set.tool(
        tool("list_services", "Lists the services of the organization: programs of its own, each with a token")
            .title("Services")
            .arguments::<Which>()
            .returns::<ServiceList>()
            .read_only()
            .plain(),
        read().permission(permission::TOKEN_READ),
        list_services,
    )
    .tool(
        tool(
            "prepare_service",
            "Prepares a new service and answers a link. Nothing is made until a person opens it, looks at it and confirms; \
             they alone are shown the token",
        )
        .title("Prepare a service")
        .arguments::<PrepareService>()
        .returns::<PreparedService>()
        .read_only()
        .plain(),
        prepare().permission(permission::TOKEN_CREATE),
        prepare_service,
    )
    .tool(
        tool("revoke_service", "Ends a service with its token, and whatever runs for it")
            .title("End a service")
            .arguments::<EndService>()
            .returns::<Done>()
            .plain(),
        manage().permission(permission::TOKEN_REVOKE),
        revoke_service,
    )
}

async fn list_services(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<ServiceList>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    let services = organizations.services(&Actor::agent(&caller), id).await?;
    Ok(Json(ServiceList { services: services.into_iter().map(Into::into).collect() }))
}

async fn prepare_service(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<PrepareService>,
) -> Result<Json<PreparedService>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&caller, wanted.organization.as_deref())?);
    organizations.must_allow(&actor, id, permission::TOKEN_CREATE).await?;
    let name = read_name(&wanted.name)?;
    let roles = read_roles(wanted.roles.unwrap_or_else(|| vec!["member".to_owned()]))?;
    let scopes = wanted.scopes.unwrap_or_default().join(" ").parse().map_err(|_| refusal::malformed_scope())?;
    let host = organizations.host();
    check_scopes(&scopes, &host.catalog()?.offered_here())?;
    let slug = organizations.details(&actor, id).await?.organization.slug;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("name", &name);
    query.extend_pairs(roles.iter().map(|role| ("role", role.as_str())));
    query.extend_pairs(scopes.iter().map(|scope| ("scope", scope.as_str())));
    if let Some(days) = wanted.days {
        query.append_pair("days", &days.to_string());
    }
    let link = host.urls().absolute(&format!("/organizations/{slug}/new-service?{}", query.finish()));
    Ok(Json(PreparedService { link }))
}

async fn revoke_service(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<EndService>,
) -> Result<Json<Done>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    let service = which.service.parse().map_err(|_| refusal::unknown_service())?;
    organizations.revoke_service(&Actor::agent(&caller), id, service).await?;
    Ok(Json(Done { done: true }))
}
