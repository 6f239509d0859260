//! `/auth/provider/{provider}/callback`: back from the provider.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, RawQuery, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::Visitor;

use super::wire::{error_target, see_other, with_cookies};
use crate::model::answer::Answer;
use crate::pages;
use crate::provider::Provider;
use crate::service::{Engine, Landed, Lost, Outcome};

/// Takes an answer.
pub async fn finish(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let provider = engine.provider(&id)?;
    let answer = match Answer::read(query.unwrap_or_default().as_bytes()) {
        Ok(answer) => answer,
        Err(failure) => return refuse(&engine, &visitor, &provider, &alone(failure)),
    };
    let Outcome { cookies, result } = engine.finish(&provider, &visitor, &headers, answer).await;
    let response = match result {
        // Whoever lands by a redirect of ours would be a stranger there, and asked to sign in once more.
        Ok(Landed::At { location, cookies }) if stays_at_home(&engine, &headers) => {
            with_cookies(pages::again(&engine, &visitor, &provider, &location)?, cookies)
        }
        Ok(Landed::At { location, cookies }) => see_other(&location, cookies)?,
        Ok(Landed::Asked(page)) => page,
        Ok(Landed::Again(path)) => pages::again(&engine, &visitor, &provider, &path)?,
        Err(lost) => refuse(&engine, &visitor, &provider, &lost)?,
    };
    Ok(with_cookies(response, cookies))
}

/// Puts an answer aside that came as a form, and asks the browser to come for it.
pub async fn put_aside(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Response> {
    engine.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let provider = engine.provider(&id)?;
    let aside = match Answer::read(&body) {
        Ok(answer) => engine.put_aside(&provider, &answer).await,
        Err(failure) => Err(failure),
    };
    match aside {
        Ok(path) => see_other(&path, Vec::new()),
        Err(failure) => refuse(&engine, &visitor, &provider, &alone(failure)),
    }
}

/// Whether the session cookie stays at home on the way this request began.
fn stays_at_home(engine: &Engine, headers: &HeaderMap) -> bool {
    engine.host().urls().has_strict_session() && headers.get("sec-fetch-site").is_none_or(|site| site != "same-origin")
}

fn alone(failure: belgie_api::Failure) -> Lost {
    Lost { failure, error_to: None, return_to: None, is_link: false }
}

fn refuse(engine: &Engine, visitor: &Visitor, provider: &Provider, lost: &Lost) -> Result<Response> {
    match error_target(lost) {
        Some(target) => {
            pages::report(&lost.failure);
            see_other(&target, Vec::new())
        }
        None => pages::refused(engine, visitor, Some(provider), lost),
    }
}
