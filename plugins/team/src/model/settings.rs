//! How the operator sets this plugin up.

use belgie_api::settings::Section;

const MOST: u32 = 1_000_000;

/// The settings of `[plugins.team]`; in the environment `BELGIE_TEAM_*`.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How many teams one organization can have; `None` for as many as it likes.
    pub maximum_teams_per_organization: Option<u32>,
    /// How many members one team can have; `None` for as many as its organization has.
    pub maximum_members_per_team: Option<u32>,
}

impl Settings {
    /// Reads them; problems are noted in the section.
    #[must_use]
    pub fn read(section: &mut Section) -> Self {
        Self {
            maximum_teams_per_organization: section.opt_integer("maximum_teams_per_organization", 1..=MOST),
            maximum_members_per_team: section.opt_integer("maximum_members_per_team", 1..=MOST),
        }
    }
}
