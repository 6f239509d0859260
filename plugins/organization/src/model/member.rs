//! Members, and who may touch whom.

use std::collections::BTreeSet;

use belgie_api::context::OrgContext;
use belgie_api::{OrgId, Result, Timestamp, UserId};
use serde::Serialize;

use super::refusal;
use super::role::{ADMIN, MEMBER, OWNER, Role, Roles};

/// Somebody in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The organization.
    pub organization_id: OrgId,
    /// The person.
    pub user_id: UserId,
    /// What they are in it; never empty.
    pub roles: Roles,
    /// When they came.
    pub joined_at: Timestamp,
}

/// An organization as one of its members sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// A picture, if it has one.
    pub logo_url: Option<String>,
    /// What the person is in it.
    pub roles: Roles,
    /// When they came.
    pub joined_at: Timestamp,
}

/// What an organization is called in URLs, and was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slugs {
    /// Its name now.
    pub now: String,
    /// The names it had before.
    pub former: BTreeSet<String>,
}

impl Slugs {
    /// Reads them as they are found. `former`: with spaces between them.
    #[must_use]
    pub fn new(now: String, former: Option<&str>) -> Self {
        Self {
            now,
            former: former.unwrap_or_default().split(' ').filter(|slug| !slug.is_empty()).map(str::to_owned).collect(),
        }
    }
}

/// What somebody may do in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powers {
    /// Their roles.
    pub roles: Roles,
    /// What the roles allow, as `resource:action`.
    pub permissions: BTreeSet<String>,
}

impl Powers {
    /// Whether they may do this.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Refuses whoever may not do this.
    ///
    /// # Errors
    /// 403 when they may not.
    pub fn must_allow(&self, permission: &str) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(refusal::forbidden()) }
    }

    /// Whether they are an owner.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.roles.contains(OWNER)
    }

    /// Whether they may give a role only because of what it is called: owners and administrators all but `owner`, everybody
    /// else those they have themselves. What the operator's rules open for a name, its permissions do not show. `member` is
    /// what anybody can be.
    fn may_name(&self, role: &Role) -> bool {
        self.is_owner() || self.roles.contains(ADMIN) || role.as_str() == MEMBER || self.roles.contains(role)
    }

    /// The same as the caller's context of an organization.
    #[must_use]
    pub fn into_context(self, id: OrgId, slugs: Slugs) -> OrgContext {
        let roles = self.roles.into_iter().map(String::from).collect();
        OrgContext { id, slug: slugs.now, former_slugs: slugs.former, roles, permissions: self.permissions }
    }

    /// Nobody gives, takes or touches more than they hold: only owners make, change or remove owners, a role that allows
    /// something its giver may not do is not theirs to give, and whoever is neither owner nor administrator gives and takes
    /// no role but their own and `member`, whatever it allows.
    ///
    /// # Errors
    /// 403 when `other`, what a person has, gets or loses, is beyond these powers.
    pub fn must_cover(&self, other: &Self) -> Result<()> {
        if other.is_owner() && !self.is_owner() {
            return Err(refusal::owners_only());
        }
        let is_covered = other.permissions.is_subset(&self.permissions);
        if is_covered && other.roles.iter().all(|role| self.may_name(role)) {
            Ok(())
        } else {
            Err(refusal::beyond_you())
        }
    }
}

/// Every organization keeps an owner. `owners`: how many there are, counted while the organization is held.
///
/// # Errors
/// 409 when the last one would go.
pub fn keep_an_owner(before: &Roles, after: &Roles, owners: i64) -> Result<()> {
    let loses_one = before.contains(OWNER) && !after.contains(OWNER);
    if loses_one && owners <= 1 { Err(refusal::last_owner()) } else { Ok(()) }
}

/// What roles are called in one line, the weightiest first.
#[must_use]
pub fn in_words(roles: &Roles) -> String {
    let rank = |role: &&Role| {
        (["owner", "admin"].iter().position(|name| *name == role.as_str()).unwrap_or(2), role.as_str().to_owned())
    };
    let mut sorted: Vec<&Role> = roles.iter().collect();
    sorted.sort_by_key(rank);
    sorted.into_iter().map(Role::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Powers, in_words, keep_an_owner};
    use crate::model::permission::Matrix;
    use crate::model::role::{Role, Roles, read_roles};

    fn powers(roles: &[&str], more: &[&str]) -> Powers {
        let roles = read_roles(roles).unwrap();
        let fixed = roles.iter().filter_map(|role| role.fixed_permissions(&Matrix::default())).flatten();
        Powers { permissions: fixed.chain(more.iter().map(|name| (*name).to_owned())).collect(), roles }
    }

    #[test]
    fn nobody_touches_more_than_they_hold() {
        let (owner, admin, member) = (powers(&["owner"], &[]), powers(&["admin"], &[]), powers(&["member"], &[]));
        let recruiter = powers(&["recruiter"], &["member:read", "role:read", "member:update"]);
        assert!(owner.must_cover(&owner).is_ok() && owner.must_cover(&admin).is_ok());
        assert!(admin.must_cover(&admin).is_ok() && admin.must_cover(&recruiter).is_ok());
        assert_eq!(admin.must_cover(&owner).unwrap_err().code(), "organization.owners_only");
        assert_eq!(recruiter.must_cover(&admin).unwrap_err().code(), "organization.beyond_you");
        assert!(recruiter.must_cover(&member).is_ok() && recruiter.must_cover(&recruiter).is_ok());
        // A name counts by itself for whoever is no administrator, though it allows nothing.
        let approver = powers(&["approver"], &[]);
        assert_eq!(recruiter.must_cover(&approver).unwrap_err().code(), "organization.beyond_you");
        assert!(admin.must_cover(&approver).is_ok());
        // An owner's role counts by itself, whatever it allows.
        let hollow = Powers { roles: [Role::owner()].into(), permissions: [].into() };
        assert!(admin.must_cover(&hollow).is_err());
    }

    #[test]
    fn the_last_owner_stays() {
        let (owner, admin): (Roles, Roles) = ([Role::owner()].into(), [Role::admin()].into());
        assert!(keep_an_owner(&owner, &admin, 1).is_err() && keep_an_owner(&owner, &Roles::new(), 1).is_err());
        assert!(keep_an_owner(&owner, &admin, 2).is_ok() && keep_an_owner(&owner, &owner, 1).is_ok());
        assert!(keep_an_owner(&admin, &Roles::new(), 1).is_ok());
    }

    #[test]
    fn roles_are_said_in_their_order() {
        assert_eq!(
            in_words(&read_roles(["member", "auditor", "admin", "owner"]).unwrap()),
            "owner, admin, auditor, member"
        );
    }
}
