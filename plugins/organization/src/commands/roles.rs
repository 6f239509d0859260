//! The roles an organization makes itself: `org roles`, `create-role`, `update-role`, `delete-role`.

use belgie_api::Result;
use belgie_api::clap::{Arg, ArgMatches, Command};
use belgie_api::command::Output;
use serde_json::json;

use super::{Actor, Organizations, describe, meant, said, text, which};
use crate::model::refusal;
use crate::model::role::Role;
use crate::service::RoleInfo;

fn name() -> Arg {
    Arg::new("role").required(true).value_name("ROLE").help("Its name: a-z, 0-9, - and _")
}

fn permissions() -> Arg {
    text(
        "permissions",
        "PERMISSIONS",
        "All it allows, with commas, such as member:read,invitation:create; empty for nothing",
    )
}

/// The verbs.
pub fn commands() -> [Command; 4] {
    [
        Command::new("roles").about("Lists the roles of an organization, and what each allows").arg(which()),
        Command::new("create-role").about("Makes a role of an organization's own").args([
            which(),
            name(),
            permissions(),
        ]),
        Command::new("update-role")
            .about("Makes a role allow these permissions and no others, at once for everybody who has it")
            .args([which(), name(), permissions()]),
        Command::new("delete-role")
            .about("Deletes a role that nobody has and nobody is invited to have")
            .args([which(), name()]),
    ]
}

fn read_role(matches: &ArgMatches) -> Result<Role> {
    said(matches, "role").parse().map_err(refusal::invalid_role)
}

fn read_permissions(matches: &ArgMatches) -> Vec<String> {
    said(matches, "permissions").split(',').map(str::to_owned).collect()
}

fn allows(role: &RoleInfo) -> String {
    let all: Vec<&str> = role.permissions.iter().map(String::as_str).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

/// Lists them.
pub async fn list(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let meant = meant(organizations, matches).await?;
    let roles = organizations.roles(&Actor::host(), meant.id).await?;
    let lines: Vec<_> = roles.iter().map(|role| format!("{}  {}", role.name, allows(role))).collect();
    Ok(Output::new(lines.join("\n"), json!({ "organization": describe(&meant), "roles": roles })))
}

/// Makes one.
pub async fn create(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let role = read_role(matches)?;
    let id = meant(organizations, matches).await?.id;
    let made = organizations.create_role(&Actor::host(), id, &role, read_permissions(matches)).await?;
    Ok(Output::new(format!("{} is there, and allows {}", made.name, allows(&made)), json!(made)))
}

/// Changes one.
pub async fn update(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let role = read_role(matches)?;
    let id = meant(organizations, matches).await?.id;
    let now = organizations.update_role(&Actor::host(), id, &role, read_permissions(matches)).await?;
    Ok(Output::new(format!("{} allows {} from now on", now.name, allows(&now)), json!(now)))
}

/// Deletes one.
pub async fn delete(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let role = read_role(matches)?;
    let id = meant(organizations, matches).await?.id;
    organizations.delete_role(&Actor::host(), id, &role).await?;
    Ok(Output::new(format!("{role} is deleted"), json!({ "organization_id": id, "role": role, "deleted": true })))
}
