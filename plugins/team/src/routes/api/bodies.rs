//! What comes as JSON, in the spelling of this project and in that of scripts.

use belgie_api::Result;
use belgie_api::web::json::OneOrSeveral;
use belgie_organization::{Role, Roles, read_roles};
use serde::Deserialize;

use crate::model::team::NewTeam;

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
    role: Option<OneOrSeveral>,
}

impl Add {
    /// What they are to be; `member` when nothing is said.
    ///
    /// # Errors
    /// 400 when one is no name of a role.
    pub fn roles(&self) -> Result<Roles> {
        self.role.as_ref().map_or_else(|| Ok([Role::member()].into()), |role| read_roles(role.all()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRoles {
    #[serde(alias = "user_id", alias = "userId", alias = "email")]
    pub member: String,
    #[serde(alias = "roles")]
    pub role: OneOrSeveral,
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
