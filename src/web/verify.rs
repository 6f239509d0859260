//! Proving an address.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::Result;
use belgie_api::web::{SignedIn, Visitor};
use serde::Deserialize;

use super::Web;
use super::by_mail::{Link, LinkPage, browser_mark, limit_mail, message, needs, over, read_token};
use super::confirm::refuse_impersonators;
use crate::identity::verify::Follower;

const KEEP: &str = "Name the password of the account to keep it. If you did not choose one, leave it empty: then whatever was done \
     in the account before ends, and you choose a new one.";

#[derive(Deserialize)]
pub struct Pressed {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

fn follower<'a>(visitor: &Visitor, browser: &'a str, password: String) -> Follower<'a> {
    // An operator who wears the session is not the person.
    let user = visitor.caller.as_ref().filter(|caller| !caller.is_worn()).map(|caller| caller.user().id);
    Follower { browser, user, password: Some(password).filter(|password| !password.is_empty()) }
}

/// `GET /auth/verify?token=`
pub async fn page(State(web): State<Arc<Web>>, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    let token = read_token(&link.token)?;
    let mark = browser_mark(&visitor);
    let follower = follower(&visitor, &mark, String::new());
    let found = web.identity.look_at_verification(&token, &follower).await?.ok_or_else(over)?;
    let page = LinkPage {
        title: "Is this your address?",
        lede: "Confirm that you read mail sent to".to_owned(),
        warning: found.asks_password.then_some(KEEP),
        action: "/auth/verify",
        token: token.expose(),
        label: "Yes, it is mine",
        password: found.asks_password.then_some("current"),
        choice: None,
        error: None,
        email: &found.email,
    };
    page.render(&web, &visitor)
}

/// `POST /auth/verify`
pub async fn submit(State(web): State<Arc<Web>>, visitor: Visitor, Form(form): Form<Pressed>) -> Result<Response> {
    let token = read_token(&form.token)?;
    let mark = browser_mark(&visitor);
    if !form.password.is_empty() {
        let bucket = belgie_api::ports::LimitBucket::SignInByAddress;
        web.limits.take(bucket, &visitor.info.ip.to_string()).await?;
    }
    let follower = follower(&visitor, &mark, form.password);
    let user = web.identity.verify(&token, follower).await?.ok_or_else(over)?;
    let is_here = visitor.caller.as_ref().is_some_and(|caller| caller.user().id == user.id);
    let next = if is_here { ("/account", "Go to your account") } else { ("/auth/signin", "Sign in") };
    let words = ("Thank you", "Your address is confirmed.");
    message(&web, &visitor, "success", words, Some(next))
}

/// `POST /account/email/verify`: sends the link again.
pub async fn send(State(web): State<Arc<Web>>, SignedIn { caller, visitor }: SignedIn) -> Result<Response> {
    refuse_impersonators(&caller)?;
    needs(web.identity.has_mail())?;
    limit_mail(&web, &visitor, &caller.user().email).await?;
    web.identity.send_verification(caller.user().id, &browser_mark(&visitor)).await?;
    Ok(Redirect::to("/account?done=verification-sent").into_response())
}
