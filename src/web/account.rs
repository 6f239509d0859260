//! The account page: who I am, where I am signed in, and what plugins have to show.

pub mod close;
pub mod email;
pub mod export;
pub mod password;
pub mod profile;

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::{FormAction, SignedIn};
use belgie_api::{Caller, Failure, Result, Scope, SessionId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Web;
use crate::identity::SessionInfo;

/// What was done just before, said once more on the overview.
#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

fn notice(done: Option<&str>) -> Option<&'static str> {
    Some(match done? {
        "profile" => "Your profile is saved.",
        "password" => "Your password is changed.",
        "password-removed" => "Your account has no password any more.",
        "email-sent" => "A link is on its way to the new address. Nothing changes before you open it.",
        "email" => "Your address is changed.",
        "verification-sent" => "A link is on its way to your address.",
        _ => return None,
    })
}

/// `GET /account`
pub async fn page(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Query(Done { done }): Query<Done>,
) -> Result<Response> {
    let user = caller.user();
    let current = caller.session();
    let sessions = web.identity.list_sessions(user.id).await?;
    let sessions: Vec<Value> = sessions.iter().map(|session| describe(session, current)).collect();
    let mut sections = Vec::new();
    let mut leaves = false;
    for section in &web.sections {
        let html = section.render(&visitor).await?;
        // A section that has nothing to say is not there.
        if html.trim().is_empty() {
            continue;
        }
        leaves |= section.has_forms_that_leave();
        sections.push(json!({ "id": section.id(), "title": section.title(), "html": html }));
    }
    let context = json!({
        "account": facts(&web, &caller).await?,
        "notice": notice(done.as_deref()),
        "sessions": sessions,
        "sections": sections,
    });
    let mut page = web.pages.page(&visitor, "account.html", "Your account", context)?;
    if leaves {
        page.extensions_mut().insert(FormAction(String::new()));
    }
    Ok(page)
}

/// What the account pages show of a person.
async fn facts(web: &Web, caller: &Caller) -> Result<Value> {
    let user = caller.user();
    let profile = web.host.accounts().profile(user.id).await?;
    let profile = profile.ok_or_else(|| Failure::internal("somebody without an account is signed in"))?;
    let rules = web.identity.rules();
    Ok(json!({
        "id": user.id,
        "email": user.email,
        "email_verified": user.email_verified,
        "name": user.name,
        // Pages load nothing from elsewhere, so a picture that lies there is not shown.
        "image": profile.image.filter(|image| image.starts_with("data:image/")),
        "scopes": user.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "created_at": profile.created_at.day(),
        "created_at_iso": profile.created_at,
        "has_password": profile.has_password,
        "by_password": rules.signs_in_by_password,
        "by_link": rules.signs_in_by_link,
        "by_code": rules.signs_in_by_code,
        "has_mail": web.identity.has_mail(),
    }))
}

fn describe(session: &SessionInfo, current: Option<SessionId>) -> Value {
    json!({
        "id": session.id,
        "device": session.device,
        // The address of an operator is not the person's to know.
        "ip": session.impersonator.is_none().then_some(&session.ip),
        "is_worn": session.impersonator.is_some(),
        "created_at": session.created_at.day(),
        "created_at_iso": session.created_at,
        "last_seen_at": session.last_seen_ago,
        "last_seen_at_iso": session.last_seen_at,
        "is_current": current == Some(session.id),
    })
}

#[derive(Deserialize)]
pub struct ChosenSession {
    session_id: String,
}

/// `POST /account/sessions/revoke`
pub async fn revoke_session(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<ChosenSession>,
) -> Result<Response> {
    let unknown = || {
        Failure::not_found("session.not_found", "There is no such session any more.").hint("Reload your account page.")
    };
    let session: SessionId = form.session_id.parse().map_err(|_| unknown())?;
    if !web.identity.revoke_own_session(&caller, &visitor.info, session).await? {
        return Err(unknown());
    }
    Ok(Redirect::to("/account").into_response())
}

/// `POST /account/sessions/revoke-others`
pub async fn revoke_other_sessions(
    State(web): State<Arc<Web>>,
    SignedIn { caller, visitor }: SignedIn,
) -> Result<Response> {
    web.identity.revoke_other_sessions(&caller, &visitor.info).await?;
    Ok(Redirect::to("/account").into_response())
}
