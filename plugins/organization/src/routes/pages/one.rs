//! One organization: its members, invitations and roles.

use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::{OrgId, Result};

use super::forms::{Fields, Told, not_taken, notice, said, to, to_confirm, value, values};
use super::{Service, actor};
use crate::actor::Actor;
use crate::model::refusal;
use crate::model::role::read_roles;
use crate::pages;
use crate::service::{NewInvitation, Organizations};

/// `GET /organizations/{organization}`. Under a name it had before, or its id, it leads to the name it has.
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Query(told): Query<Told>,
) -> Result<Response> {
    let id = organizations.follow(&named).await?;
    let details = organizations.details(&actor(&caller, &visitor), id).await?;
    if named != details.organization.slug {
        let query = notice(&told.done).map(|_| format!("?done={}", told.done)).unwrap_or_default();
        return Ok(to(&format!("/organizations/{}{query}", details.organization.slug)));
    }
    let told = pages::Told { notice: notice(&told.done), page: told.page, ..pages::Told::default() };
    pages::one(&organizations, &visitor, &caller, &details, told).await
}

/// `POST /organizations/{organization}/invite`
pub async fn invite(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let (email, team) = (value(&form, "email"), value(&form, "team"));
    match invite_one(&organizations, &actor, id, &form).await {
        Ok(()) => Ok(to(&format!("/organizations/{}?done=invited", details.organization.slug))),
        Err(failure) => {
            if let Some(answer) = to_confirm(&failure, &format!("/organizations/{}", details.organization.slug)) {
                return Ok(answer);
            }
            let error = said(failure)?;
            let told = pages::Told { error: Some(&error), email, team, ..pages::Told::default() };
            pages::one(&organizations, &visitor, &caller, &details, told).await.map(not_taken)
        }
    }
}

async fn invite_one(organizations: &Organizations, actor: &Actor, id: OrgId, form: &Fields) -> Result<()> {
    let roles = read_roles(values(form, "role"))?;
    let team = organizations.team_named(actor, id, Some(value(form, "team"))).await?;
    let new = NewInvitation { email: value(form, "email").to_owned(), roles, resend: false, team };
    organizations.invite(actor, id, new).await.map(drop)
}

/// `POST /organizations/{organization}/invitations`: sends one again, or takes it back.
pub async fn change_invitation(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let invitation = value(&form, "invitation").parse().map_err(|_| refusal::unknown_invitation())?;
    organizations.must_invite_into(id, invitation).await?;
    let (done, changed) = if value(&form, "act") == "resend" {
        ("resent", organizations.resend(&actor, invitation).await.map(drop))
    } else {
        ("canceled", organizations.cancel_invitation(&actor, invitation).await)
    };
    match changed {
        Ok(()) => Ok(to(&format!("/organizations/{}?done={done}", details.organization.slug))),
        Err(failure) => {
            if let Some(answer) = to_confirm(&failure, &format!("/organizations/{}", details.organization.slug)) {
                return Ok(answer);
            }
            let error = said(failure)?;
            let told = pages::Told { error: Some(&error), ..pages::Told::default() };
            pages::one(&organizations, &visitor, &caller, &details, told).await.map(not_taken)
        }
    }
}
