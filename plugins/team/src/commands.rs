//! What the operator can do at the command line: `team ...`. No role is asked for; limits hold.

use belgie_api::clap::{Arg, ArgMatches, Command};
use belgie_api::command::{Output, PluginCommand};
use belgie_api::context::UserContext;
use belgie_api::ports::Use;
use belgie_api::{Failure, OrgId, Result, TeamId};
use belgie_organization::{Actor, Roles, read_roles};
use serde_json::json;

use crate::model::refusal;
use crate::model::team::{NewTeam, Team};
use crate::service::{PAGE, TeamInfo, TeamMemberInfo, Teams};

/// The commands of this plugin. They work with what is mounted: its settings, and whoever listens.
pub fn commands() -> Vec<PluginCommand> {
    vec![PluginCommand::new(command(), |host, matches| async move {
        let teams: Use<Teams> = host.provided().ok_or_else(|| Failure::internal("teams are not mounted"))?;
        run(&teams, matches).await
    })]
}

fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).required(true).value_name(value).help(help)
}

fn organization() -> Arg {
    Arg::new("organization").required(true).value_name("ORGANIZATION").help("Its slug, or its id org_...")
}

fn which() -> [Arg; 2] {
    let team = Arg::new("team").required(true).value_name("TEAM").help("Its slug, or its id tea_...");
    [organization(), team]
}

fn email() -> Arg {
    text("email", "EMAIL", "The address of the account")
}

fn roles() -> Arg {
    text("role", "ROLES", "One role, or several with commas: lead, member, or words of your own")
}

fn command() -> Command {
    let create = Command::new("create").about("Makes a team").args([
        organization(),
        text("name", "NAME", "What people call it"),
        text("slug", "SLUG", "Its name in URLs and rules; without one it follows from the name").required(false),
        text("lead", "EMAIL", "The address of the account that leads it").required(false),
    ]);
    let rename = Command::new("rename").about("Gives a team another name; its slug stays");
    let set_roles = Command::new("set-roles").about("Gives a member these roles and no others");
    Command::new("team")
        .about("Teams of organizations: who is in them, and as what")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("list").about("Lists the teams of an organization, by name").arg(organization()),
            create,
            rename.args(which()).arg(text("name", "NAME", "What people will call it")),
            Command::new("delete").about("Deletes a team").args(which()),
            Command::new("members").about("Lists who is in a team").args(which()),
            Command::new("add-member")
                .about("Puts somebody of the organization into a team")
                .args(which())
                .args([email(), roles().required(false).default_value("member")]),
            set_roles.args(which()).args([email(), roles()]),
            Command::new("remove-member").about("Takes somebody out of a team").args(which()).arg(email()),
        ])
}

async fn run(teams: &Teams, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("list", matches)) => list(teams, matches).await,
        Some(("create", matches)) => create(teams, matches).await,
        Some(("rename", matches)) => rename(teams, matches).await,
        Some(("delete", matches)) => delete(teams, matches).await,
        Some(("members", matches)) => members(teams, matches).await,
        Some(("add-member", matches)) => add_member(teams, matches).await,
        Some(("set-roles", matches)) => set_roles(teams, matches).await,
        Some(("remove-member", matches)) => remove_member(teams, matches).await,
        _ => Err(Failure::bad_request(
            "command.unknown",
            "Say list, create, rename, delete, members, add-member, set-roles or remove-member.",
        )),
    }
}

fn said<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}

async fn place(teams: &Teams, matches: &ArgMatches) -> Result<OrgId> {
    teams.organizations()?.resolve(said(matches, "organization")).await
}

async fn meant(teams: &Teams, matches: &ArgMatches) -> Result<Team> {
    let id = teams.resolve(place(teams, matches).await?, said(matches, "team")).await?;
    teams.find(id).await?.ok_or_else(refusal::unknown)
}

async fn account(teams: &Teams, email: &str) -> Result<UserContext> {
    let unknown = || Failure::not_found("team.unknown_user", "There is no such account.");
    teams.host().accounts().find_by_email(email).await?.ok_or_else(unknown)
}

async fn list(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let place = place(teams, matches).await?;
    let mut all = Vec::new();
    for page in 0.. {
        let found = teams.list(&Actor::host(), place, page).await?;
        all.extend(found.teams);
        if !found.has_more {
            break;
        }
    }
    let line = |TeamInfo { team, member_count, .. }: &TeamInfo| {
        format!("{}  {}  {}  {member_count} in it", team.id, team.slug, team.name)
    };
    let text = match all.as_slice() {
        [] => "There is no team.".to_owned(),
        all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    Ok(Output::new(text, json!({ "teams": all })))
}

async fn create(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let lead = match matches.get_one::<String>("lead") {
        Some(email) => Some(account(teams, email).await?.id),
        None => None,
    };
    let new = NewTeam { name: said(matches, "name").to_owned(), slug: matches.get_one("slug").cloned(), lead };
    let team = teams.create(&Actor::host(), place(teams, matches).await?, new).await?;
    Ok(Output::new(format!("{} is there: {}", team.name, team.slug), json!(team)))
}

async fn rename(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let id = meant(teams, matches).await?.id;
    let team = teams.rename(&Actor::host(), id, said(matches, "name")).await?;
    Ok(Output::new(format!("{} is called {} now", team.slug, team.name), json!(team)))
}

async fn delete(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let team = meant(teams, matches).await?;
    teams.delete(&Actor::host(), team.id).await?;
    Ok(Output::new(format!("{} is deleted", team.name), json!({ "team_id": team.id, "deleted": true })))
}

async fn members(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let team = meant(teams, matches).await?;
    let mut members: Vec<TeamMemberInfo> = Vec::new();
    for page in 0.. {
        let some = teams.members(&Actor::host(), team.id, page).await?;
        let is_last = some.len() < PAGE as usize;
        members.extend(some);
        if is_last {
            break;
        }
    }
    let line =
        |info: &TeamMemberInfo| format!("{}  {}  {}", info.member.user_id, info.email, in_words(&info.member.roles));
    let text = match members.as_slice() {
        [] => "Nobody is in it.".to_owned(),
        members => members.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    Ok(Output::new(text, json!({ "team": team, "members": members })))
}

async fn add_member(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let (team, roles) = (meant(teams, matches).await?, read_roles([said(matches, "role")])?);
    let user = account(teams, said(matches, "email")).await?;
    let member = teams.add_member(&Actor::host(), team.id, user.id, &roles).await?;
    Ok(shown(&user, &team, &member.roles))
}

async fn set_roles(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let (team, roles) = (meant(teams, matches).await?, read_roles([said(matches, "role")])?);
    let user = account(teams, said(matches, "email")).await?;
    let member = teams.set_roles(&Actor::host(), team.id, user.id, &roles).await?;
    Ok(shown(&user, &team, &member.roles))
}

async fn remove_member(teams: &Teams, matches: &ArgMatches) -> Result<Output> {
    let team: Team = meant(teams, matches).await?;
    let user = account(teams, said(matches, "email")).await?;
    let id: TeamId = team.id;
    teams.remove_member(&Actor::host(), id, user.id).await?;
    let text = format!("{} is not in {} any more", user.email, team.name);
    Ok(Output::new(text, json!({ "team_id": id, "user_id": user.id, "removed": true })))
}

fn in_words(roles: &Roles) -> String {
    roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn shown(user: &UserContext, team: &Team, roles: &Roles) -> Output {
    let text = format!("{} is {} in {}", user.email, in_words(roles), team.name);
    Output::new(text, json!({ "team_id": team.id, "user_id": user.id, "roles": roles }))
}
