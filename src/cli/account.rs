//! `belgie user` and `belgie session`.

use std::io::{BufRead, stdin};
use std::time::Duration;

use belgie_api::command::Output;
use belgie_api::{Failure, Result, ScopeSet, SessionId};
use serde_json::json;

use super::args::{SessionVerb, UserVerb};
use crate::gateway::Gateway;
use crate::identity::accounts::CreateError;
use crate::identity::setup::ADMIN;
use crate::identity::{Ban, By, Identity, NewAccount};

/// `belgie user ...`
pub async fn user(gateway: &Gateway, verb: UserVerb) -> Result<Output> {
    let identity = gateway.identity();
    match verb {
        UserVerb::Create { email, name, password_stdin, admin } => {
            let password = if password_stdin { read_line()? } else { ask()? };
            let mut scopes = ScopeSet::new();
            if admin {
                scopes.insert(ADMIN.parse().map_err(Failure::internal)?);
            }
            let user =
                identity.create_by(NewAccount { email, name, password, scopes }, By::Host).await.map_err(explain)?;
            let json = json!({ "id": user.id, "email": user.email, "scopes": user.scopes });
            Ok(Output::new(format!("Made the account {} for {}.", user.id, user.email), json))
        }
        UserVerb::List => {
            let people = identity.list().await?;
            let lines: Vec<String> = people
                .iter()
                .map(|(user, made)| format!("{}  {made}  {}  {}", user.id, user.email, user.scopes))
                .collect();
            let list: Vec<_> = people
                .iter()
                .map(|(user, made)| json!({ "id": user.id, "email": user.email, "name": user.name, "scopes": user.scopes, "created_at": made }))
                .collect();
            let text = if lines.is_empty() { "Nobody has an account yet.".to_owned() } else { lines.join("\n") };
            Ok(Output::new(text, json!(list)))
        }
        UserVerb::Delete { email } => {
            let user = find(identity, &email).await?;
            identity.delete_by(user, By::Host).await?;
            Ok(Output::new(format!("Deleted the account of {email}."), json!({ "id": user, "deleted": true })))
        }
        UserVerb::Ban { email, reason, notice, seconds } => {
            let user = find(identity, &email).await?;
            let lasts = seconds.map(Duration::from_secs);
            let until = identity.ban(user, &Ban { reason, notice, lasts }, By::Host).await?;
            let end = until.map_or_else(|| "until you take it back".to_owned(), |until| format!("until {until}"));
            Ok(Output::new(format!("Banned {email} {end}."), json!({ "id": user, "banned": true, "until": until })))
        }
        UserVerb::Unban { email } => {
            let user = find(identity, &email).await?;
            let was_banned = identity.unban(user, By::Host).await?;
            let text =
                if was_banned { format!("{email} can sign in again.") } else { format!("{email} was not banned.") };
            Ok(Output::new(text, json!({ "id": user, "was_banned": was_banned })))
        }
        UserVerb::SetScopes { email, scopes } => {
            let user = find(identity, &email).await?;
            let scopes = read_scopes(&scopes)?;
            identity.set_scopes(user, scopes.clone(), By::Host).await?;
            Ok(Output::new(format!("{email} now has: {scopes}"), json!({ "id": user, "scopes": scopes })))
        }
        UserVerb::Verify { email, is_theirs } => {
            let user = find(identity, &email).await?;
            identity.mark_verified(user, is_theirs, By::Host).await?;
            Ok(Output::new(format!("{email} counts as proven."), json!({ "id": user, "email_verified": true })))
        }
    }
}

fn read_scopes(text: &str) -> Result<ScopeSet> {
    text.parse().map_err(|error: belgie_api::scope::InvalidScope| {
        Failure::bad_request("user.scopes_invalid", error.to_string()).hint("Write them with spaces: --scope \"a b\".")
    })
}

/// The account of an address.
pub async fn find(identity: &Identity, email: &str) -> Result<belgie_api::UserId> {
    let user = identity.row_by_email(email).await?;
    user.map(|user| user.id).ok_or_else(|| {
        Failure::not_found("user.not_found", format!("Nobody signs in with {email}."))
            .hint("`belgie user list` shows all accounts.")
    })
}

fn explain(error: CreateError) -> Failure {
    match error {
        CreateError::Failure(failure) => failure,
        CreateError::Taken => Failure::conflict("user.email_taken", "There is an account for this address already.")
            .hint("`belgie user list` shows all accounts."),
        CreateError::Problems(problems) => {
            let said: Vec<String> =
                [problems.email.map(|p| format!("--email: {p}")), problems.password.map(|p| format!("password: {p}"))]
                    .into_iter()
                    .flatten()
                    .collect();
            Failure::bad_request("user.invalid", said.join(" "))
        }
    }
}

fn read_line() -> Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(Failure::internal)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask() -> Result<String> {
    rpassword::prompt_password("Password: ").map_err(|error| {
        Failure::bad_request("user.no_password", "No password could be read from the terminal.")
            .hint("Pipe it in with --password-stdin.")
            .source(error)
    })
}

/// `belgie session ...`
pub async fn session(gateway: &Gateway, verb: SessionVerb) -> Result<Output> {
    let identity = gateway.identity();
    match verb {
        SessionVerb::List { email } => {
            let user = find(identity, &email).await?;
            let sessions = identity.list_sessions(user).await?;
            let lines: Vec<String> =
                sessions.iter().map(|s| format!("{}  last seen {}  {}", s.id, s.last_seen_at, s.user_agent)).collect();
            let list: Vec<_> = sessions
                .iter()
                .map(|s| json!({ "id": s.id, "created_at": s.created_at, "last_seen_at": s.last_seen_at, "expires_at": s.expires_at, "ip": s.ip, "user_agent": s.user_agent }))
                .collect();
            let text = if lines.is_empty() { format!("{email} is signed in nowhere.") } else { lines.join("\n") };
            Ok(Output::new(text, json!(list)))
        }
        SessionVerb::Revoke { id } => {
            let unknown = || {
                Failure::not_found("session.not_found", format!("There is no live session `{id}`."))
                    .hint("`belgie session list --email ...` shows them.")
            };
            let session: SessionId = id.parse().map_err(|_| unknown())?;
            if !identity.end_session_by(session, By::Host).await? {
                return Err(unknown());
            }
            Ok(Output::new(format!("Ended {session}."), json!({ "id": session, "revoked": true })))
        }
    }
}
