//! Permissions: a matrix of resources and actions, written `resource:action`.

use std::collections::BTreeSet;

use belgie_api::Result;

use super::refusal;

/// Changing name, slug, logo and metadata.
pub const ORGANIZATION_UPDATE: &str = "organization:update";
/// Deleting the organization; owners alone.
pub const ORGANIZATION_DELETE: &str = "organization:delete";
/// Seeing who the members are.
pub const MEMBER_READ: &str = "member:read";
/// Adding people directly.
pub const MEMBER_ADD: &str = "member:add";
/// Giving and taking roles.
pub const MEMBER_UPDATE: &str = "member:update";
/// Removing members.
pub const MEMBER_REMOVE: &str = "member:remove";
/// Seeing who is invited.
pub const INVITATION_READ: &str = "invitation:read";
/// Inviting people.
pub const INVITATION_CREATE: &str = "invitation:create";
/// Taking invitations back.
pub const INVITATION_CANCEL: &str = "invitation:cancel";
/// Seeing the roles there are.
pub const ROLE_READ: &str = "role:read";
/// Making roles.
pub const ROLE_CREATE: &str = "role:create";
/// Changing what roles allow.
pub const ROLE_UPDATE: &str = "role:update";
/// Deleting roles.
pub const ROLE_DELETE: &str = "role:delete";
/// Seeing which agents act for members.
pub const AGENT_READ: &str = "agent:read";
/// Cutting agents of members off.
pub const AGENT_REVOKE: &str = "agent:revoke";
/// Seeing the tokens of services.
pub const TOKEN_READ: &str = "token:read";
/// Making tokens for services.
pub const TOKEN_CREATE: &str = "token:create";
/// Ending tokens of services.
pub const TOKEN_REVOKE: &str = "token:revoke";
/// Making teams.
pub const TEAM_CREATE: &str = "team:create";
/// Changing teams and who is in them.
pub const TEAM_UPDATE: &str = "team:update";
/// Deleting teams.
pub const TEAM_DELETE: &str = "team:delete";

/// Choosing and paying the plan of the organization and of its teams.
pub const BILLING_MANAGE: &str = "billing:manage";

/// Reading what is on record about the organization.
pub const AUDIT_READ: &str = "audit:read";

/// Managing the applications (OAuth clients) of the organization, where whoever keeps them lets organizations have any.
pub const CLIENT_MANAGE: &str = "client:manage";

/// Every permission of this plugin, with the sentence that explains it.
pub const BUILT_IN: [(&str, &str); 24] = [
    (ORGANIZATION_UPDATE, "Change the name, the address and the logo"),
    (ORGANIZATION_DELETE, "Delete the organization"),
    (MEMBER_READ, "See who the members are"),
    (MEMBER_ADD, "Add members directly"),
    (MEMBER_UPDATE, "Change the roles of members"),
    (MEMBER_REMOVE, "Remove members"),
    (INVITATION_READ, "See who is invited"),
    (INVITATION_CREATE, "Invite people"),
    (INVITATION_CANCEL, "Take invitations back"),
    (ROLE_READ, "See the roles"),
    (ROLE_CREATE, "Make roles"),
    (ROLE_UPDATE, "Change what roles allow"),
    (ROLE_DELETE, "Delete roles"),
    (AGENT_READ, "See which agents act for members"),
    (AGENT_REVOKE, "Cut agents of members off"),
    (TOKEN_READ, "See the tokens of services"),
    (TOKEN_CREATE, "Make tokens for services"),
    (TOKEN_REVOKE, "End tokens of services"),
    (TEAM_CREATE, "Make teams"),
    (TEAM_UPDATE, "Change teams and who is in them"),
    (TEAM_DELETE, "Delete teams"),
    (BILLING_MANAGE, "Choose and pay the plan"),
    (CLIENT_MANAGE, "Manage the applications of the organization"),
    (AUDIT_READ, "Read the record of what was done and called"),
];

/// What no role but `owner` can ever allow.
const OWNERS_ALONE: [&str; 1] = [ORGANIZATION_DELETE];

/// What every member may.
const MEMBERS: [&str; 2] = [MEMBER_READ, ROLE_READ];

/// The permissions of one gateway: ours and those the application declares.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    more: BTreeSet<String>,
}

impl Matrix {
    /// Ours, and these of the application.
    #[must_use]
    pub fn with(more: BTreeSet<String>) -> Self {
        Self { more }
    }

    /// All of them, which is what owners have.
    #[must_use]
    pub fn all(&self) -> BTreeSet<String> {
        BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(self.more.iter().cloned()).collect()
    }

    /// What a role of an organization may be given, with its sentence; the application's own have none.
    #[must_use]
    pub fn grantable(&self) -> Vec<(String, &'static str)> {
        let ours = BUILT_IN.iter().filter(|(name, _)| !OWNERS_ALONE.contains(name));
        let ours = ours.map(|(name, words)| ((*name).to_owned(), *words));
        ours.chain(self.more.iter().map(|name| (name.clone(), ""))).collect()
    }

    /// What administrators may: everything but what is for owners alone.
    #[must_use]
    pub fn of_admins(&self) -> BTreeSet<String> {
        self.grantable().into_iter().map(|(name, _)| name).collect()
    }

    /// What plain members may.
    #[must_use]
    pub fn of_members(&self) -> BTreeSet<String> {
        MEMBERS.map(str::to_owned).into()
    }

    /// Those of what somebody wants a role to have that are permissions: what can be told of a wish nobody has looked at.
    #[must_use]
    pub fn known_of(&self, wanted: &[String]) -> BTreeSet<String> {
        let (all, wanted) = (self.all(), wanted.iter().map(|name| spelled(name)));
        wanted.filter(|name| all.contains(name)).collect()
    }

    /// Reads the permissions somebody wants a role to have.
    ///
    /// # Errors
    /// 400 when one is not known here, or is for owners alone.
    pub fn read(&self, wanted: impl IntoIterator<Item = String>) -> Result<BTreeSet<String>> {
        let known = self.of_admins();
        let wanted: BTreeSet<String> =
            wanted.into_iter().map(|name| spelled(&name)).filter(|name| !name.is_empty()).collect();
        match wanted.iter().find(|name| !known.contains(*name)) {
            None => Ok(wanted),
            Some(_) => Err(refusal::unknown_permission(&known)),
        }
    }
}

/// As permissions are written.
fn spelled(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Whether a text is a permission: two words of `a-z 0-9 _ -` with a colon between them, 64 characters at most.
#[must_use]
pub fn is_permission(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
    };
    text.len() <= 64 && text.split_once(':').is_some_and(|(resource, action)| is_word(resource) && is_word(action))
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, Matrix, ORGANIZATION_DELETE, is_permission};

    #[test]
    fn permissions_are_two_words() {
        assert!(BUILT_IN.iter().all(|(name, _)| is_permission(name)));
        for wrong in ["", "a", ":", "a:", ":b", "A:b", "a:b:c", "a b:c", "1a:b"] {
            assert!(!is_permission(wrong), "{wrong}");
        }
    }

    #[test]
    fn owners_have_everything_and_nobody_else_may_delete() {
        let matrix = Matrix::with(["notes:write".to_owned()].into());
        assert!(matrix.all().contains("notes:write") && matrix.all().contains(ORGANIZATION_DELETE));
        assert!(matrix.of_admins().contains("notes:write") && !matrix.of_admins().contains(ORGANIZATION_DELETE));
        assert!(matrix.of_members().is_subset(&matrix.of_admins()));
        assert!(matrix.read([" Notes:Write ".to_owned()]).is_ok());
        assert!(matrix.read([ORGANIZATION_DELETE.to_owned()]).is_err());
        assert!(matrix.read(["notes:burn".to_owned()]).is_err());
    }
}
