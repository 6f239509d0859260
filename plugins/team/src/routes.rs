//! What answers over HTTP.

pub mod api;
pub mod pages;

use belgie_api::{OrgId, Result, TeamId};
use belgie_organization::{Actor, Details};

use crate::service::Teams;

/// The organization an address names, as whoever asks sees it.
///
/// # Errors
/// 404 when there is none that they are in: before anything is said about its teams.
async fn organization(teams: &Teams, actor: &Actor, named: &str) -> Result<Details> {
    let organizations = teams.organizations()?;
    organizations.details(actor, organizations.resolve(named).await?).await
}

/// The team an address names in an organization.
///
/// # Errors
/// As [`organization`], and 404 when it has no such team.
async fn find(teams: &Teams, actor: &Actor, (named, team): &(String, String)) -> Result<(Details, TeamId)> {
    let details = organization(teams, actor, named).await?;
    let id: OrgId = details.organization.id;
    Ok((details, teams.resolve(id, team).await?))
}
