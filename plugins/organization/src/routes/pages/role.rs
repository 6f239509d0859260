//! The roles an organization makes itself.

use std::sync::Arc;

use belgie_api::axum::extract::{Form, Path, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::{Failure, Result};

use super::forms::{Fields, not_taken, said, to, value, values};
use super::{Service, actor};
use crate::actor::Actor;
use crate::model::role::Role;
use crate::model::{permission, refusal};
use crate::pages;
use crate::service::{Details, Organizations, RoleInfo};

fn owned(values: Vec<&str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

async fn find(
    organizations: &Arc<Organizations>,
    actor: &Actor,
    (organization, role): &(String, String),
) -> Result<(Details, RoleInfo)> {
    let id = organizations.resolve(organization).await?;
    let details = organizations.details(actor, id).await?;
    let roles = organizations.roles(actor, id).await?.into_iter();
    let found = roles.filter(|info| !info.is_built_in).find(|info| info.name.as_str() == role);
    let unknown = || Failure::not_found("organization.unknown_role", "This organization has no such role.");
    Ok((details, found.ok_or_else(unknown)?))
}

/// `GET /organizations/{organization}/new-role`
pub async fn new_page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    let details = organizations.details(&actor(&caller, &visitor), id).await?;
    details.powers.must_allow(permission::ROLE_CREATE)?;
    pages::role(&organizations, &visitor, &details, &pages::RoleForm::New { name: "", chosen: &[] }, None)
}

/// `POST /organizations/{organization}/new-role`
pub async fn create(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let (name, chosen) = (value(&form, "name"), owned(values(&form, "permission")));
    let made = match name.parse::<Role>() {
        Ok(role) => organizations.create_role(&actor, id, &role, chosen.clone()).await,
        Err(error) => Err(refusal::invalid_role(error)),
    };
    match made {
        Ok(_) => Ok(to(&format!("/organizations/{}?done=role-created", details.organization.slug))),
        Err(failure) => {
            let (error, form) = (said(failure)?, pages::RoleForm::New { name, chosen: &chosen });
            pages::role(&organizations, &visitor, &details, &form, Some(&error)).map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/roles/{role}`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Path<(String, String)>,
) -> Result<Response> {
    let (details, role) = find(&organizations, &actor(&caller, &visitor), &names).await?;
    let chosen: Vec<String> = role.permissions.iter().cloned().collect();
    let form = pages::RoleForm::Existing { name: role.name.as_str(), chosen: &chosen };
    pages::role(&organizations, &visitor, &details, &form, None)
}

/// `POST /organizations/{organization}/roles/{role}`
pub async fn save(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Path<(String, String)>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, role) = find(&organizations, &actor, &names).await?;
    let chosen = owned(values(&form, "permission"));
    match organizations.update_role(&actor, details.organization.id, &role.name, chosen.clone()).await {
        Ok(_) => Ok(to(&format!("/organizations/{}?done=role-saved", details.organization.slug))),
        Err(failure) => {
            let form = pages::RoleForm::Existing { name: role.name.as_str(), chosen: &chosen };
            pages::role(&organizations, &visitor, &details, &form, Some(&said(failure)?)).map(not_taken)
        }
    }
}

/// `POST /organizations/{organization}/roles/{role}/delete`
pub async fn delete(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Path<(String, String)>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, role) = find(&organizations, &actor, &names).await?;
    match organizations.delete_role(&actor, details.organization.id, &role.name).await {
        Ok(()) => Ok(to(&format!("/organizations/{}?done=role-deleted", details.organization.slug))),
        Err(failure) => {
            let chosen: Vec<String> = role.permissions.iter().cloned().collect();
            let form = pages::RoleForm::Existing { name: role.name.as_str(), chosen: &chosen };
            pages::role(&organizations, &visitor, &details, &form, Some(&said(failure)?)).map(not_taken)
        }
    }
}
