//! Every no, in one place: a code, a sentence, and what to do next.

use belgie_api::Failure;

/// There is no such team in the organization, or the agent was not let act for it: nobody learns which.
pub fn unknown() -> Failure {
    Failure::not_found("team.unknown", "There is no such team.").hint("Look at the list of teams of the organization.")
}

/// Somebody of the organization whose roles there and in the team do not allow it.
pub fn forbidden() -> Failure {
    Failure::forbidden("team.forbidden", "Your roles do not allow this in this team.")
        .hint("Ask whoever leads the team, or an administrator of the organization.")
}

/// A lead would give or take a role they do not have.
pub fn beyond_you() -> Failure {
    Failure::forbidden("team.beyond_you", "Whoever leads a team gives and takes only roles they have themselves.")
        .hint("Ask an administrator of the organization.")
}

/// The organization has as many as it can.
pub fn too_many(limit: u32) -> Failure {
    Failure::forbidden("team.too_many", format!("An organization can have {limit} teams at most."))
        .hint("Delete one that nobody needs.")
}

/// The team has as many as it can.
pub fn full(limit: u32) -> Failure {
    Failure::forbidden("team.full", format!("The team is full: it can have {limit} members at most."))
        .hint("Somebody has to leave it first.")
}

/// A team of the organization has it, or it is reserved.
pub fn slug_taken() -> Failure {
    Failure::conflict("team.slug_taken", "A team of this organization has this address.").hint("Choose another one.")
}

/// It breaks the grammar, or none follows from the name.
pub fn invalid_slug() -> Failure {
    let message = "The address of a team is 2 to 48 of a-z and 0-9, with single hyphens in between.";
    Failure::bad_request("team.invalid_slug", message)
}

/// It is empty or too long.
pub fn invalid_name() -> Failure {
    Failure::bad_request("team.invalid_name", "A name has 1 to 100 characters.")
}

/// Whoever comes into a team is in its organization.
pub fn not_in_organization() -> Failure {
    let message = "Only members of the organization can come into its teams, and this is none.";
    Failure::bad_request("team.not_in_organization", message).hint("Invite the person, into this team if you like.")
}

/// Nobody of this id or address is in the team.
pub fn unknown_member() -> Failure {
    Failure::not_found("team.unknown_member", "There is no such member of the team.")
}

/// An agent that was let act for some teams would make another one.
pub fn bound_to_teams() -> Failure {
    let message = "This agent acts for some teams alone, so it makes no other.";
    Failure::forbidden("team.bound_to_teams", message).hint("Do it on the page of the organization.")
}
