//! What the operator can do at the command line: `org ...`. No role is asked for; an organization still keeps an owner.

mod agents;
mod change;
mod invitations;
mod roles;

use belgie_api::clap::{Arg, ArgMatches, Command};
use belgie_api::command::{Output, PluginCommand};
use belgie_api::context::UserContext;
use belgie_api::ports::Use;
use belgie_api::{Failure, OrgId, Result};
use serde_json::{Value, json};

use crate::actor::Actor;
use crate::model::member::in_words;
use crate::model::organization::{NewOrganization, Organization};
use crate::model::refusal;
use crate::model::role::{Roles, read_roles};
use crate::service::{MemberInfo, Organizations, PAGE};

/// The commands of this plugin. They work with what is mounted: its settings, and whoever listens.
pub fn commands() -> Vec<PluginCommand> {
    vec![PluginCommand::new(command(), |host, matches| async move {
        let organizations: Use<Organizations> =
            host.provided().ok_or_else(|| Failure::internal("organizations are not mounted"))?;
        run(&organizations, matches).await
    })]
}

fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).required(true).value_name(value).help(help)
}

fn which() -> Arg {
    Arg::new("organization").required(true).value_name("ORGANIZATION").help("Its slug, or its id org_...")
}

fn email() -> Arg {
    text("email", "EMAIL", "The address of the account")
}

fn roles() -> Arg {
    text("role", "ROLES", "One role, or several with commas: owner, admin, member, or the organization's own")
}

fn command() -> Command {
    let create = Command::new("create")
        .about("Makes an organization for somebody")
        .arg(text("name", "NAME", "What people call it"))
        .arg(text("slug", "SLUG", "Its name in URLs; without one it follows from the name").required(false))
        .arg(text("owner", "EMAIL", "The address of its owner's account"));
    Command::new("org")
        .about("Organizations: who is in them, and as what")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("list").about("Lists the organizations, by name"),
            create,
            Command::new("members").about("Lists who is in an organization").arg(which()),
            Command::new("add-member").about("Puts somebody into an organization").args([which(), email(), roles()]),
            Command::new("set-roles").about("Gives a member these roles and no others").args([
                which(),
                email(),
                roles(),
            ]),
            Command::new("remove-member").about("Takes somebody out of an organization").args([which(), email()]),
            Command::new("delete").about("Deletes an organization; its slugs stay taken").arg(which()),
            change::command(),
        ])
        .subcommands(agents::commands())
        .subcommands(roles::commands())
        .subcommands(invitations::commands())
}

async fn run(organizations: &Organizations, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("list", _)) => list(organizations).await,
        Some(("create", matches)) => create(organizations, matches).await,
        Some(("members", matches)) => members(organizations, matches).await,
        Some(("add-member", matches)) => add_member(organizations, matches).await,
        Some(("set-roles", matches)) => set_roles(organizations, matches).await,
        Some(("remove-member", matches)) => remove_member(organizations, matches).await,
        Some(("agents", matches)) => agents::list(organizations, matches).await,
        Some(("agent", matches)) => agents::show(organizations, matches).await,
        Some(("narrow-agent", matches)) => agents::narrow(organizations, matches).await,
        Some(("cut-agent", matches)) => agents::cut(organizations, matches).await,
        Some(("delete", matches)) => delete(organizations, matches).await,
        Some(("update", matches)) => change::update(organizations, matches).await,
        Some(("roles", matches)) => roles::list(organizations, matches).await,
        Some(("create-role", matches)) => roles::create(organizations, matches).await,
        Some(("update-role", matches)) => roles::update(organizations, matches).await,
        Some(("delete-role", matches)) => roles::delete(organizations, matches).await,
        Some(("invitations", matches)) => invitations::list(organizations, matches).await,
        Some(("invite", matches)) => invitations::invite(organizations, matches).await,
        Some(("resend-invitation", matches)) => invitations::resend(organizations, matches).await,
        Some(("cancel-invitation", matches)) => invitations::cancel(organizations, matches).await,
        _ => Err(Failure::bad_request("command.unknown", "See `org --help` for what there is.")),
    }
}

fn said<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}

async fn meant(organizations: &Organizations, matches: &ArgMatches) -> Result<Organization> {
    let id = organizations.resolve(said(matches, "organization")).await.map_err(unknown)?;
    organizations.find(id).await?.ok_or_else(|| unknown(refusal::unknown()))
}

/// An operator reads another remedy than a member.
fn unknown(failure: Failure) -> Failure {
    if failure.code() != refusal::unknown().code() {
        return failure;
    }
    Failure::not_found("organization.unknown", failure.message().to_owned()).hint("See `org list`.")
}

async fn somebody(organizations: &Organizations, email: &str) -> Result<UserContext> {
    organizations.host().accounts().find_by_email(email).await?.ok_or_else(refusal::unknown_user)
}

async fn list(organizations: &Organizations) -> Result<Output> {
    let line = |one: &Organization| format!("{}  {}  {}  created {}", one.id, one.slug, one.name, one.created_at);
    let (mut lines, mut all, mut last) = (Vec::new(), Vec::new(), None);
    loop {
        let some = organizations.list_all(last.as_ref()).await?;
        lines.extend(some.iter().map(line));
        all.extend(some.iter().map(describe));
        last = some.into_iter().next_back();
        if last.is_none() {
            break;
        }
    }
    let text = if lines.is_empty() { "There is no organization.".to_owned() } else { lines.join("\n") };
    Ok(Output::new(text, json!({ "organizations": all })))
}

async fn create(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let owner = somebody(organizations, said(matches, "owner")).await?;
    let slug = matches.get_one::<String>("slug").cloned();
    let new = NewOrganization { name: said(matches, "name").to_owned(), slug, ..NewOrganization::default() };
    let made = organizations.create_for(owner.id, new).await?;
    Ok(Output::new(format!("{} is there: {}, owned by {}", made.name, made.slug, owner.email), describe(&made)))
}

async fn members(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let meant = meant(organizations, matches).await?;
    let mut members: Vec<MemberInfo> = Vec::new();
    for page in 0.. {
        let some = organizations.members(&Actor::host(), meant.id, page).await?;
        let is_last = some.len() < PAGE as usize;
        members.extend(some);
        if is_last {
            break;
        }
    }
    let line = |info: &MemberInfo| format!("{}  {}  {}", info.member.user_id, info.email, in_words(&info.member.roles));
    let text = members.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(Output::new(text, json!({ "organization": describe(&meant), "members": members })))
}

async fn add_member(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let (meant, roles) = (meant(organizations, matches).await?, read_roles([said(matches, "role")])?);
    let user = somebody(organizations, said(matches, "email")).await?;
    let member = organizations.add_member(&Actor::host(), meant.id, user.id, &roles).await?;
    Ok(shown(&user, &meant, &member.roles))
}

async fn set_roles(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let (meant, roles) = (meant(organizations, matches).await?, read_roles([said(matches, "role")])?);
    let user = somebody(organizations, said(matches, "email")).await?;
    let member = organizations.set_roles(&Actor::host(), meant.id, user.id, &roles).await?;
    Ok(shown(&user, &meant, &member.roles))
}

async fn remove_member(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let meant = meant(organizations, matches).await?;
    let user = somebody(organizations, said(matches, "email")).await?;
    organizations.remove_member(&Actor::host(), meant.id, user.id).await?;
    let text = format!("{} is no member of {} any more", user.email, meant.name);
    Ok(Output::new(text, json!({ "organization_id": meant.id, "user_id": user.id, "removed": true })))
}

async fn delete(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let meant = meant(organizations, matches).await?;
    let id: OrgId = meant.id;
    organizations.delete(&Actor::host(), id).await?;
    Ok(Output::new(format!("{} is deleted", meant.name), json!({ "organization_id": id, "deleted": true })))
}

fn shown(user: &UserContext, organization: &Organization, roles: &Roles) -> Output {
    let text = format!("{} is {} of {}", user.email, in_words(roles), organization.name);
    Output::new(text, json!({ "organization_id": organization.id, "user_id": user.id, "roles": roles }))
}

fn describe(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "created_at": organization.created_at,
    })
}
