//! `token ... --service`: tokens of organizations themselves. Another plugin keeps them.

use std::time::Duration;

use belgie_api::clap::ArgMatches;
use belgie_api::command::Output;
use belgie_api::ports::{NewService, Service, Services, Use};
use belgie_api::{Failure, Result};
use serde_json::json;

use super::lines;
use super::token::text;
use crate::model::scopes::read_scopes;
use crate::service::OAuth;

/// Whoever keeps services.
pub fn services(oauth: &OAuth) -> Result<Use<Services>> {
    oauth.host().provided::<Services>().ok_or_else(|| {
        Failure::bad_request(
            "token.no_services",
            "There are no organizations here, so there are no services of theirs.",
        )
    })
}

/// `token create --org O --service NAME`
pub async fn create(oauth: &OAuth, matches: &ArgMatches, name: &str) -> Result<Output> {
    let new = NewService {
        name: name.to_owned(),
        roles: text(matches, "role").split(',').map(|role| role.trim().to_owned()).collect(),
        scopes: read_scopes(text(matches, "scope"), &oauth.host().catalog()?.offered_here())?,
        lifetime: Duration::from_secs(matches.get_one::<u64>("ttl").copied().unwrap_or_default()),
    };
    let (secret, service) = services(oauth)?.0.create(text(matches, "org"), new).await?;
    let mut json = serde_json::to_value(&service).map_err(Failure::internal)?;
    if let Some(members) = json.as_object_mut() {
        members.insert("token".to_owned(), secret.expose().into());
    }
    let said = format!(
        "{}\n\nThis is the token of the service {}; it is shown this once. Id {}, roles {}, scopes {}, good until {}.",
        secret.expose(),
        service.name,
        service.id,
        service.roles.join(", "),
        service.scopes,
        service.expires_at,
    );
    Ok(Output::new(said, json))
}

/// `token list --org O`
pub async fn list(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let services = services(oauth)?.0.list(text(matches, "org")).await?;
    let mut said = Vec::with_capacity(services.len());
    for service in &services {
        said.push(line(oauth, service).await?);
    }
    let said = if said.is_empty() { "No token is in force.".to_owned() } else { lines(said.into_iter()) };
    Ok(Output::new(said, json!({ "services": services })))
}

async fn line(oauth: &OAuth, service: &Service) -> Result<String> {
    let last_use = service.last_used_at.map_or_else(|| "never used".to_owned(), |last| format!("last used {last}"));
    let maker = match service.created_by {
        None => "made by the operator".to_owned(),
        Some(user) => {
            let person = oauth.host().accounts().find(user).await?;
            format!("made by {}", person.map_or_else(|| user.to_string(), |person| person.email))
        }
    };
    let Service { id, name, scopes, expires_at, .. } = service;
    Ok(format!("{id}  {name}  {}  {scopes}  {maker}  until {expires_at}  {last_use}", service.roles.join(", ")))
}
