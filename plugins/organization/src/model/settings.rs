//! How the operator sets this plugin up.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::settings::Section;

use super::permission::{Matrix, is_permission};

const DAY: u64 = 24 * 3600;
const MOST: u32 = 1_000_000;

/// The settings of `[plugins.organization]`; in the environment `BELGIE_ORGANIZATION_*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether anybody who is signed in may make an organization; else the operator and the application make them.
    pub allow_user_to_create_organization: bool,
    /// How long an invitation can be accepted.
    pub invitation_lifetime: Duration,
    /// How many organizations one person can own.
    pub maximum_organizations_per_user: u32,
    /// How many new slugs one person can take in a day, for new organizations and for renamed ones: each is taken for good.
    pub maximum_new_slugs_per_user_per_day: u32,
    /// How many members one organization can have.
    pub maximum_members_per_organization: u32,
    /// How many invitations of one organization can be open.
    pub maximum_pending_invitations_per_organization: u32,
    /// What roles can allow.
    pub matrix: Matrix,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_user_to_create_organization: true,
            invitation_lifetime: Duration::from_secs(2 * DAY),
            maximum_organizations_per_user: 20,
            maximum_new_slugs_per_user_per_day: 20,
            maximum_members_per_organization: 1000,
            maximum_pending_invitations_per_organization: 100,
            matrix: Matrix::default(),
        }
    }
}

impl Settings {
    /// Reads them; problems are noted in the section.
    #[must_use]
    pub fn read(section: &mut Section) -> Self {
        let usual = Self::default();
        let mut limit = |key: &str, usual: u32| section.integer(key, 1..=MOST, usual);
        let maximum_organizations_per_user =
            limit("maximum_organizations_per_user", usual.maximum_organizations_per_user);
        let maximum_new_slugs_per_user_per_day =
            limit("maximum_new_slugs_per_user_per_day", usual.maximum_new_slugs_per_user_per_day);
        let maximum_members_per_organization =
            limit("maximum_members_per_organization", usual.maximum_members_per_organization);
        let maximum_pending_invitations_per_organization =
            limit("maximum_pending_invitations_per_organization", usual.maximum_pending_invitations_per_organization);
        let parse = |text: &str| match text.trim().to_lowercase() {
            name if is_permission(&name) => Ok(name),
            _ => Err("it is not of the form resource:action".to_owned()),
        };
        let more = section.parsed_list("permissions", parse, "write two words such as \"notes:write\"");
        Self {
            allow_user_to_create_organization: section
                .boolean("allow_user_to_create_organization", usual.allow_user_to_create_organization),
            invitation_lifetime: section.seconds(
                "invitation_expires_in_seconds",
                60..=90 * DAY,
                usual.invitation_lifetime,
            ),
            maximum_organizations_per_user,
            maximum_new_slugs_per_user_per_day,
            maximum_members_per_organization,
            maximum_pending_invitations_per_organization,
            matrix: Matrix::with(more.into_iter().collect::<BTreeSet<String>>()),
        }
    }
}
