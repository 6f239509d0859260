//! Every no, in one place: a code, a sentence, and what to do next.

use std::collections::BTreeSet;

use belgie_api::Failure;

use super::role::InvalidRole;

/// There is no such organization, or the person is not in it: nobody outside learns which.
pub fn unknown() -> Failure {
    Failure::not_found("organization.unknown", "There is no such organization.")
        .hint("Look at the list of your organizations.")
}

/// A member whose roles do not allow it.
pub fn forbidden() -> Failure {
    Failure::forbidden("organization.forbidden", "Your roles in this organization do not allow this.")
        .hint("Ask one of its owners.")
}

/// Something that touches an owner.
pub fn owners_only() -> Failure {
    Failure::forbidden("organization.owners_only", "Only owners can make, change or remove owners.")
        .hint("Ask one of the owners.")
}

/// Something that touches more than the person holds.
pub fn beyond_you() -> Failure {
    Failure::forbidden(
        "organization.beyond_you",
        "Nobody can give, change or take away more than they may do themselves.",
    )
    .hint("Ask somebody who may do all of it.")
}

/// The last owner would go.
pub fn last_owner() -> Failure {
    Failure::conflict("organization.last_owner", "An organization needs an owner, and this is the last one.")
        .hint("Make somebody else an owner first, or delete the organization.")
}

/// An account goes that is the only owner of an organization with other members.
pub fn sole_owner(name: &str) -> Failure {
    let message = format!("This account is the only owner of “{name}”, which has other members.");
    Failure::conflict("organization.sole_owner", message).hint("Make somebody else its owner first, or delete it.")
}

/// People may not make organizations here.
pub fn creation_closed() -> Failure {
    Failure::forbidden("organization.creation_closed", "Organizations are made by the operator here.")
        .hint("Ask whoever runs this host.")
}

/// Somebody owns as many as one may.
pub fn too_many(limit: u32) -> Failure {
    Failure::conflict("organization.too_many", format!("One person can own {limit} organizations at most."))
        .hint("Delete one you do not need, or make somebody else its owner.")
}

/// Somebody took as many addresses in a day as one may.
pub fn too_many_slugs(limit: u32) -> Failure {
    let message = format!("One person can take {limit} new addresses for organizations in a day at most.");
    Failure::conflict("organization.too_many_slugs", message).hint("Try again tomorrow.")
}

/// The organization is full.
pub fn full(limit: u32) -> Failure {
    Failure::conflict("organization.full", format!("An organization can have {limit} members at most."))
        .hint("Remove somebody first.")
}

/// As many invitations are open as can be.
pub fn too_many_invitations(limit: u32) -> Failure {
    Failure::conflict("organization.too_many_invitations", format!("{limit} invitations can be open at a time."))
        .hint("Cancel some of them first.")
}

/// As many roles as there can be.
pub fn too_many_custom_roles(limit: i64) -> Failure {
    Failure::conflict(
        "organization.too_many_custom_roles",
        format!("An organization can have {limit} roles of its own at most."),
    )
    .hint("Delete one nobody has.")
}

/// Somebody has it, had it, or it is reserved.
pub fn slug_taken() -> Failure {
    Failure::conflict("organization.slug_taken", "This address is taken.").hint("Choose another one.")
}

/// It breaks the grammar.
pub fn invalid_slug() -> Failure {
    Failure::bad_request(
        "organization.invalid_slug",
        "An address is 2 to 48 of a-z and 0-9, with single hyphens in between.",
    )
}

/// It is empty or too long.
pub fn invalid_name(longest: usize) -> Failure {
    Failure::bad_request("organization.invalid_name", format!("A name has 1 to {longest} characters."))
}

/// It is no picture.
pub fn invalid_logo() -> Failure {
    Failure::bad_request(
        "organization.invalid_logo",
        "A logo is an https address, or a data: URL with a PNG, JPEG, WebP or GIF of at most 64 KiB.",
    )
}

/// It is no small object.
pub fn invalid_metadata() -> Failure {
    Failure::bad_request("organization.invalid_metadata", "Metadata is a JSON object of at most 8 KiB.")
}

/// It is no name of a role.
pub fn invalid_role(error: InvalidRole) -> Failure {
    let message = "A role is 1 to 32 of a-z, 0-9, - and _, beginning with a letter.";
    Failure::bad_request("organization.invalid_role", message).source(error)
}

/// A member without any role.
pub fn no_role() -> Failure {
    Failure::bad_request("organization.no_role", "A member has at least one role.").hint("Name one, such as member.")
}

/// More than anybody needs.
pub fn too_many_roles(most: usize) -> Failure {
    Failure::bad_request("organization.too_many_roles", format!("A member can have {most} roles at most."))
}

/// The organization has no role of this name.
pub fn unknown_role() -> Failure {
    Failure::bad_request("organization.unknown_role", "This organization has no such role.")
        .hint("There are owner, admin, member, and the roles it made itself.")
}

/// The organization has one of this name already, or everybody has.
pub fn role_taken() -> Failure {
    Failure::conflict("organization.role_taken", "There is a role of this name already.")
}

/// The three that every organization has stay as they are.
pub fn fixed_role() -> Failure {
    Failure::conflict("organization.fixed_role", "The roles owner, admin and member are the same everywhere.")
        .hint("Make a role of your own.")
}

/// Somebody has it, or is invited to have it.
pub fn role_in_use() -> Failure {
    Failure::conflict("organization.role_in_use", "Somebody has this role, or is invited to have it.")
        .hint("Take it away from them first.")
}

/// It is no permission a role can have.
pub fn unknown_permission(known: &BTreeSet<String>) -> Failure {
    let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Failure::bad_request("organization.unknown_permission", "This is no permission a role can have.")
        .hint(format!("There are: {known}."))
}

/// Nobody of this id or address is in the organization.
pub fn unknown_member() -> Failure {
    Failure::not_found("organization.unknown_member", "There is no such member.")
}

/// Nobody has such an account.
pub fn unknown_user() -> Failure {
    Failure::not_found("organization.unknown_user", "There is no such account.")
}

/// The person is in the organization.
pub fn already_member() -> Failure {
    Failure::conflict("organization.already_member", "This person is a member already.")
}

/// An invitation to this address is open.
pub fn already_invited() -> Failure {
    Failure::conflict("organization.already_invited", "This person is invited already.")
        .hint("Send the invitation again, which ends the earlier one.")
}

/// There is no such team in the organization, or there are no teams here.
pub fn unknown_team() -> Failure {
    Failure::bad_request("organization.unknown_team", "This organization has no such team.")
        .hint("Choose one of its teams, or none.")
}

/// It is no address.
pub fn invalid_email() -> Failure {
    Failure::bad_request("organization.invalid_email", "This is not an e-mail address.")
}

/// There is none, or it is somebody else's: nobody learns which.
pub fn unknown_invitation() -> Failure {
    Failure::not_found("organization.unknown_invitation", "There is no such invitation.")
        .hint("Sign in with the address it was sent to, or ask for another one.")
}

/// It was used, or its time is over.
pub fn invitation_over() -> Failure {
    Failure::conflict("organization.invitation_over", "This invitation is not open any more.")
        .hint("Ask whoever invited you for another one.")
}

/// The recipient has not proved to read mail at the address.
pub fn unverified() -> Failure {
    Failure::forbidden("organization.email_unverified", "Confirm your e-mail address before you accept an invitation.")
        .hint("Your account page sends you the link.")
}

/// Only a person can do it.
pub fn person_needed() -> Failure {
    Failure::bad_request("organization.person_needed", "This can only be done by a person.")
}

/// The session or the account ended while the request was under way.
pub fn signed_out() -> Failure {
    Failure::forbidden("session.ended", "You were signed out in the meantime. Nothing was changed.")
        .hint("Sign in again.")
}

/// What people do on pages: whatever touches an owner, and what decides where a person belongs.
pub fn not_by_agents() -> Failure {
    let message = "Whatever touches owners, and who belongs where, is decided by people, not by agents.";
    Failure::forbidden("organization.not_by_agents", message).hint("Do it on the page of the organization.")
}

/// It asks for a fresh session.
pub fn not_fresh() -> Failure {
    Failure::forbidden("session.not_fresh", "Confirm that you are there first.")
        .hint("Open /auth/confirm, then try again.")
}

/// An operator wears the session of the person.
pub fn worn() -> Failure {
    Failure::forbidden("session.impersonated", "This is for the person alone.").hint("End the impersonation first.")
}

/// An owner would hand an organization on to themselves.
pub fn already_owner() -> Failure {
    Failure::conflict("organization.already_owner", "You are an owner already.").hint("Choose another member.")
}

/// Somebody typed another name than that of what is to be deleted.
pub fn not_the_slug() -> Failure {
    Failure::bad_request("organization.not_the_slug", "This is not the address of this organization.")
}

/// The link of an invitation that was used or taken back, whose time is over, or that never was.
pub fn link_over() -> Failure {
    Failure::not_found("organization.link_over", "This invitation is not open any more.")
        .hint("Ask whoever invited you for another one.")
}

/// Letters in the name of somebody whose address is not proven are not sent.
pub fn inviter_unverified() -> Failure {
    Failure::forbidden("organization.inviter_unverified", "Confirm your e-mail address before you invite others.")
        .hint("Your account page sends you the link.")
}

/// It acts nowhere in this organization.
pub fn unknown_agent() -> Failure {
    Failure::not_found("organization.unknown_agent", "No such agent acts in this organization.")
        .hint("Look at the list of its agents.")
}

/// It is no service of this organization, or has ended.
pub fn unknown_service() -> Failure {
    Failure::not_found("organization.unknown_service", "This organization has no such service.")
        .hint("Look at the list of its services.")
}

/// A service would be an owner.
pub fn owners_are_people() -> Failure {
    Failure::bad_request("organization.owners_are_people", "A service cannot be an owner: owners are people.")
        .hint("Give it `admin`, or better a role that allows just what it does.")
}

/// As many services as there can be.
pub fn too_many_services(limit: usize) -> Failure {
    let message = format!("An organization can have {limit} services at most.");
    Failure::conflict("organization.too_many_services", message).hint("End one you do not need.")
}

/// It is no name of a service.
pub fn invalid_service_name(longest: usize) -> Failure {
    Failure::bad_request(
        "organization.invalid_service_name",
        format!("The name of a service has 1 to {longest} characters, all of which can be seen."),
    )
}

/// It lasts too long, or not at all.
pub fn invalid_lifetime(days: u64) -> Failure {
    Failure::bad_request("organization.invalid_lifetime", format!("A token lasts {days} days at most."))
}

/// A scope that a service cannot have.
pub fn unknown_scope(known: &BTreeSet<&str>) -> Failure {
    let known = known.iter().copied().collect::<Vec<_>>().join(", ");
    Failure::bad_request("organization.unknown_scope", "A service cannot have one of these scopes.")
        .hint(format!("It can have: {known}."))
}

/// A text that is no list of scopes.
pub fn malformed_scope() -> Failure {
    Failure::bad_request("organization.malformed_scope", "These are not scopes.")
        .hint("Write scopes with spaces between them: \"a b\".")
}
