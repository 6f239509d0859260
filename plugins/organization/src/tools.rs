//! What an agent can do with the organization it acts for: what the person's roles allow, and nothing about owners.
//! Handing an organization on and deleting it is for people on pages, and so is making one: an agent reaches the organization
//! its person chose at consent and no other, so nobody could let it into the one it would make.

mod agents;
mod answers;
mod arguments;
mod entries;
mod record;
mod roles;
mod services;

use std::sync::Arc;

use belgie_api::rmcp::handler::server::wrapper::{Json, Parameters};
use belgie_api::tools::Refused;
use belgie_api::{Caller, Failure, OrgId, Rule, State, ToolSet, access, tool};
use serde_json::Value;

use self::answers::{
    Done, InvitationAnswer, InvitationList, MemberAnswer, MemberList, OrganizationAnswer, OrganizationList,
};
use self::arguments::{
    InviteMember, ListMembers, SetMemberRoles, Somebody, UpdateOrganization, Which, WhichInvitation,
};
use crate::actor::Actor;
use crate::model::organization::OrganizationChanges;
use crate::model::role::read_roles;
use crate::model::{permission, refusal};
use crate::service::{NewInvitation, Organizations};

/// The scope that lets an agent see.
pub const ORG_READ: &str = "org:read";
/// The scope that lets an agent change.
pub const ORG_MANAGE: &str = "org:manage";

type Shared = State<Arc<Organizations>>;
type Set = ToolSet<Arc<Organizations>>;

/// What every tool that looks asks for. The permission stands beside the tool: whoever lacks it does not know of it. The service
/// asks once more, in the transaction.
fn read() -> Rule {
    access().organization().scope(ORG_READ)
}

/// What every tool that changes something asks for: what is done here, a person answers for, so services do not see them.
fn manage() -> Rule {
    prepare().by_person()
}

/// What a tool asks for that leads a person to the page where they do it.
fn prepare() -> Rule {
    access().organization().scope(ORG_MANAGE)
}

/// The tools of this plugin.
pub fn tools(organizations: Arc<Organizations>) -> ToolSet<Arc<Organizations>> {
    let set = agents::add(roles::add(services::add(record::add(ToolSet::new(organizations)))));
    set.tool(
        tool(
            "update_organization",
            "Changes the name, the picture or the metadata of the organization; what is left out stays. Its name in URLs people change on a page: connections made at the old address end",
        )
        .title("Change the organization")
        .arguments::<UpdateOrganization>()
        .returns::<OrganizationAnswer>()
        .plain(),
        manage().permission(permission::ORGANIZATION_UPDATE),
        update_organization,
    )
    .tool(
        tool("resend_invitation", "Sends an open or expired invitation again; the earlier link ends")
            .title("Send an invitation again")
            .arguments::<WhichInvitation>()
            .returns::<InvitationAnswer>()
            .plain(),
        manage().permission(permission::INVITATION_CREATE),
        resend_invitation,
    )
    .tool(
        tool(
            "list_my_organizations",
            "Shows which of your organizations this connection acts for, with your roles in it",
        )
        .title("My organizations")
        .returns::<OrganizationList>()
        .read_only()
        .plain(),
        read(),
        list_my_organizations,
    )
    .tool(
        tool(
            "get_organization",
            "Shows the organization this connection acts for, with your roles and what they allow",
        )
        .title("One organization")
        .arguments::<Which>()
        .returns::<OrganizationAnswer>()
        .read_only()
        .plain(),
        read(),
        get_organization,
    )
    .tool(
        tool(
            "list_members",
            "Lists the members of the organization this connection acts for, fifty at a time, the longest there first",
        )
        .title("Members")
        .arguments::<ListMembers>()
        .returns::<MemberList>()
        .read_only()
        .plain(),
        read().permission(permission::MEMBER_READ),
        list_members,
    )
    .tool(
        tool("list_invitations", "Lists the open invitations of the organization this connection acts for")
            .title("Invitations")
            .arguments::<Which>()
            .returns::<InvitationList>()
            .read_only()
            .plain(),
        read().permission(permission::INVITATION_READ),
        list_invitations,
    )
    .tool(
        tool("invite_member", "Invites somebody into the organization by e-mail address")
            .title("Invite somebody")
            .arguments::<InviteMember>()
            .returns::<InvitationAnswer>()
            .plain(),
        manage().permission(permission::INVITATION_CREATE),
        invite_member,
    )
    .tool(
        tool("cancel_invitation", "Takes an open invitation of the organization back")
            .title("Take an invitation back")
            .arguments::<WhichInvitation>()
            .returns::<Done>()
            .plain(),
        manage().permission(permission::INVITATION_CANCEL),
        cancel_invitation,
    )
    .tool(
        tool("set_member_roles", "Gives a member these roles and no others. Owners are made by people alone")
            .title("Set the roles of a member")
            .arguments::<SetMemberRoles>()
            .returns::<MemberAnswer>()
            .plain(),
        manage().permission(permission::MEMBER_READ).permission(permission::MEMBER_UPDATE),
        set_member_roles,
    )
    .tool(
        tool("remove_member", "Removes a member from the organization. Owners are removed by people alone")
            .title("Remove a member")
            .arguments::<Somebody>()
            .returns::<Done>()
            .plain(),
        manage().permission(permission::MEMBER_READ).permission(permission::MEMBER_REMOVE),
        remove_member,
    )
}

/// The organization a tool works in: the one the call is made for. Another one is as unknown as one that never was, also to
/// a member of both, and so is a name it had before.
fn meant(caller: &Caller, named: Option<&str>) -> Result<OrgId, Failure> {
    let bound = caller.organization().ok_or_else(refusal::unknown)?;
    let is_bound =
        |text: &str| text.parse().is_ok_and(|id: OrgId| id == bound.id) || text.eq_ignore_ascii_case(&bound.slug);
    if named.is_none_or(|text| is_bound(text.trim())) { Ok(bound.id) } else { Err(refusal::unknown()) }
}

async fn list_my_organizations(
    State(organizations): Shared,
    caller: Caller,
) -> Result<Json<OrganizationList>, Refused> {
    let id = meant(&caller, None)?;
    if caller.service().is_some() {
        let own = organizations.details(&Actor::agent(&caller), id).await?;
        return Ok(Json(OrganizationList::of_service(own)));
    }
    let mut mine = organizations.list_for(caller.user().id).await?;
    mine.retain(|membership| membership.organization_id == id);
    Ok(Json(OrganizationList::of(&mine)))
}

async fn get_organization(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<OrganizationAnswer>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    Ok(Json(organizations.details(&Actor::agent(&caller), id).await?.into()))
}

async fn list_members(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<ListMembers>,
) -> Result<Json<MemberList>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    let members = organizations.members(&Actor::agent(&caller), id, which.page.unwrap_or_default()).await?;
    Ok(Json(MemberList { members: members.into_iter().map(Into::into).collect() }))
}

async fn list_invitations(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<InvitationList>, Refused> {
    let id = meant(&caller, which.organization.as_deref())?;
    let open = organizations.invitations(&Actor::agent(&caller), id, false).await?;
    Ok(Json(InvitationList { invitations: open.iter().map(Into::into).collect() }))
}

async fn invite_member(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<InviteMember>,
) -> Result<Json<InvitationAnswer>, Refused> {
    let id = meant(&caller, wanted.organization.as_deref())?;
    let roles = read_roles(wanted.roles.unwrap_or_else(|| vec!["member".to_owned()]))?;
    let actor = Actor::agent(&caller);
    let team = organizations.team_named(&actor, id, wanted.team.as_deref()).await?;
    let new = NewInvitation { email: wanted.email, roles, resend: wanted.resend.unwrap_or_default(), team };
    let invitation = organizations.invite(&actor, id, new).await?;
    Ok(Json((&invitation).into()))
}

async fn cancel_invitation(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<WhichInvitation>,
) -> Result<Json<Done>, Refused> {
    let id = which.invitation.parse().map_err(|_| refusal::unknown_invitation())?;
    organizations.cancel_invitation(&Actor::agent(&caller), id).await?;
    Ok(Json(Done { done: true }))
}

async fn resend_invitation(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<WhichInvitation>,
) -> Result<Json<InvitationAnswer>, Refused> {
    let id = which.invitation.parse().map_err(|_| refusal::unknown_invitation())?;
    Ok(Json((&organizations.resend(&Actor::agent(&caller), id).await?).into()))
}

async fn update_organization(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<UpdateOrganization>,
) -> Result<Json<OrganizationAnswer>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&caller, wanted.organization.as_deref())?);
    let logo_url = wanted.logo_url.map(|logo| Some(logo).filter(|logo| !logo.trim().is_empty()));
    let changes =
        OrganizationChanges { name: wanted.name, slug: None, logo_url, metadata: wanted.metadata.map(Value::Object) };
    organizations.update(&actor, id, changes).await?;
    Ok(Json(organizations.details(&actor, id).await?.into()))
}

async fn set_member_roles(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<SetMemberRoles>,
) -> Result<Json<MemberAnswer>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&caller, wanted.organization.as_deref())?);
    let roles = read_roles(&wanted.roles)?;
    let user = organizations.member_named(&actor, id, &wanted.member).await?;
    organizations.set_roles(&actor, id, user, &roles).await?;
    Ok(Json(organizations.member(&actor, id, user).await?.into()))
}

async fn remove_member(
    State(organizations): Shared,
    caller: Caller,
    Parameters(who): Parameters<Somebody>,
) -> Result<Json<Done>, Refused> {
    let (actor, id) = (Actor::agent(&caller), meant(&caller, who.organization.as_deref())?);
    let user = organizations.member_named(&actor, id, &who.member).await?;
    organizations.remove_member(&actor, id, user).await?;
    Ok(Json(Done { done: true }))
}
