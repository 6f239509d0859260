//! The roles an organization makes itself.

use belgie_api::tools::Refused;
use belgie_api::{Caller, tool};

use super::answers::{Done, RoleAnswer, RoleList};
use super::arguments::{DeleteRole, MakeRole, Which};
use super::{Json, Parameters, Set, Shared, State, manage, meant, read};
use crate::actor::Actor;
use crate::model::role::Role;
use crate::model::{permission, refusal};

/// Adds the tools.
pub fn add(set: Set) -> Set {
    set.tool(
        tool("list_roles", "Lists the roles of the organization this connection acts for, with what each allows")
            .title("Roles")
            .arguments::<Which>()
            .returns::<RoleList>()
            .read_only()
            .plain(),
        read().permission(permission::ROLE_READ),
        list_roles,
    )
    .tool(
        tool("create_role", "Makes a role that allows these permissions, none that you do not have yourself")
            .title("Make a role")
            .arguments::<MakeRole>()
            .returns::<RoleAnswer>()
            .plain(),
        manage().permission(permission::ROLE_CREATE),
        create_role,
    )
    .tool(
        tool("update_role", "Makes a role allow these permissions and no others, at once for everybody who has it")
            .title("Change a role")
            .arguments::<MakeRole>()
            .returns::<RoleAnswer>()
            .plain(),
        manage().permission(permission::ROLE_UPDATE),
        update_role,
    )
    .tool(
        tool("delete_role", "Deletes a role that nobody has and nobody is invited to have")
            .title("Delete a role")
            .arguments::<DeleteRole>()
            .returns::<Done>()
            .plain(),
        manage().permission(permission::ROLE_DELETE),
        delete_role,
    )
}

fn named(text: &str) -> Result<Role, belgie_api::Failure> {
    text.parse().map_err(refusal::invalid_role)
}

async fn list_roles(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<RoleList>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    let roles = organizations.roles(&Actor::agent(&caller), id).await?;
    Ok(Json(RoleList { roles: roles.into_iter().map(Into::into).collect() }))
}

async fn create_role(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<MakeRole>,
) -> Result<Json<RoleAnswer>, Refused> {
    let id = meant(&caller, wanted.organization.as_deref())?;
    let name = named(&wanted.role)?;
    Ok(Json(organizations.create_role(&Actor::agent(&caller), id, &name, wanted.permissions).await?.into()))
}

async fn update_role(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<MakeRole>,
) -> Result<Json<RoleAnswer>, Refused> {
    let id = meant(&caller, wanted.organization.as_deref())?;
    let name = named(&wanted.role)?;
    Ok(Json(organizations.update_role(&Actor::agent(&caller), id, &name, wanted.permissions).await?.into()))
}

async fn delete_role(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<DeleteRole>,
) -> Result<Json<Done>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    organizations.delete_role(&Actor::agent(&caller), id, &named(&which.role)?).await?;
    Ok(Json(Done { done: true }))
}
