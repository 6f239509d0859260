//! `belgie user` and `belgie session`.

use std::io::{BufRead, stdin};

use belgie_api::command::Output;
use belgie_api::ports::Accounts;
use belgie_api::{Failure, Result, ScopeSet, SessionId};
use serde_json::json;

use super::args::{SessionVerb, UserVerb};
use crate::gateway::Gateway;
use crate::identity::accounts::CreateError;
use crate::identity::setup::ADMIN;
use crate::identity::{Identity, NewAccount};

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
            let user = identity.create(NewAccount { email, name, password, scopes }).await.map_err(explain)?;
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
            identity.delete(user).await?;
            Ok(Output::new(format!("Deleted the account of {email}."), json!({ "id": user, "deleted": true })))
        }
    }
}

async fn find(identity: &Identity, email: &str) -> Result<belgie_api::UserId> {
    let user = identity.find_by_email(email).await?;
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
            if !identity.end_session(session).await? {
                return Err(unknown());
            }
            Ok(Output::new(format!("Ended {session}."), json!({ "id": session, "revoked": true })))
        }
    }
}
