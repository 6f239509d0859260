//! Roles: three that every organization has, and those it makes itself.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use belgie_api::Result;
use serde::{Deserialize, Serialize};

use super::permission::Matrix;
use super::refusal;

/// The role that may do everything. Every organization has an owner.
pub const OWNER: &str = "owner";
/// The role that may do everything but what is for owners alone.
pub const ADMIN: &str = "admin";
/// The role of everybody else.
pub const MEMBER: &str = "member";

const LONGEST: usize = 32;
/// The most roles one member can have.
const MOST: usize = 16;

/// A text that is no name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is 1 to 32 of a-z, 0-9, - and _, beginning with a letter")]
pub struct InvalidRole;

/// The name of a role, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(try_from = "String", into = "String")]
pub struct Role(String);

/// The roles of one member.
pub type Roles = BTreeSet<Role>;

impl Role {
    /// `owner`.
    #[must_use]
    pub fn owner() -> Self {
        Self(OWNER.to_owned())
    }

    /// `admin`.
    #[must_use]
    pub fn admin() -> Self {
        Self(ADMIN.to_owned())
    }

    /// `member`.
    #[must_use]
    pub fn member() -> Self {
        Self(MEMBER.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether every organization has it.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        matches!(self.0.as_str(), OWNER | ADMIN | MEMBER)
    }

    /// What a role that every organization has allows; `None` for the others.
    #[must_use]
    pub fn fixed_permissions(&self, matrix: &Matrix) -> Option<BTreeSet<String>> {
        match self.0.as_str() {
            OWNER => Some(matrix.all()),
            ADMIN => Some(matrix.of_admins()),
            MEMBER => Some(matrix.of_members()),
            _ => None,
        }
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    /// Reads a name in any case, with spaces around it.
    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        let name = text.trim().to_lowercase();
        let is_fine = (1..=LONGEST).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'));
        is_fine.then_some(Self(name)).ok_or(InvalidRole)
    }
}

impl TryFrom<String> for Role {
    type Error = InvalidRole;

    fn try_from(text: String) -> Result<Self, InvalidRole> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.0
    }
}

impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the roles somebody names: one text or several, each perhaps a list with commas.
///
/// # Errors
/// 400 when there is none, too many, or one is no name of a role.
pub fn read_roles<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Roles> {
    let mut roles = Roles::new();
    for text in names {
        for name in text.as_ref().split(',').filter(|name| !name.trim().is_empty()) {
            roles.insert(name.parse().map_err(refusal::invalid_role)?);
        }
    }
    match roles.len() {
        1..=MOST => Ok(roles),
        0 => Err(refusal::no_role()),
        _ => Err(refusal::too_many_roles(MOST)),
    }
}

/// Whether one of these roles is this one.
#[must_use]
pub fn has_role(roles: &Roles, role: &str) -> bool {
    roles.contains(role.trim().to_lowercase().as_str())
}

/// Whether one of these roles is one of those.
#[must_use]
pub fn has_any_role(roles: &Roles, any: &[&str]) -> bool {
    any.iter().any(|role| has_role(roles, role))
}

#[cfg(test)]
mod tests {
    use super::{Role, has_any_role, has_role, read_roles};

    #[test]
    fn roles_are_read_in_any_case_and_from_lists() {
        let roles = read_roles(["Owner, editor ", "EDITOR"]).unwrap();
        assert_eq!(roles.iter().map(Role::as_str).collect::<Vec<_>>(), ["editor", "owner"]);
        assert!(has_role(&roles, "Editor") && has_any_role(&roles, &["admin", "OWNER"]));
        assert!(!has_any_role(&roles, &["admin", "member"]));
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for wrong in [vec![], vec![","], vec!["two words"], vec!["1st"], vec!["ä"], vec!["a:b"]] {
            assert!(read_roles(wrong.clone()).is_err(), "{wrong:?}");
        }
        assert!(read_roles((0..17).map(|n| format!("role{n}"))).is_err());
        assert!("x".repeat(33).parse::<Role>().is_err());
    }
}
