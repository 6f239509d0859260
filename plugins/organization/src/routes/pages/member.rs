//! One member: the roles, removal, and handing the organization on.

use std::sync::Arc;

use belgie_api::axum::extract::{Form, Path, State};
use belgie_api::axum::response::Response;
use belgie_api::web::{Present, SignedIn};
use belgie_api::{OrgId, Result, UserId};

use super::forms::{Fields, not_taken, said, to, to_confirm, values};
use super::{Service, actor};
use crate::actor::Actor;
use crate::model::role::read_roles;
use crate::model::{permission, refusal};
use crate::pages;
use crate::service::{Details, MemberInfo, Organizations};

type Names = Path<(String, String)>;

async fn find(
    organizations: &Arc<Organizations>,
    actor: &Actor,
    (organization, user): &(String, String),
) -> Result<(Details, MemberInfo)> {
    let id: OrgId = organizations.resolve(organization).await?;
    let details = organizations.details(actor, id).await?;
    let user: UserId = user.parse().map_err(|_| refusal::unknown_member())?;
    Ok((details, organizations.member(actor, id, user).await?))
}

fn path_of(details: &Details, member: &MemberInfo) -> String {
    format!("/organizations/{}/members/{}", details.organization.slug, member.member.user_id)
}

/// `GET /organizations/{organization}/members/{user}`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let (details, member) = find(&organizations, &actor(&caller, &visitor), &names).await?;
    pages::member(&organizations, &visitor, &caller, (&details, &member), None).await
}

/// `POST /organizations/{organization}/members/{user}`: sets the roles; of owners in a fresh session.
pub async fn save(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, member) = find(&organizations, &actor, &names).await?;
    let set = match read_roles(values(&form, "role")) {
        Ok(roles) => organizations.set_roles(&actor, details.organization.id, member.member.user_id, &roles).await,
        Err(failure) => Err(failure),
    };
    match set {
        Ok(_) => Ok(to(&format!("/organizations/{}?done=roles", details.organization.slug))),
        Err(failure) => {
            if let Some(answer) = to_confirm(&failure, &path_of(&details, &member)) {
                return Ok(answer);
            }
            let error = said(failure)?;
            pages::member(&organizations, &visitor, &caller, (&details, &member), Some(&error)).await.map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/members/{user}/remove`
pub async fn remove_page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let (details, member) = find(&organizations, &actor(&caller, &visitor), &names).await?;
    details.powers.must_allow(permission::MEMBER_REMOVE)?;
    pages::confirm(&organizations, &visitor, &details, &pages::Question::Remove(&member), None)
}

/// `POST /organizations/{organization}/members/{user}/remove`; an owner in a fresh session.
pub async fn remove(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, member) = find(&organizations, &actor, &names).await?;
    match organizations.remove_member(&actor, details.organization.id, member.member.user_id).await {
        Ok(()) => Ok(to(&format!("/organizations/{}?done=removed", details.organization.slug))),
        Err(failure) => {
            if let Some(answer) = to_confirm(&failure, &format!("{}/remove", path_of(&details, &member))) {
                return Ok(answer);
            }
            let (error, question) = (said(failure)?, pages::Question::Remove(&member));
            pages::confirm(&organizations, &visitor, &details, &question, Some(&error)).map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/members/{user}/transfer`, in a fresh session.
pub async fn transfer_page(
    State(organizations): Service,
    Present { caller, visitor }: Present,
    Path(names): Names,
) -> Result<Response> {
    let (details, member) = find(&organizations, &actor(&caller, &visitor), &names).await?;
    if !details.powers.is_owner() {
        return Err(refusal::owners_only());
    }
    pages::confirm(&organizations, &visitor, &details, &pages::Question::Transfer(&member), None)
}

/// `POST /organizations/{organization}/members/{user}/transfer`, in a fresh session.
pub async fn transfer(
    State(organizations): Service,
    Present { caller, visitor }: Present,
    Path(names): Names,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, member) = find(&organizations, &actor, &names).await?;
    match organizations.transfer_ownership(&actor, details.organization.id, member.member.user_id).await {
        Ok(()) => Ok(to(&format!("/organizations/{}?done=transferred", details.organization.slug))),
        Err(failure) => {
            let (error, question) = (said(failure)?, pages::Question::Transfer(&member));
            pages::confirm(&organizations, &visitor, &details, &question, Some(&error)).map(not_taken)
        }
    }
}
