//! Sign-in, terms and consent on pages of your own application. `cargo run --example oauth_server_own_pages`.
//!
//! An agent's request leads people to `/welcome`, `/terms` and `/consent`, which this application renders as it likes, without a
//! script. Each is opened with a handle that is good once and in this browser alone; what stands behind it says the gateway. The
//! terms are the application's own affair: it is asked until they are accepted, so nobody gets past that page.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use belgie::api::ports::Use;
use belgie::api::web::Visitor;
use belgie::api::{Failure, Result, UserId, async_trait};
use belgie::config::RawConfig;
use belgie::oauth_server::{Interaction, Interactions, OAuthServer, Steps, Underway};
use belgie::{Belgie, Builder, Gateway, SignedIn};
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Deserialize;

const BASE: &str = include_str!("own_pages/base.html");
const WELCOME: &str = include_str!("own_pages/welcome.html");
const TERMS: &str = include_str!("own_pages/terms.html");
const CONSENT: &str = include_str!("own_pages/consent.html");

/// Who has accepted the terms.
#[derive(Clone, Default)]
pub struct Accepted(Arc<Mutex<BTreeSet<UserId>>>);

impl Accepted {
    fn note(&self, user: UserId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
    }

    fn has(&self, user: UserId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&user)
    }
}

#[async_trait]
impl Steps for Accepted {
    async fn wants_post_login(&self, underway: Underway<'_>) -> Result<bool> {
        Ok(!self.has(underway.caller.user().id))
    }
}

/// What every page is opened with.
#[derive(Deserialize)]
struct Opened {
    interaction: String,
}

fn page(source: &str, opened: &Opened, found: &Interaction) -> Result<Response> {
    let mut templates = Environment::new();
    // The name ends in `.html`, so whatever a client calls itself is escaped.
    for (name, source) in [("base.html", BASE), ("page.html", source)] {
        templates.add_template(name, source).map_err(Failure::internal)?;
    }
    let template = templates.get_template("page.html").map_err(Failure::internal)?;
    let html = template.render(context! { found => Serde(found), interaction => opened.interaction.as_str() });
    Ok(Html(html.map_err(Failure::internal)?).into_response())
}

/// Nobody frames, keeps or guesses at what is answered here.
async fn guarded(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    let rules = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in rules {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn welcome(visitor: Visitor, interactions: Use<Interactions>, Query(opened): Query<Opened>) -> Result<Response> {
    page(WELCOME, &opened, &interactions.find(&visitor, &opened.interaction).await?)
}

async fn terms(visitor: Visitor, interactions: Use<Interactions>, Query(opened): Query<Opened>) -> Result<Response> {
    page(TERMS, &opened, &interactions.find(&visitor, &opened.interaction).await?)
}

async fn accept(State(accepted): State<Accepted>, person: SignedIn, Form(opened): Form<Opened>) -> Result<Redirect> {
    if person.caller.is_worn() {
        return Err(Failure::forbidden("terms.not_yours", "Only the person can accept the terms."));
    }
    accepted.note(person.caller.user().id);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("interaction", &opened.interaction);
    Ok(Redirect::to(&format!("/authorize/continue?{}", query.finish())))
}

async fn consent(visitor: Visitor, interactions: Use<Interactions>, Query(opened): Query<Opened>) -> Result<Response> {
    page(CONSENT, &opened, &interactions.find(&visitor, &opened.interaction).await?)
}

/// What the environment says comes first.
pub fn builder(mut config: RawConfig, accepted: &Accepted) -> Builder {
    let pages = [("LOGIN", "/welcome"), ("POST_LOGIN", "/terms"), ("CONSENT", "/consent")];
    for (name, path) in pages {
        config.environment.entry(format!("BELGIE_OAUTH_SERVER_PAGES_{name}_URL")).or_insert_with(|| path.to_owned());
    }
    Belgie::builder(config).demo_tools().plugin(OAuthServer::default().with_steps(accepted.clone()))
}

/// The application's pages beside the gateway's routes.
pub fn application(gateway: &Gateway, accepted: Accepted) -> Router {
    Router::new()
        .route("/welcome", get(welcome))
        .route("/terms", get(terms))
        .route("/terms/accept", post(accept))
        .route("/consent", get(consent))
        .with_state(accepted)
        .layer(gateway.layer())
        .layer(map_response(guarded))
        .merge(gateway.router())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let accepted = Accepted::default();
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?, &accepted).listen().await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Give your agent this address: {}", gateway.host().urls().absolute("/mcp"));
    let application = application(&gateway, accepted);
    axum::serve(listener, application.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(gateway.stop_on_signal())
        .await?;
    gateway.shutdown().await;
    Ok(())
}
