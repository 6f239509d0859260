//! Services and their tokens.

use std::time::Duration;

use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::{Present, SignedIn};
use belgie_api::{PlainToken, Result};

use super::forms::{Fields, Told, not_taken, notice, said, to, value, values};
use super::{Service, actor};
use crate::actor::Actor;
use crate::model::refusal;
use crate::model::role::read_roles;
use crate::model::service::NewServiceToken;
use crate::pages;
use crate::service::Organizations;

const DAY: u64 = 24 * 3600;

/// `GET /organizations/{organization}/services`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Query(told): Query<Told>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let shown = pages::Services { notice: notice(&told.done), ..pages::Services::default() };
    pages::services(&organizations, &visitor, &actor, &details, shown).await
}

/// `POST /organizations/{organization}/services`: ends one.
pub async fn revoke(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let service = value(&form, "service").parse().map_err(|_| refusal::unknown_service())?;
    match organizations.revoke_service(&actor, id, service).await {
        Ok(()) => Ok(to(&format!("/organizations/{}/services?done=service-ended", details.organization.slug))),
        Err(failure) => {
            let error = said(failure)?;
            let shown = pages::Services { error: Some(&error), ..pages::Services::default() };
            pages::services(&organizations, &visitor, &actor, &details, shown).await.map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/new-service`, in a fresh session. The query fills the form in, and no more: whoever
/// opens a link of somebody else still has to look at it and press the button.
pub async fn new_page(
    State(organizations): Service,
    Present { caller, visitor }: Present,
    Path(named): Path<String>,
    Query(form): Query<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    pages::new_service(&organizations, &visitor, &actor, &details, &filled(&form), None).await
}

/// `POST /organizations/{organization}/new-service`, in a fresh session: shows the token, once.
pub async fn create(
    State(organizations): Service,
    Present { caller, visitor }: Present,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    match made(&organizations, &actor, id, &form).await {
        Ok((secret, name)) => {
            let shown = pages::Services { secret: Some((&secret, &name)), ..pages::Services::default() };
            pages::services(&organizations, &visitor, &actor, &details, shown).await
        }
        Err(failure) => {
            let error = said(failure)?;
            pages::new_service(&organizations, &visitor, &actor, &details, &filled(&form), Some(&error))
                .await
                .map(not_taken)
        }
    }
}

fn filled(form: &Fields) -> pages::ServiceForm<'_> {
    pages::ServiceForm {
        name: value(form, "name"),
        roles: values(form, "role"),
        scopes: values(form, "scope"),
        days: value(form, "days"),
    }
}

async fn made(
    organizations: &Organizations,
    actor: &Actor,
    id: belgie_api::OrgId,
    form: &Fields,
) -> Result<(PlainToken, String)> {
    let scopes = values(form, "scope").join(" ").parse().map_err(|_| refusal::malformed_scope())?;
    let days: u64 = value(form, "days").parse().unwrap_or_default();
    let new = NewServiceToken {
        name: value(form, "name").to_owned(),
        roles: read_roles(values(form, "role"))?,
        scopes,
        lifetime: Duration::from_secs(days.saturating_mul(DAY)),
    };
    let (secret, service) = organizations.create_service(actor, id, new).await?;
    Ok((secret, service.name))
}
