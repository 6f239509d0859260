//! Members of a team: adding one, their roles, taking them out.

use std::sync::Arc;

use belgie_api::axum::extract::{Form, Path, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::web::form::{Fields, not_taken, said, to, value};
use belgie_api::{Result, TeamId};
use belgie_organization::{Actor, Details, Role, read_roles};

use super::one::place;
use super::{Names, Service, actor};
use crate::model::member::{LEAD, TeamMember};
use crate::model::refusal;
use crate::pages;
use crate::service::{TeamDetails, TeamMemberInfo, Teams};

type Whom = Path<(String, String, String)>;

/// `POST /organizations/{organization}/teams/{team}/add`
pub async fn add(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, team) = place(&teams, &actor, &names).await?;
    match add_one(&teams, &actor, team.team.id, &form).await {
        Ok(_) => Ok(to(&format!("{}/{}?done=added", pages::home(&details), team.team.slug))),
        Err(failure) => {
            let error = said(failure)?;
            let told = pages::Told { error: Some(&error), email: value(&form, "email"), ..pages::Told::default() };
            pages::one(&teams, &visitor, &caller, (&details, &team), told).await.map(not_taken)
        }
    }
}

async fn add_one(teams: &Teams, actor: &Actor, id: TeamId, form: &Fields) -> Result<TeamMember> {
    let roles = if value(form, "lead") == "yes" { read_roles([LEAD])? } else { [Role::member()].into() };
    let user = teams.candidate(actor, id, value(form, "email")).await?;
    teams.add_member(actor, id, user, &roles).await
}

async fn find(
    teams: &Arc<Teams>,
    actor: &Actor,
    (organization, team, user): (String, String, String),
) -> Result<(Details, TeamDetails, TeamMemberInfo)> {
    let (details, team) = place(teams, actor, &(organization, team)).await?;
    let user = user.parse().map_err(|_| refusal::unknown_member())?;
    let member = teams.member(actor, team.team.id, user).await?;
    Ok((details, team, member))
}

/// `GET /organizations/{organization}/teams/{team}/members/{user}`
pub async fn page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Whom,
) -> Result<Response> {
    let (details, team, member) = find(&teams, &actor(&caller, &visitor), names).await?;
    pages::member(&teams, &visitor, (&details, &team, &member), None, None)
}

/// `POST /organizations/{organization}/teams/{team}/members/{user}`: sets the roles.
pub async fn save(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Whom,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, team, member) = find(&teams, &actor, names).await?;
    let roles = value(&form, "role");
    let set = match read_roles([roles]) {
        Ok(roles) => teams.set_roles(&actor, team.team.id, member.member.user_id, &roles).await,
        Err(failure) => Err(failure),
    };
    match set {
        Ok(_) => Ok(to(&format!("{}/{}?done=roles", pages::home(&details), team.team.slug))),
        Err(failure) => {
            let error = said(failure)?;
            pages::member(&teams, &visitor, (&details, &team, &member), Some(roles), Some(&error)).map(not_taken)
        }
    }
}

/// `POST /organizations/{organization}/teams/{team}/members/{user}/remove`
pub async fn remove(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Whom,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, team, member) = find(&teams, &actor, names).await?;
    match teams.remove_member(&actor, team.team.id, member.member.user_id).await {
        Ok(()) => Ok(to(&format!("{}/{}?done=removed", pages::home(&details), team.team.slug))),
        Err(failure) => {
            let error = said(failure)?;
            pages::member(&teams, &visitor, (&details, &team, &member), None, Some(&error)).map(not_taken)
        }
    }
}
