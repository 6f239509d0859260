//! The organizations of a person, and the invitations to others.

use std::sync::Arc;

use belgie_api::axum::extract::{Form, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::{Failure, Result};

use super::forms::{Fields, Told, not_taken, notice, said, to, value};
use super::{Service, actor};
use crate::model::organization::NewOrganization;
use crate::model::refusal;
use crate::pages;
use crate::service::Organizations;

/// `GET /organizations`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Query(told): Query<Told>,
) -> Result<Response> {
    pages::list(&organizations, &visitor, &caller, notice(&told.done), None).await
}

/// `POST /organizations/invitations`: takes or declines one.
pub async fn answer(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let done = answer_one(&organizations, &actor, value(&form, "invitation"), value(&form, "decision")).await;
    match done {
        Ok(path) => Ok(to(&path)),
        Err(failure) => {
            let error = said(failure)?;
            pages::list(&organizations, &visitor, &caller, None, Some(&error)).await.map(not_taken)
        }
    }
}

/// Takes or declines an invitation, and says where to go.
pub async fn answer_one(
    organizations: &Arc<Organizations>,
    actor: &crate::actor::Actor,
    invitation: &str,
    decision: &str,
) -> Result<String> {
    let id = invitation.parse().map_err(|_| refusal::unknown_invitation())?;
    match decision {
        "accept" => {
            let member = organizations.accept_invitation(actor, id).await?;
            Ok(format!("/organizations/{}?done=joined", member.organization_id))
        }
        "decline" => {
            organizations.reject_invitation(actor, id).await?;
            Ok("/organizations?done=declined".to_owned())
        }
        _ => Err(Failure::bad_request("organization.no_decision", "Say whether you accept or decline.")),
    }
}

/// `GET /organizations/new`
pub async fn new_page(State(organizations): Service, SignedIn { visitor, .. }: SignedIn) -> Result<Response> {
    if !organizations.settings().allow_user_to_create_organization {
        return Err(refusal::creation_closed());
    }
    pages::new(&organizations, &visitor, ("", ""), None)
}

/// `POST /organizations/new`
pub async fn create(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (name, slug) = (value(&form, "name"), value(&form, "slug"));
    let new = NewOrganization { name: name.to_owned(), slug: Some(slug.to_owned()), ..NewOrganization::default() };
    match organizations.create(&actor(&caller, &visitor), new).await {
        Ok(made) => Ok(to(&format!("/organizations/{}?done=created", made.slug))),
        Err(failure) => {
            let error = said(failure)?;
            pages::new(&organizations, &visitor, (name, slug), Some(&error)).map(not_taken)
        }
    }
}
