//! What an organization is called, leaving it, deleting it.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::extract::{Form, Path, State};
use belgie_api::axum::response::Response;
use belgie_api::web::{Present, SignedIn};

use super::forms::{Fields, not_taken, said, to, value};
use super::{Service, actor};
use crate::actor::Actor;
use crate::model::organization::OrganizationChanges;
use crate::model::{permission, refusal};
use crate::pages;
use crate::service::{Details, Organizations};

async fn find(organizations: &Arc<Organizations>, actor: &Actor, named: &str) -> Result<Details> {
    organizations.details(actor, organizations.resolve(named).await?).await
}

/// `GET /organizations/{organization}/settings`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
) -> Result<Response> {
    let details = find(&organizations, &actor(&caller, &visitor), &named).await?;
    details.powers.must_allow(permission::ORGANIZATION_UPDATE)?;
    let organization = &details.organization;
    let logo = organization.logo_url.as_deref().unwrap_or_default();
    pages::settings(&organizations, &visitor, &details, [&organization.name, &organization.slug, logo], None)
}

/// `POST /organizations/{organization}/settings`
pub async fn save(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let details = find(&organizations, &actor, &named).await?;
    let given @ [name, slug, logo] = [value(&form, "name"), value(&form, "slug"), value(&form, "logo")];
    let changes = OrganizationChanges {
        name: Some(name.to_owned()),
        slug: Some(slug.to_owned()),
        logo_url: Some(Some(logo.to_owned())),
        metadata: None,
    };
    match organizations.update(&actor, details.organization.id, changes).await {
        Ok(after) => Ok(to(&format!("/organizations/{}?done=saved", after.slug))),
        Err(failure) => {
            let error = said(failure)?;
            pages::settings(&organizations, &visitor, &details, given, Some(&error)).map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/leave`
pub async fn leave_page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
) -> Result<Response> {
    let details = find(&organizations, &actor(&caller, &visitor), &named).await?;
    pages::confirm(&organizations, &visitor, &details, &pages::Question::Leave, None)
}

/// `POST /organizations/{organization}/leave`
pub async fn leave(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let details = find(&organizations, &actor, &named).await?;
    match organizations.leave(&actor, details.organization.id).await {
        Ok(()) => Ok(to("/organizations?done=left")),
        Err(failure) => {
            let error = said(failure)?;
            pages::confirm(&organizations, &visitor, &details, &pages::Question::Leave, Some(&error)).map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/delete`, in a fresh session.
pub async fn delete_page(
    State(organizations): Service,
    Present { caller, visitor }: Present,
    Path(named): Path<String>,
) -> Result<Response> {
    let details = find(&organizations, &actor(&caller, &visitor), &named).await?;
    details.powers.must_allow(permission::ORGANIZATION_DELETE)?;
    pages::confirm(&organizations, &visitor, &details, &pages::Question::Delete, None)
}

/// `POST /organizations/{organization}/delete`, in a fresh session, with the name in URLs typed once more.
pub async fn delete(
    State(organizations): Service,
    Present { caller, visitor }: Present,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let details = find(&organizations, &actor, &named).await?;
    details.powers.must_allow(permission::ORGANIZATION_DELETE)?;
    let is_meant = value(&form, "slug").trim().eq_ignore_ascii_case(&details.organization.slug);
    let deleted = if is_meant {
        organizations.delete(&actor, details.organization.id).await
    } else {
        Err(refusal::not_the_slug())
    };
    match deleted {
        Ok(()) => Ok(to("/organizations?done=deleted")),
        Err(failure) => {
            let error = said(failure)?;
            pages::confirm(&organizations, &visitor, &details, &pages::Question::Delete, Some(&error)).map(not_taken)
        }
    }
}
