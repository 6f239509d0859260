//! Who has a plan, as tables and addresses write it.

use belgie_api::ports::BillingSubject;
use belgie_api::{Failure, OrgId, Result, TeamId, UserId};
use uuid::Uuid;

/// A subject in the columns of a table.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Columns {
    /// `user`, `organization` or `team`.
    pub subject_kind: String,
    /// Its id.
    pub subject_id: Uuid,
    /// The organization of a team.
    pub organization_id: Option<OrgId>,
}

impl From<BillingSubject> for Columns {
    fn from(subject: BillingSubject) -> Self {
        let (kind, subject_id, organization_id) = match subject {
            BillingSubject::User { user } => ("user", user.uuid(), None),
            BillingSubject::Organization { organization } => ("organization", organization.uuid(), None),
            BillingSubject::Team { organization, team } => ("team", team.uuid(), Some(organization)),
        };
        Self { subject_kind: kind.to_owned(), subject_id, organization_id }
    }
}

impl Columns {
    /// The subject.
    ///
    /// # Errors
    /// When no version of ours has written this.
    pub fn subject(&self) -> Result<BillingSubject> {
        match (self.subject_kind.as_str(), self.organization_id) {
            ("user", None) => Ok(BillingSubject::User { user: UserId::from_uuid(self.subject_id) }),
            ("organization", None) => {
                Ok(BillingSubject::Organization { organization: OrgId::from_uuid(self.subject_id) })
            }
            ("team", Some(organization)) => {
                Ok(BillingSubject::Team { organization, team: TeamId::from_uuid(self.subject_id) })
            }
            _ => Err(Failure::internal("a subject that no version of ours knows")),
        }
    }
}

/// Its id with its prefix.
#[must_use]
pub fn shown(subject: &BillingSubject) -> String {
    match subject {
        BillingSubject::User { user } => user.to_string(),
        BillingSubject::Organization { organization } => organization.to_string(),
        BillingSubject::Team { team, .. } => team.to_string(),
    }
}

/// The organization on whose record it belongs.
#[must_use]
pub const fn organization(subject: &BillingSubject) -> Option<OrgId> {
    match subject {
        BillingSubject::User { .. } => None,
        BillingSubject::Organization { organization } | BillingSubject::Team { organization, .. } => {
            Some(*organization)
        }
    }
}
