//! `GET /auth/provider/{provider}/start`: to the provider.

use std::sync::Arc;

use belgie_api::axum::extract::{Path, RawQuery, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::hooks::Departure;
use belgie_api::ports::LimitBucket;
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result};
use url::form_urlencoded;

use super::wire::{error_target, see_other};
use crate::model::flow::{FlowOptions, Intent};
use crate::model::refusal;
use crate::model::return_to::{local_target, with_parameter};
use crate::pages;
use crate::provider::Provider;
use crate::service::{Engine, Lost};

/// The longest query, in bytes.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// What a link to here may ask a provider to show.
const PROMPTS: [&str; 3] = ["consent", "login", "select_account"];

/// Begins a sign-in, or what an application prepared.
pub async fn start(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    engine.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let provider = engine.provider(&id)?;
    let query = query.unwrap_or_default();
    let here = format!("/auth/provider/{id}/start?{query}");
    let wish = Wish::read(&query)?;
    let mut seen = wish.options.clone();
    let mut is_link = wish.token.is_some();
    match begin(&engine, &provider, &visitor, &headers, wish, (&mut seen, &mut is_link)).await {
        Ok(Departure { location, cookies }) => see_other(&location, cookies),
        // Whoever has to prove to be there comes back here afterwards.
        Err(failure) if failure.code() == refusal::NOT_FRESH => {
            see_other(&with_parameter("/auth/confirm", "return_to", &here), Vec::new())
        }
        Err(failure) => {
            let settings_say = provider.settings().default_error_redirect_url.clone();
            let local = |to: Option<String>| to.and_then(|to| local_target(engine.host().urls(), &to));
            let error_to = local(seen.error_redirect_url).or_else(|| local(settings_say));
            let lost = Lost { failure, error_to, return_to: local(seen.return_to), is_link };
            match error_target(&lost) {
                Some(target) => {
                    pages::report(&lost.failure);
                    see_other(&target, Vec::new())
                }
                None => pages::refused(&engine, &visitor, Some(&provider), &lost),
            }
        }
    }
}

async fn begin(
    engine: &Engine,
    provider: &Provider,
    visitor: &Visitor,
    headers: &HeaderMap,
    wish: Wish,
    (seen, is_link): (&mut FlowOptions, &mut bool),
) -> Result<Departure> {
    let Some(token) = wish.token else {
        check_wish(provider, &wish.options)?;
        return engine.begin(provider, headers, Intent::SignIn, wish.options).await;
    };
    *is_link = false;
    let prepared = engine.open_prepared(provider, &token, visitor).await?;
    *seen = prepared.options.clone();
    let intent = match prepared.link_for {
        None => Intent::SignIn,
        Some(user) => {
            *is_link = true;
            let caller = visitor.caller.as_ref().filter(|caller| caller.user().id == user);
            let session = caller.and_then(belgie_api::Caller::session);
            Intent::Link { user, session: session.ok_or_else(refusal::link_of_another_session)? }
        }
    };
    engine.begin(provider, headers, intent, prepared.options).await
}

/// Anybody can make a link to here, so it may ask for no more than the operator foresaw.
fn check_wish(provider: &Provider, options: &FlowOptions) -> Result<()> {
    let settings = provider.settings();
    let is_foreseen = |scope: &String| settings.incremental_scopes.contains(scope) || settings.scopes.contains(scope);
    if !options.scopes.iter().all(is_foreseen) {
        return Err(Failure::bad_request("invalid_scope", "This link asks for more than is foreseen here.")
            .hint("Ask the operator to foresee it: the setting is called incremental_scopes."));
    }
    if options.prompt.as_deref().is_some_and(|prompt| !PROMPTS.contains(&prompt)) {
        return Err(Failure::bad_request("invalid_request", "This link asks for an unknown prompt.")
            .hint("Use consent, login or select_account."));
    }
    Ok(())
}

/// What a link asks for.
#[derive(Default)]
struct Wish {
    token: Option<String>,
    options: FlowOptions,
}

impl Wish {
    fn read(query: &str) -> Result<Self> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(Failure::bad_request("invalid_request", "The link is too long."));
        }
        let mut wish = Self::default();
        let options = &mut wish.options;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match name.as_ref() {
                "token" => wish.token = Some(value),
                "return_to" | "success_redirect_url" => options.return_to = Some(value),
                "error_redirect_url" => options.error_redirect_url = Some(value),
                "new_user_redirect_url" => options.new_user_redirect_url = Some(value),
                "prompt" => options.prompt = Some(value),
                "scopes" => {
                    options.scopes = value.split([' ', ',']).filter(|s| !s.is_empty()).map(str::to_owned).collect();
                }
                "request_sign_up" => options.request_sign_up = matches!(value.as_str(), "true" | "1"),
                _ => {}
            }
        }
        Ok(wish)
    }
}
