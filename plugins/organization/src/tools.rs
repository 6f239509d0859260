//! What an agent can do with the organizations of its person: what the person's roles allow, and nothing about owners.
//! Handing an organization on and deleting it is for people on pages.

mod answers;
mod arguments;

use std::sync::Arc;

use belgie_api::rmcp::ErrorData;
use belgie_api::rmcp::handler::server::tool::IntoCallToolResult;
use belgie_api::rmcp::handler::server::wrapper::{Json, Parameters};
use belgie_api::rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use belgie_api::{Caller, Failure, OrgId, State, ToolSet, UserId, access, tool};
use serde_json::json;

use self::answers::{
    Done, InvitationAnswer, InvitationList, MemberAnswer, MemberList, OrganizationAnswer, OrganizationList,
};
use self::arguments::{
    CancelInvitation, CreateOrganization, InviteMember, ListMembers, SetMemberRoles, Somebody, Which,
};
use crate::actor::Actor;
use crate::model::organization::NewOrganization;
use crate::model::refusal;
use crate::model::role::{OWNER, Roles, read_roles};
use crate::service::{NewInvitation, Organizations};

/// The scope that lets an agent see.
pub const ORG_READ: &str = "org:read";
/// The scope that lets an agent change.
pub const ORG_MANAGE: &str = "org:manage";

type Shared = State<Arc<Organizations>>;

/// The tools of this plugin.
pub fn tools(organizations: Arc<Organizations>) -> ToolSet<Arc<Organizations>> {
    let read = || access().scope(ORG_READ);
    let manage = || access().scope(ORG_MANAGE);
    ToolSet::new(organizations)
        .tool(
            tool("list_my_organizations", "Lists the organizations you are in, with your roles in each")
                .title("My organizations")
                .returns::<OrganizationList>()
                .read_only()
                .plain(),
            read(),
            list_my_organizations,
        )
        .tool(
            tool("get_organization", "Shows one organization you are in, with your roles and what they allow")
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
                "Lists the members of an organization you are in, fifty at a time, the longest there first",
            )
            .title("Members")
            .arguments::<ListMembers>()
            .returns::<MemberList>()
            .read_only()
            .plain(),
            read(),
            list_members,
        )
        .tool(
            tool("list_invitations", "Lists the open invitations of an organization you are in")
                .title("Invitations")
                .arguments::<Which>()
                .returns::<InvitationList>()
                .read_only()
                .plain(),
            read(),
            list_invitations,
        )
        .tool(
            tool("create_organization", "Makes an organization that you own")
                .title("Make an organization")
                .arguments::<CreateOrganization>()
                .returns::<OrganizationAnswer>()
                .plain(),
            manage(),
            create_organization,
        )
        .tool(
            tool("invite_member", "Invites somebody into an organization by e-mail address")
                .title("Invite somebody")
                .arguments::<InviteMember>()
                .returns::<InvitationAnswer>()
                .plain(),
            manage(),
            invite_member,
        )
        .tool(
            tool("cancel_invitation", "Takes an open invitation of an organization back")
                .title("Take an invitation back")
                .arguments::<CancelInvitation>()
                .returns::<Done>()
                .plain(),
            manage(),
            cancel_invitation,
        )
        .tool(
            tool("set_member_roles", "Gives a member these roles and no others. Owners are made by people alone")
                .title("Set the roles of a member")
                .arguments::<SetMemberRoles>()
                .returns::<MemberAnswer>()
                .plain(),
            manage(),
            set_member_roles,
        )
        .tool(
            tool("remove_member", "Removes a member from an organization. Owners are removed by people alone")
                .title("Remove a member")
                .arguments::<Somebody>()
                .returns::<Done>()
                .plain(),
            manage(),
            remove_member,
        )
}

/// A failure as an agent reads it: its code and its sentence, with what to do next. What is our fault is a protocol error.
struct Refused(Failure);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoCallToolResult for Refused {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let Self(failure) = self;
        if failure.status().is_server_error() {
            tracing::error!(error = ?failure, "a tool of organizations failed");
            return Err(ErrorData::internal_error(failure.message().to_owned(), None));
        }
        let words = match failure.remedy() {
            Some(remedy) => format!("{} {remedy}", failure.message()),
            None => failure.message().to_owned(),
        };
        let mut result = CallToolResult::error(vec![ContentBlock::text(words)]);
        result.structured_content =
            Some(json!({ "error": failure.code(), "error_description": failure.message(), "hint": failure.remedy() }));
        Ok(result.into())
    }
}

async fn list_my_organizations(
    State(organizations): Shared,
    caller: Caller,
) -> Result<Json<OrganizationList>, Refused> {
    Ok(Json(OrganizationList::of(&organizations.list_for(caller.user().id).await?)))
}

async fn get_organization(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<OrganizationAnswer>, Refused> {
    let id = organizations.resolve(&which.organization).await?;
    Ok(Json(organizations.details(&Actor::caller(&caller), id).await?.into()))
}

async fn list_members(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<ListMembers>,
) -> Result<Json<MemberList>, Refused> {
    let id = organizations.resolve(&which.organization).await?;
    let members = organizations.members(&Actor::caller(&caller), id, which.page.unwrap_or_default()).await?;
    Ok(Json(MemberList { members: members.into_iter().map(Into::into).collect() }))
}

async fn list_invitations(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<InvitationList>, Refused> {
    let id = organizations.resolve(&which.organization).await?;
    let open = organizations.invitations(&Actor::caller(&caller), id, false).await?;
    Ok(Json(InvitationList { invitations: open.iter().map(Into::into).collect() }))
}

async fn create_organization(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<CreateOrganization>,
) -> Result<Json<OrganizationAnswer>, Refused> {
    let actor = Actor::caller(&caller);
    let new = NewOrganization { name: wanted.name, slug: wanted.slug, ..NewOrganization::default() };
    let made = organizations.create(&actor, new).await?;
    Ok(Json(organizations.details(&actor, made.id).await?.into()))
}

async fn invite_member(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<InviteMember>,
) -> Result<Json<InvitationAnswer>, Refused> {
    let roles = without_owner(&wanted.roles.unwrap_or_else(|| vec!["member".to_owned()]))?;
    let id = organizations.resolve(&wanted.organization).await?;
    let new = NewInvitation { email: wanted.email, roles, resend: wanted.resend.unwrap_or_default(), team: None };
    let invitation = organizations.invite(&Actor::caller(&caller), id, new).await?;
    Ok(Json((&invitation).into()))
}

async fn cancel_invitation(
    State(organizations): Shared,
    caller: Caller,
    Parameters(which): Parameters<CancelInvitation>,
) -> Result<Json<Done>, Refused> {
    let id = which.invitation.parse().map_err(|_| refusal::unknown_invitation())?;
    organizations.cancel_invitation(&Actor::caller(&caller), id).await?;
    Ok(Json(Done { done: true }))
}

async fn set_member_roles(
    State(organizations): Shared,
    caller: Caller,
    Parameters(wanted): Parameters<SetMemberRoles>,
) -> Result<Json<MemberAnswer>, Refused> {
    let roles = without_owner(&wanted.roles)?;
    let (id, user) = no_owner(&organizations, &caller, &wanted.organization, &wanted.member).await?;
    let actor = Actor::caller(&caller);
    organizations.set_roles(&actor, id, user, &roles).await?;
    Ok(Json(organizations.member(&actor, id, user).await?.into()))
}

async fn remove_member(
    State(organizations): Shared,
    caller: Caller,
    Parameters(who): Parameters<Somebody>,
) -> Result<Json<Done>, Refused> {
    let (id, user) = no_owner(&organizations, &caller, &who.organization, &who.member).await?;
    organizations.remove_member(&Actor::caller(&caller), id, user).await?;
    Ok(Json(Done { done: true }))
}

/// Roles an agent may give: not that of an owner.
fn without_owner(names: &[String]) -> Result<Roles, Failure> {
    let roles = read_roles(names)?;
    if roles.contains(OWNER) { Err(refusal::not_by_agents()) } else { Ok(roles) }
}

/// A member an agent may touch: no owner.
async fn no_owner(
    organizations: &Organizations,
    caller: &Caller,
    organization: &str,
    member: &str,
) -> Result<(OrgId, UserId), Failure> {
    let (actor, id) = (Actor::caller(caller), organizations.resolve(organization).await?);
    let user = organizations.member_named(&actor, id, member).await?;
    let is_owner = organizations.member(&actor, id, user).await?.member.roles.contains(OWNER);
    if is_owner { Err(refusal::not_by_agents()) } else { Ok((id, user)) }
}
