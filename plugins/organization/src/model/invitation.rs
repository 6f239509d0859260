//! Invitations.

use belgie_api::{InvitationId, OrgId, TeamId, Timestamp, UserId};
use serde::Serialize;
use sqlx::FromRow;

use super::role::Roles;

/// An invitation into an organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Invitation {
    /// Its id; a name, no secret.
    pub id: InvitationId,
    /// The organization.
    pub organization_id: OrgId,
    /// The team the person comes into as well.
    pub team_id: Option<TeamId>,
    /// The address it was sent to, in lower case.
    pub email: String,
    /// What the person will be.
    #[sqlx(json)]
    pub roles: Roles,
    /// Who invited, unless the account is gone or the host invited.
    pub inviter_id: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// Who accepted it.
    pub accepted_by: Option<UserId>,
    /// When the recipient declined.
    pub rejected_at: Option<Timestamp>,
    /// When it was taken back.
    pub canceled_at: Option<Timestamp>,
}

/// How an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationStatus {
    /// It can be accepted, rejected or canceled.
    Pending,
    /// Its time is over. Nothing can be done with it any more.
    Expired,
    /// It brought a member.
    Accepted,
    /// The recipient declined.
    Rejected,
    /// It was taken back.
    Canceled,
}

impl InvitationStatus {
    /// As it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
        }
    }
}

impl Invitation {
    /// How it stands at this moment. What has ended stays as it ended, whatever its time.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match (self.accepted_at, self.rejected_at, self.canceled_at) {
            (Some(_), _, _) => InvitationStatus::Accepted,
            (_, Some(_), _) => InvitationStatus::Rejected,
            (_, _, Some(_)) => InvitationStatus::Canceled,
            _ if self.expires_at <= now => InvitationStatus::Expired,
            _ => InvitationStatus::Pending,
        }
    }
}

/// How an invitation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The recipient comes in.
    Accept(UserId),
    /// The recipient does not want to.
    Reject,
    /// It is taken back.
    Cancel,
}

#[cfg(test)]
mod tests {
    use belgie_api::Timestamp;

    use super::{Invitation, InvitationStatus};

    #[test]
    fn what_has_ended_stays_as_it_ended() {
        let at = Timestamp::from_unix_seconds;
        let open = Invitation {
            id: "inv_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b".parse().unwrap(),
            organization_id: "org_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b".parse().unwrap(),
            team_id: None,
            email: "ada@example.org".to_owned(),
            roles: [].into(),
            inviter_id: None,
            created_at: at(1),
            expires_at: at(10),
            accepted_at: None,
            accepted_by: None,
            rejected_at: None,
            canceled_at: None,
        };
        assert_eq!(open.status(at(9)), InvitationStatus::Pending);
        assert_eq!(open.status(at(10)), InvitationStatus::Expired);
        let ended = [
            (Invitation { accepted_at: Some(at(2)), ..open.clone() }, InvitationStatus::Accepted),
            (Invitation { rejected_at: Some(at(2)), ..open.clone() }, InvitationStatus::Rejected),
            (Invitation { canceled_at: Some(at(2)), ..open }, InvitationStatus::Canceled),
        ];
        for (invitation, status) in ended {
            assert_eq!(invitation.status(at(3)), status);
            assert_eq!(invitation.status(at(99)), status);
        }
    }
}
