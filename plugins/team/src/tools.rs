//! What an agent can do with the teams of the organization it acts for: what the person's roles there and in the team
//! allow. An agent whose person chose teams at consent reaches those and no others. Leaving a team is for people on pages,
//! as leaving an organization is.

mod answers;
mod arguments;

use std::sync::Arc;

use belgie_api::rmcp::handler::server::wrapper::{Json, Parameters};
use belgie_api::tools::Refused;
use belgie_api::{Caller, Failure, State, TeamId, ToolSet, access, tool};
use belgie_organization::{Actor, permission, read_roles};

use self::answers::{Done, TeamAnswer, TeamList, TeamMemberAnswer, TeamMemberList};
use self::arguments::{AddTeamMember, CreateTeam, ListTeamMembers, RenameTeam, Somebody, Which, WhichPage};
use crate::model::refusal;
use crate::model::team::NewTeam;
use crate::service::Teams;

/// The scope that lets an agent see, which organizations bring.
const ORG_READ: &str = "org:read";
/// The scope that lets an agent change.
pub const TEAM_MANAGE: &str = "team:manage";

type Shared = State<Arc<Teams>>;

/// The tools of this plugin.
pub fn tools(teams: Arc<Teams>) -> ToolSet<Arc<Teams>> {
    let read = || access().organization().scope(ORG_READ);
    // Whoever leads a team says who is in it, whatever their roles in the organization: those tools everybody sees.
    // What is done here, a person answers for: services do not see them.
    let manage = || access().by_person().organization().scope(TEAM_MANAGE);
    ToolSet::new(teams)
        .tool(
            tool("list_teams", "Lists the teams of the organization this connection acts for, with your roles in each, fifty at a time")
                .title("Teams")
                .arguments::<WhichPage>()
                .returns::<TeamList>()
                .read_only()
                .plain(),
            read(),
            list_teams,
        )
        .tool(
            tool("list_team_members", "Lists the members of a team, fifty at a time, the longest there first")
                .title("Members of a team")
                .arguments::<ListTeamMembers>()
                .returns::<TeamMemberList>()
                .read_only()
                .plain(),
            read(),
            list_team_members,
        )
        .tool(
            tool("create_team", "Makes a team in the organization this connection acts for, with you as its lead")
                .title("Make a team")
                .arguments::<CreateTeam>()
                .returns::<TeamAnswer>()
                .plain(),
            // An agent for which teams were chosen could not reach the one it makes.
            manage().all_teams().permission(permission::TEAM_CREATE),
            create_team,
        )
        .tool(
            tool("rename_team", "Gives a team another name; its slug stays")
                .title("Rename a team")
                .arguments::<RenameTeam>()
                .returns::<TeamAnswer>()
                .plain(),
            manage().permission(permission::TEAM_UPDATE),
            rename_team,
        )
        .tool(
            tool("delete_team", "Deletes a team: everybody in it loses what it opens, at once")
                .title("Delete a team")
                .arguments::<Which>()
                .returns::<Done>()
                .plain(),
            manage().permission(permission::TEAM_DELETE),
            delete_team,
        )
        .tool(
            tool("add_team_member", "Adds a member of the organization to a team")
                .title("Add to a team")
                .arguments::<AddTeamMember>()
                .returns::<TeamMemberAnswer>()
                .plain(),
            manage(),
            add_team_member,
        )
        .tool(
            tool("set_team_roles", "Gives a member of a team these roles and no others")
                .title("Set the roles in a team")
                .arguments::<AddTeamMember>()
                .returns::<TeamMemberAnswer>()
                .plain(),
            manage(),
            set_team_roles,
        )
        .tool(
            tool("remove_team_member", "Removes a member from a team; they stay in the organization")
                .title("Remove from a team")
                .arguments::<Somebody>()
                .returns::<Done>()
                .plain(),
            manage(),
            remove_team_member,
        )
}

/// The team a tool works on: one of the organization the call is made for.
async fn meant(teams: &Teams, caller: &Caller, named: &str) -> Result<TeamId, Failure> {
    let organization = caller.organization().ok_or_else(refusal::unknown)?;
    teams.resolve(organization.id, named).await
}

async fn list_teams(
    State(teams): Shared,
    caller: Caller,
    Parameters(which): Parameters<WhichPage>,
) -> Result<Json<TeamList>, Refused> {
    let organization = caller.organization().ok_or_else(refusal::unknown)?;
    let found = teams.list(&Actor::agent(&caller), organization.id, which.page.unwrap_or_default()).await?;
    Ok(Json(TeamList { teams: found.teams.into_iter().map(Into::into).collect(), has_more: found.has_more }))
}

async fn list_team_members(
    State(teams): Shared,
    caller: Caller,
    Parameters(which): Parameters<ListTeamMembers>,
) -> Result<Json<TeamMemberList>, Refused> {
    let id = meant(&teams, &caller, &which.team).await?;
    let members = teams.members(&Actor::agent(&caller), id, which.page.unwrap_or_default()).await?;
    Ok(Json(TeamMemberList { members: members.into_iter().map(Into::into).collect() }))
}

async fn create_team(
    State(teams): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<CreateTeam>,
) -> Result<Json<TeamAnswer>, Refused> {
    let organization = caller.organization().ok_or_else(refusal::unknown)?;
    let new = NewTeam { name: wanted.name, slug: wanted.slug, lead: None };
    let team = teams.create(&Actor::agent(&caller), organization.id, new).await?;
    Ok(Json(team.into()))
}

async fn rename_team(
    State(teams): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<RenameTeam>,
) -> Result<Json<TeamAnswer>, Refused> {
    let id = meant(&teams, &caller, &wanted.team).await?;
    Ok(Json(teams.rename(&Actor::agent(&caller), id, &wanted.name).await?.into()))
}

async fn delete_team(
    State(teams): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<Done>, Refused> {
    let id = meant(&teams, &caller, &which.team).await?;
    teams.delete(&Actor::agent(&caller), id).await?;
    Ok(Json(Done { done: true }))
}

async fn add_team_member(
    State(teams): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<AddTeamMember>,
) -> Result<Json<TeamMemberAnswer>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&teams, &caller, &wanted.team).await?);
    let roles = read_roles(wanted.roles.unwrap_or_else(|| vec!["member".to_owned()]))?;
    let user = teams.candidate(&actor, id, &wanted.member).await?;
    teams.add_member(&actor, id, user, &roles).await?;
    Ok(Json(teams.member(&actor, id, user).await?.into()))
}

async fn set_team_roles(
    State(teams): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<AddTeamMember>,
) -> Result<Json<TeamMemberAnswer>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&teams, &caller, &wanted.team).await?);
    let roles = read_roles(wanted.roles.unwrap_or_else(|| vec!["member".to_owned()]))?;
    let user = teams.member_named(&actor, id, &wanted.member).await?;
    teams.set_roles(&actor, id, user, &roles).await?;
    Ok(Json(teams.member(&actor, id, user).await?.into()))
}

async fn remove_team_member(
    State(teams): Shared,
    caller: Caller,
    Parameters(who): Parameters<Somebody>,
) -> Result<Json<Done>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&teams, &caller, &who.team).await?);
    let user = teams.member_named(&actor, id, &who.member).await?;
    teams.remove_member(&actor, id, user).await?;
    Ok(Json(Done { done: true }))
}
