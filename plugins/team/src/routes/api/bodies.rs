//! What comes as JSON, in the spelling of this project and in that of scripts.

use belgie_api::Result;
use belgie_organization::{Role, Roles, read_roles};
use serde::Deserialize;

use crate::model::team::NewTeam;

/// One role or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Named {
    One(String),
    Several(Vec<String>),
}

impl Named {
    /// The roles.
    ///
    /// # Errors
    /// 400 when there is none, or one is no name of a role.
    pub fn roles(&self) -> Result<Roles> {
        match self {
            Self::One(name) => read_roles([name]),
            Self::Several(names) => read_roles(names),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: String,
    #[serde(default)]
    slug: Option<String>,
}

impl From<Create> for NewTeam {
    fn from(body: Create) -> Self {
        Self { name: body.name, slug: body.slug, lead: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    pub name: String,
}

/// Somebody of the organization, by the id of the account or its address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    #[serde(alias = "user_id", alias = "userId", alias = "email")]
    pub member: String,
    #[serde(default, alias = "roles")]
    role: Option<Named>,
}

impl Add {
    /// What they are to be; `member` when nothing is said.
    ///
    /// # Errors
    /// As [`Named::roles`].
    pub fn roles(&self) -> Result<Roles> {
        self.role.as_ref().map_or_else(|| Ok([Role::member()].into()), Named::roles)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRoles {
    #[serde(alias = "user_id", alias = "userId", alias = "email")]
    pub member: String,
    #[serde(alias = "roles")]
    pub role: Named,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Somebody {
    #[serde(alias = "user_id", alias = "userId", alias = "email")]
    pub member: String,
}

/// Which page of a list; from 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default)]
    pub page: u32,
}
