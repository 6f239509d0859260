//! Members of teams, and who may touch whom.

use belgie_api::context::TeamContext;
use belgie_api::{MembershipId, OrgId, Result, TeamId, Timestamp, UserId};
use belgie_organization::{MEMBER, Powers as OrgPowers, Role, Roles, has_role, permission};
use serde::Serialize;
use sqlx::FromRow;

use super::refusal;
use super::team::Team;

/// The role of whoever leads a team, and says who is in it. Every other word is for the application and the operator's
/// rules to make something of.
pub const LEAD: &str = "lead";

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct TeamMember {
    /// The team.
    pub team_id: TeamId,
    /// The person.
    pub user_id: UserId,
    /// Their stay: another one each time they come in.
    #[serde(skip)]
    pub membership_id: MembershipId,
    /// What they are in it; never empty.
    #[sqlx(json)]
    pub roles: Roles,
    /// When they came.
    pub joined_at: Timestamp,
}

/// A team as one of its members sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct TeamMembership {
    /// The team.
    pub id: TeamId,
    /// The organization it belongs to.
    pub organization_id: OrgId,
    /// Its name in URLs and rules.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// Their stay: another one each time they come in.
    #[serde(skip)]
    pub membership_id: MembershipId,
    /// What the person is in it.
    #[sqlx(json)]
    pub roles: Roles,
    /// When they came.
    pub joined_at: Timestamp,
}

impl From<TeamMembership> for TeamContext {
    fn from(membership: TeamMembership) -> Self {
        let TeamMembership { id, slug, name, roles, .. } = membership;
        Self { id, slug, name, roles: roles.into_iter().map(String::from).collect() }
    }
}

/// What an act on a team asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To be in its organization.
    Organization,
    /// To see who is in it: to be in it, or to change it.
    Seeing,
    /// To say who is in it: `team:update`, or to lead it.
    Members,
    /// To change it: `team:update`.
    Update,
    /// To delete it: `team:delete`.
    Delete,
}

/// What somebody may do with one team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamPowers {
    /// What they are in it; `None` when they are not in it.
    pub roles: Option<Roles>,
    /// Whether what they are in the organization lets them change it.
    pub may_update: bool,
    /// Whether it lets them delete it.
    pub may_delete: bool,
}

impl TeamPowers {
    /// The powers of somebody who may do this in the organization and is this in the team.
    #[must_use]
    pub fn new(organization: &OrgPowers, roles: Option<Roles>) -> Self {
        Self {
            roles,
            may_update: organization.may(permission::TEAM_UPDATE),
            may_delete: organization.may(permission::TEAM_DELETE),
        }
    }

    /// Whether they may do this.
    #[must_use]
    pub fn may(&self, need: Need) -> bool {
        match need {
            Need::Organization => true,
            Need::Seeing => self.may_update || self.roles.is_some(),
            Need::Members => self.may_update || self.roles.as_ref().is_some_and(|roles| has_role(roles, LEAD)),
            Need::Update => self.may_update,
            Need::Delete => self.may_delete,
        }
    }

    /// Whether they may give, take or touch these roles: with `team:update` any; whoever leads the team gives and takes
    /// those they have themselves and `member`, no others, since a rule can ask for a role by its name.
    ///
    /// # Errors
    /// 403 when one of them is beyond these powers.
    pub fn must_cover(&self, other: &Roles) -> Result<()> {
        let has = |role: &Role| role.as_str() == MEMBER || self.roles.as_ref().is_some_and(|own| own.contains(role));
        if self.may_update || other.iter().all(has) { Ok(()) } else { Err(refusal::beyond_you()) }
    }
}

/// A team that is about to change, in the organization it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct InTeam<'a> {
    /// The team.
    pub team: &'a Team,
    /// Its organization.
    pub organization: &'a belgie_organization::OrganizationRecord,
}

#[cfg(test)]
mod tests {
    use belgie_organization::{Roles, read_roles};

    use super::{Need, TeamPowers};

    fn roles(names: &str) -> Roles {
        read_roles([names]).unwrap()
    }

    fn powers(own: Option<&str>, may_update: bool) -> TeamPowers {
        TeamPowers { roles: own.map(roles), may_update, may_delete: false }
    }

    #[test]
    fn a_lead_says_who_is_in_the_team_and_a_manager_changes_it() {
        let (outside, member, lead, manager) =
            (powers(None, false), powers(Some("member"), false), powers(Some("lead"), false), powers(None, true));
        let table = [
            (Need::Organization, [true, true, true, true]),
            (Need::Seeing, [false, true, true, true]),
            (Need::Members, [false, false, true, true]),
            (Need::Update, [false, false, false, true]),
            (Need::Delete, [false; 4]),
        ];
        for (need, expected) in table {
            let may = [&outside, &member, &lead, &manager].map(|powers| powers.may(need));
            assert_eq!(may, expected, "{need:?}");
        }
    }

    #[test]
    fn a_lead_gives_what_they_have() {
        let lead = powers(Some("lead,reviewer"), false);
        for fine in ["member", "lead", "lead,reviewer,member"] {
            assert!(lead.must_cover(&roles(fine)).is_ok(), "{fine}");
        }
        assert_eq!(lead.must_cover(&roles("member,approver")).unwrap_err().code(), "team.beyond_you");
        assert!(powers(None, true).must_cover(&roles("approver")).is_ok());
    }
}
