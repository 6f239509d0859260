//! Sign-in for an application of your own: its handlers take the person as an argument. `cargo run --example auth`.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use belgie::api::ports::NewUser;
use belgie::api::{Failure, Result, ScopeSet};
use belgie::config::RawConfig;
use belgie::{Belgie, Builder, Client, Gateway, Session, SignedIn, scopes};
use serde::Deserialize;
use serde_json::{Value, json};

/// The application's own state, beside the gateway's.
#[derive(Clone, Default)]
struct Guestbook(Arc<Mutex<Vec<String>>>);

/// Anybody; `Option` takes strangers, too.
async fn home(person: Option<SignedIn>) -> String {
    person.map_or_else(|| "Hello, stranger".to_owned(), |person| format!("Hello, {}", person.caller.user().email))
}

/// Signed-in people only: a browser goes to the sign-in page and comes back, a script gets 401.
async fn profile(SignedIn { caller, .. }: SignedIn) -> Json<Value> {
    Json(json!({ "email": caller.user().email, "scopes": caller.user().scopes }))
}

/// The session itself.
async fn session(session: Session) -> Json<Value> {
    Json(json!({ "id": session.id, "method": session.presence.method, "expires_at": session.expires_at }))
}

#[derive(Deserialize)]
struct Entry {
    text: String,
}

/// A form of the application needs no token: the browser says that a page of this address sent it.
async fn sign_the_book(State(book): State<Guestbook>, person: SignedIn, Form(entry): Form<Entry>) -> Redirect {
    let line = format!("{}: {}", person.caller.user().email, entry.text);
    book.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    Redirect::to("/book")
}

/// Behind `scopes("book:read")`: whoever lacks it gets a 403 that names it.
async fn read_the_book(State(book): State<Guestbook>) -> String {
    book.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
}

/// Gives the person in front the scope to read, and everybody who asks for it: a toy.
async fn become_reader(client: Client, person: SignedIn) -> Result<Redirect> {
    let read: ScopeSet = "book:read".parse().map_err(Failure::internal)?;
    client.set_scopes(person.caller.user().id, person.caller.user().scopes.union(&read)).await?;
    Ok(Redirect::to("/book"))
}

/// A way in of the application's own: a guest without a password.
async fn enter_as_guest(client: Client) -> Result<impl IntoResponse> {
    let guest = NewUser { email: "guest@example.org".to_owned(), name: "Guest".to_owned(), ..NewUser::default() };
    let entered = client.sign_up(&guest, "guest-book").await?;
    Ok((AppendHeaders([(SET_COOKIE, entered.session.cookie)]), Redirect::to("/profile")))
}

async fn leave(client: Client) -> Result<impl IntoResponse> {
    Ok((AppendHeaders([(SET_COOKIE, client.sign_out().await?)]), Redirect::to("/")))
}

/// What the application says about people: before it is true, and afterwards.
pub fn builder(config: RawConfig) -> Builder {
    Belgie::builder(config)
        .before_sign_up("book.no_spam", |user, _method| async move {
            if user.email.ends_with("@spam.example") {
                return Err(Failure::forbidden("book.no_spam", "The guest book is not for you."));
            }
            Ok(())
        })
        .on_sign_up("book.welcome", |user| async move {
            println!("Welcome, {}", user.email);
            Ok(())
        })
}

/// The application with the gateway beside it and around it.
pub fn application(gateway: &Gateway) -> std::result::Result<Router, Box<dyn std::error::Error>> {
    let readers = Router::new().route("/book", get(read_the_book)).route_layer(scopes("book:read")?);
    let routes = Router::new()
        .route("/hello", get(home))
        .route("/profile", get(profile))
        .route("/session", get(session))
        .route("/book", post(sign_the_book))
        .route("/readers", post(become_reader))
        .route("/guest", post(enter_as_guest))
        .route("/leave", post(leave))
        .merge(readers)
        .with_state(Guestbook::default())
        .layer(gateway.layer());
    Ok(routes.merge(gateway.router()))
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?).listen().await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Then look at {}", gateway.host().urls().absolute("/profile"));
    let application = application(&gateway)?;
    axum::serve(listener, application.into_make_service_with_connect_info::<SocketAddr>()).await?;
    gateway.shutdown().await;
    Ok(())
}
