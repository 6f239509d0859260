//! `org update`: what an organization is called, where it is found, how it looks, and what applications keep with it.

use belgie_api::clap::{ArgGroup, ArgMatches, Command};
use belgie_api::command::Output;
use belgie_api::{Failure, Result};
use serde_json::{Value, json};

use super::{Actor, Organizations, describe, meant, text, which};
use crate::model::organization::{Organization, OrganizationChanges};
use crate::model::refusal;

/// The verb.
pub fn command() -> Command {
    let option = |name, value, help| text(name, value, help).required(false);
    Command::new("update")
        .about("Changes an organization; what is not named stays as it is")
        .arg(which())
        .args([
            option("name", "NAME", "What people will call it"),
            option(
                "slug",
                "SLUG",
                "Its name in URLs; the old one leads people on, and agents at its endpoint are let in anew",
            ),
            option("logo", "URL", "A picture: an https or data: address; an empty one for none"),
            option("metadata", "JSON", "All of what applications keep with it: an object of at most 8 KiB"),
        ])
        .group(ArgGroup::new("changes").args(["name", "slug", "logo", "metadata"]).required(true).multiple(true))
}

fn read_metadata(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| refusal::invalid_metadata().source(error))
}

fn read(matches: &ArgMatches) -> Result<OrganizationChanges> {
    let said = |name: &str| matches.get_one::<String>(name);
    Ok(OrganizationChanges {
        name: said("name").cloned(),
        slug: said("slug").cloned(),
        logo_url: said("logo").map(|logo| Some(logo.clone()).filter(|logo| !logo.trim().is_empty())),
        metadata: said("metadata").map(|text| read_metadata(text)).transpose()?,
    })
}

/// Changes it.
pub async fn update(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let changes = read(matches)?;
    let id = meant(organizations, matches).await?.id;
    let after = organizations.update(&Actor::host(), id, changes).await?;
    Ok(Output::new(format!("{} is changed: {}", after.name, after.slug), whole(&after)?))
}

fn whole(organization: &Organization) -> Result<Value> {
    let mut all = describe(organization);
    let words = all.as_object_mut().ok_or_else(|| Failure::internal("an organization is described by an object"))?;
    words.insert("logo_url".to_owned(), json!(organization.logo_url));
    words.insert("metadata".to_owned(), organization.metadata.clone());
    Ok(all)
}
