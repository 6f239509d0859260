//! For whom an agent shall act, and what it may do, as the consent form says it.

use std::collections::BTreeSet;

use belgie_api::{OrgId, Scope, ScopeSet, TeamId};

use super::params::Params;

/// The field that names the organization.
const ORGANIZATION: &str = "organization";
/// What stands in it for the person alone.
pub const THEMSELVES: &str = "none";
/// A field for each team: this and the team's id. Its value is the id of the organization, so that a tick under one that
/// was not chosen in the end says nothing.
const TEAM: &str = "team.";
/// A field for each scope: this and the scope.
const SCOPE: &str = "scope.";
/// What says that the form has them: a page of the operator's own may ask for everything or nothing.
const TICKS: &str = "ticks";

/// What the person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: right for those who are in no organization.
    Unsaid,
    /// The agent acts for the person alone.
    Themselves,
    /// The agent acts for an organization.
    Organization {
        /// Which.
        organization: OrgId,
        /// Which teams of it; none for all.
        teams: BTreeSet<TeamId>,
    },
}

/// A form that our own page does not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl Wish {
    /// Reads the form.
    ///
    /// # Errors
    /// When an id is none.
    pub fn read(form: &Params) -> Result<Self, Unreadable> {
        let organization: OrgId = match form.get(ORGANIZATION) {
            None => return Ok(Self::Unsaid),
            Some(THEMSELVES) => return Ok(Self::Themselves),
            Some(id) => id.parse().map_err(|_| Unreadable)?,
        };
        let mut teams = BTreeSet::new();
        for (team, place) in form.beginning_with(TEAM) {
            if place.parse::<OrgId>().map_err(|_| Unreadable)? == organization {
                teams.insert(team.parse().map_err(|_| Unreadable)?);
            }
        }
        Ok(Self::Organization { organization, teams })
    }
}

/// The scopes that are ticked; `None` for a form that has no ticks.
pub fn read_ticks(form: &Params) -> Option<ScopeSet> {
    form.get(TICKS)?;
    Some(form.beginning_with(SCOPE).filter_map(|(name, _)| name.parse::<Scope>().ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use belgie_api::clock::SystemClock;
    use belgie_api::entropy::SystemEntropy;
    use belgie_api::{OrgId, TeamId};

    use super::{Unreadable, Wish};
    use crate::model::params::Params;

    fn read(form: &str) -> Result<Wish, Unreadable> {
        Wish::read(&Params::read(form.as_bytes()).unwrap())
    }

    #[test]
    fn what_is_ticked_counts_where_there_are_ticks() {
        let ticks =
            |form: &str| super::read_ticks(&Params::read(form.as_bytes()).unwrap()).map(|scopes| scopes.to_string());
        assert_eq!(ticks("decision=allow&scope.a:b=on"), None);
        assert_eq!(ticks("ticks=1&decision=allow&scope.a%3Ab=on&scope.c=on"), Some("a:b c".to_owned()));
        assert_eq!(ticks("ticks=1&decision=allow"), Some(String::new()));
    }

    #[test]
    fn only_teams_of_the_chosen_organization_count() {
        let org = || OrgId::new(&SystemClock, &SystemEntropy);
        let team = || TeamId::new(&SystemClock, &SystemEntropy);
        let (acme, other, red, blue) = (org(), org(), team(), team());
        assert_eq!(read("decision=allow"), Ok(Wish::Unsaid));
        assert_eq!(read(&format!("organization=none&team.{red}={acme}")), Ok(Wish::Themselves));
        let form = format!("organization={acme}&team.{red}={acme}&team.{blue}={other}");
        assert_eq!(read(&form), Ok(Wish::Organization { organization: acme, teams: BTreeSet::from([red]) }));
        assert_eq!(read(&format!("organization={red}")), Err(Unreadable));
        assert_eq!(read(&format!("organization={acme}&team.{other}={acme}")), Err(Unreadable));
    }
}
