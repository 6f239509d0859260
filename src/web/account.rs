//! The account page: who I am, where I am signed in, and what plugins have to show.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::SignedIn;
use belgie_api::{Failure, Result, Scope, SessionId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Web;
use crate::store::sessions::SessionRow;

/// `GET /account`
pub async fn page(State(web): State<Arc<Web>>, SignedIn { caller, visitor }: SignedIn) -> Result<Response> {
    let user = caller.user();
    let current = caller.session();
    let now = web.clock.now();
    let made = web.identity.created_at(user.id).await?.unwrap_or(Timestamp::EPOCH);
    let sessions = web.identity.list_sessions(user.id).await?;
    let sessions: Vec<Value> = sessions.iter().map(|session| describe(session, current, now)).collect();
    let mut sections = Vec::new();
    for section in &web.sections {
        let html = section.render(&visitor).await?;
        sections.push(json!({ "id": section.id(), "title": section.title(), "html": html }));
    }
    let context = json!({
        "account": {
            "id": user.id,
            "email": user.email,
            "name": user.name,
            "scopes": user.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
            "created_at": made.day(),
            "created_at_iso": made,
        },
        "notice": null,
        "sessions": sessions,
        "sections": sections,
    });
    web.pages.page(&visitor, "account.html", "Your account", context)
}

fn describe(session: &SessionRow, current: Option<SessionId>, now: Timestamp) -> Value {
    json!({
        "id": session.id,
        "device": device(&session.user_agent),
        "ip": session.ip,
        "created_at": session.created_at.day(),
        "created_at_iso": session.created_at,
        "last_seen_at": session.last_seen_at.ago(now),
        "last_seen_at_iso": session.last_seen_at,
        "is_current": current == Some(session.id),
    })
}

/// What a person calls the browser behind a user agent text: "Firefox on Linux".
pub(super) fn device(user_agent: &str) -> String {
    let pick = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = pick(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = pick(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) if user_agent.is_empty() => "Unknown device".to_owned(),
        (None, None) => user_agent.chars().take(60).collect(),
    }
}

#[derive(Deserialize)]
pub struct ChosenSession {
    session_id: String,
}

/// `POST /account/sessions/revoke`
pub async fn revoke_session(
    State(web): State<Arc<Web>>,
    SignedIn { caller, .. }: SignedIn,
    Form(form): Form<ChosenSession>,
) -> Result<Response> {
    let unknown = || {
        Failure::not_found("session.not_found", "There is no such session any more.").hint("Reload your account page.")
    };
    let session: SessionId = form.session_id.parse().map_err(|_| unknown())?;
    if !web.identity.revoke_session(session, caller.user().id).await? {
        return Err(unknown());
    }
    Ok(Redirect::to("/account").into_response())
}

/// `POST /account/sessions/revoke-others`
pub async fn revoke_other_sessions(State(web): State<Arc<Web>>, SignedIn { caller, .. }: SignedIn) -> Result<Response> {
    if let Some(session) = caller.session() {
        web.identity.revoke_other_sessions(caller.user().id, session).await?;
    }
    Ok(Redirect::to("/account").into_response())
}
