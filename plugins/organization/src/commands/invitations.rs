//! Invitations: `org invitations`, `invite`, `resend-invitation`, `cancel-invitation`.

use belgie_api::axum::http::StatusCode;
use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command};
use belgie_api::command::Output;
use belgie_api::{Failure, InvitationId, OrgId, Result, Timestamp};
use serde_json::{Value, json};

use super::{Actor, Organizations, describe, email, meant, roles, said, text, which};
use crate::model::invitation::Invitation;
use crate::model::member::in_words;
use crate::model::refusal;
use crate::model::role::read_roles;
use crate::service::NewInvitation;

fn invitation() -> Arg {
    Arg::new("invitation").required(true).value_name("ID").help("As `org invitations` shows it")
}

/// The verbs.
pub fn commands() -> [Command; 4] {
    let all = Arg::new("all").long("all").action(ArgAction::SetTrue).help("Those that have ended, too");
    let resend = Arg::new("resend").long("resend").action(ArgAction::SetTrue);
    [
        Command::new("invitations").about("Lists the open invitations of an organization").args([which(), all]),
        Command::new("invite").about("Invites somebody into an organization, by mail where mail is sent").args([
            which(),
            email(),
            roles().required(false).default_value("member"),
            text("team", "TEAM", "A team they come into as well: its slug, or its id tea_...").required(false),
            resend.help("An open invitation to the same address ends for this one"),
        ]),
        Command::new("resend-invitation")
            .about("Sends an invitation again under a new link; the earlier one ends")
            .args([which(), invitation()]),
        Command::new("cancel-invitation").about("Takes an open invitation back").args([which(), invitation()]),
    ]
}

/// An operator reads another remedy than a recipient.
fn unknown() -> Failure {
    let failure = refusal::unknown_invitation();
    Failure::not_found("organization.unknown_invitation", failure.message().to_owned()).hint("See `org invitations`.")
}

/// The organization that is named, and one of its invitations.
async fn found(organizations: &Organizations, matches: &ArgMatches) -> Result<(OrgId, InvitationId)> {
    let id = meant(organizations, matches).await?.id;
    let invitation = said(matches, "invitation").parse().map_err(|_| unknown())?;
    let told = |failure: Failure| if failure.status() == StatusCode::NOT_FOUND { unknown() } else { failure };
    organizations.must_invite_into(id, invitation).await.map_err(told)?;
    Ok((id, invitation))
}

fn shown(invitation: &Invitation, now: Timestamp) -> Value {
    json!({
        "id": invitation.id,
        "organization_id": invitation.organization_id,
        "email": invitation.email,
        "roles": invitation.roles,
        "team_id": invitation.team_id,
        "inviter_id": invitation.inviter_id,
        "status": invitation.status(now),
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    })
}

fn line(invitation: &Invitation, now: Timestamp) -> String {
    let (status, roles) = (invitation.status(now).as_str(), in_words(&invitation.roles));
    format!("{}  {}  {roles}  {status}  until {}", invitation.id, invitation.email, invitation.expires_at)
}

/// Lists them.
pub async fn list(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let (meant, now) = (meant(organizations, matches).await?, organizations.host().now());
    let all = organizations.invitations(&Actor::host(), meant.id, matches.get_flag("all")).await?;
    let text = match all.as_slice() {
        [] => "Nobody is invited.".to_owned(),
        all => all.iter().map(|one| line(one, now)).collect::<Vec<_>>().join("\n"),
    };
    let invitations: Vec<_> = all.iter().map(|one| shown(one, now)).collect();
    Ok(Output::new(text, json!({ "organization": describe(&meant), "invitations": invitations })))
}

/// Invites somebody.
pub async fn invite(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let roles = read_roles([said(matches, "role")])?;
    let (id, actor) = (meant(organizations, matches).await?.id, Actor::host());
    let team = matches.get_one::<String>("team").map(String::as_str);
    let team = organizations.team_named(&actor, id, team).await?;
    let new =
        NewInvitation { email: said(matches, "email").to_owned(), roles, resend: matches.get_flag("resend"), team };
    let made = organizations.invite(&actor, id, new).await?;
    Ok(invited(organizations, &made))
}

/// Sends one again.
pub async fn resend(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let (_, invitation) = found(organizations, matches).await?;
    let made = organizations.resend(&Actor::host(), invitation).await?;
    Ok(invited(organizations, &made))
}

fn invited(organizations: &Organizations, made: &Invitation) -> Output {
    let way = if organizations.host().mailer().is_available() { "a letter goes out" } else { "no mail is sent here" };
    let text = format!("{} is invited until {}; {way}: {}", made.email, made.expires_at, made.id);
    Output::new(text, shown(made, organizations.host().now()))
}

/// Takes one back.
pub async fn cancel(organizations: &Organizations, matches: &ArgMatches) -> Result<Output> {
    let (id, invitation) = found(organizations, matches).await?;
    organizations.cancel_invitation(&Actor::host(), invitation).await?;
    let json = json!({ "organization_id": id, "invitation": invitation, "canceled": true });
    Ok(Output::new(format!("{invitation} is taken back"), json))
}
