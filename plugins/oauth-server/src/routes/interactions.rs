//! What pages of the application ask and answer: `GET /auth/interactions`, `POST /auth/interactions/answer`, `GET /authorize/continue`.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::json::{read_json, unkept};
use belgie_api::web::{Known, Visitor};
use belgie_api::{Failure, OrgId, Result, TeamId};
use serde::Deserialize;
use serde_json::json;

use super::wire::onward;
use crate::model::wish::{THEMSELVES, Wish};
use crate::pages::interaction::Interactions;
use crate::service::{Allowed, Decision, OAuth};

/// Where pages read.
pub const PATH: &str = "/auth/interactions";
/// Where a consent page answers.
pub const ANSWER: &str = "/auth/interactions/answer";

/// The longest body, in KiB.
const LONGEST: usize = 16;

type Service = State<Arc<OAuth>>;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    interaction: String,
}

/// What a page may show. It asks before somebody is signed in, too.
pub async fn show(State(oauth): Service, visitor: Visitor, Query(asked): Query<Asked>) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    unkept(&Interactions(oauth).find(&visitor, &asked.interaction).await?)
}

/// Takes a person back from a page.
pub async fn go_on(
    State(oauth): Service,
    visitor: Visitor,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let location = oauth.finish_step(&visitor, &asked.interaction).await?;
    onward(&headers, &location)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    interaction: String,
    decision: Word,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    teams: BTreeSet<TeamId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Deny,
}

/// Takes an answer as JSON: `interaction`, `decision` (`allow`, `deny`), `scope?` (what is allowed; all that was asked for without it),
/// `organization?` (an id, or `none` for the person alone), `teams?`. Where the browser goes on is in the answer.
pub async fn answer(State(oauth): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Authorize, &known.visitor.info.ip.to_string()).await?;
    let answer: Answer = read_json(&headers, &body, LONGEST)?;
    let unreadable = |field: &'static str| {
        move || Failure::bad_request("invalid_request", format!("`{field}` is not what this address takes."))
    };
    let wish = match answer.organization.as_deref() {
        None => Wish::Unsaid,
        Some(THEMSELVES) => Wish::Themselves,
        Some(id) => {
            let organization: OrgId = id.parse().map_err(|_| unreadable("organization")())?;
            Wish::Organization { organization, teams: answer.teams }
        }
    };
    let ticked = answer.scope.map(|scope| scope.parse()).transpose().map_err(|_| unreadable("scope")())?;
    let decision = match answer.decision {
        Word::Allow => Decision::Allow(Allowed { wish, ticked }),
        Word::Deny => Decision::Deny,
    };
    let location = oauth.answer(&known.visitor, &answer.interaction, decision).await?;
    unkept(&json!({ "redirect": true, "url": location }))
}
