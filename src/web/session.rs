//! The session of a browser, as JSON for scripts of our own pages.

use axum::Json;
use axum::response::{IntoResponse, Response};
use belgie_api::web::Known;
use serde_json::json;

/// `GET /auth/session`
pub async fn show(Known { caller, visitor }: Known) -> Response {
    let (user, principal) = (caller.user(), caller.principal());
    let presence = principal.presence();
    let body = json!({
        "session": {
            "id": principal.session(),
            "expires_at": principal.expires_at(),
            "authenticated_at": presence.map(|presence| presence.authenticated_at),
            "method": presence.map(|presence| presence.method.as_str()),
            "is_fresh": visitor.is_fresh,
            "impersonator_id": presence.and_then(|presence| presence.impersonator),
        },
        "user": {
            "id": user.id,
            "email": user.email,
            "email_verified": user.email_verified,
            "name": user.name,
            "scopes": user.scopes,
        },
    });
    Json(body).into_response()
}
