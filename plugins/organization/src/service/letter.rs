//! The letter that invites.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::TeamName;
use belgie_api::text::unlinked;
use belgie_api::{PlainToken, Result};
use serde_json::json;

use super::Organizations;
use crate::model::invitation::Invitation;
use crate::model::member::in_words;
use crate::model::organization::Organization;

/// `mail/organization_invitation.txt` and `.html`.
const TEMPLATE: &str = "organization_invitation";

/// What the letter is about.
pub(super) struct Letter<'a> {
    pub(super) organization: &'a Organization,
    pub(super) invitation: &'a Invitation,
    pub(super) inviter: Option<UserContext>,
    pub(super) team: Option<TeamName>,
}

impl Organizations {
    /// Writes the letter, to be sent once the transaction has committed.
    pub(super) async fn send_letter(&self, tx: &mut Tx, letter: Letter<'_>, secret: &PlainToken) -> Result<()> {
        let Letter { organization, invitation, inviter, team } = letter;
        let urls = self.host.urls();
        let inviter = inviter.map(|user| if user.name.is_empty() { user.email } else { unlinked(&user.name) });
        let context = json!({
            "site_url": urls.issuer(),
            "organization": unlinked(&organization.name),
            "inviter": inviter,
            "roles": in_words(&invitation.roles),
            "team": team.map(|team| unlinked(&team.name)),
            "until": span(invitation.expires_at.since(invitation.created_at)),
            "link": urls.absolute(&format!("/organizations/invitation?token={}", secret.expose())),
        });
        let mail = self.host.pages().letter(&invitation.email, TEMPLATE, context)?;
        self.host.mailer().enqueue(tx, &mail).await
    }
}

/// How long, in whole days or hours.
fn span(time: Duration) -> String {
    let hours = time.as_secs().div_ceil(3600);
    match (hours / 24, hours) {
        (days, hours) if days > 2 || (days == 2 && hours == 48) => format!("{days} days"),
        (_, 1) => "1 hour".to_owned(),
        (_, hours) => format!("{hours} hours"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::span;

    #[test]
    fn times_are_said_in_days_or_hours() {
        for (seconds, words) in
            [(60, "1 hour"), (7200, "2 hours"), (172_800, "2 days"), (180_000, "50 hours"), (2_592_000, "30 days")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
    }
}
