//! What a person need not be asked about again, closely.

use belgie_api::Result;
use belgie_api::axum::response::Response;
use belgie_api::web::Visitor;
use serde_json::json;

use super::{explain_all, remembered};
use crate::model::consent::Consent;
use crate::model::scopes::OFFLINE_ACCESS;
use crate::service::OAuth;

/// The page.
pub const REMEMBERED: &str = "oauth-server/remembered.html";

/// An answer that is remembered, and the form to let it allow less.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn show(oauth: &OAuth, visitor: &Visitor, consent: &Consent, error: Option<&str>) -> Result<Response> {
    let host = oauth.host();
    let offered = &host.catalog()?.scopes;
    let place = oauth.find_place(consent.user_id, &consent.binding.clone().into()).await?;
    let teams = oauth.list_teams_of_consent(consent).await?;
    let ticks = consent.scopes.iter().filter(|scope| scope.as_str() != OFFLINE_ACCESS).cloned().collect();
    let context = json!({
        "consent": remembered(consent, place, offered),
        "scopes": explain_all(&ticks, offered),
        "teams": teams.iter().map(|team| json!({ "id": team.id, "name": team.name })).collect::<Vec<_>>(),
        "acts_for_all_teams": consent.binding.team_ids.is_empty(),
        "error": error,
    });
    host.pages().page(visitor, REMEMBERED, "Not asked again", context)
}
