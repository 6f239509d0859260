//! Signing in with a link sent by mail.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use belgie_api::Result;
use belgie_api::web::Visitor;
use serde::Deserialize;

use super::Web;
use super::by_mail::{Link, LinkPage, browser_mark, limit_mail_here, look_into_mail, needs, over, private, read_token};
use super::sign_in::{Destination, leave_for_clients, open_session, sign_in_again};
use crate::identity::accounts::is_email;
use crate::identity::hold::SameAddress;

const SENT: &str = "If you can sign in with this address, a link is on its way to it. It works once, for an hour.";
const ELSEWHERE: &str = "You did not ask for this link in this browser. If somebody else gave it to you, do not use it: you would work \
     in an account that is not yours.";

#[derive(Deserialize)]
pub struct LinkRequest {
    #[serde(default)]
    pub email: String,
    #[serde(flatten)]
    pub destination: Destination,
}

/// `POST /auth/link`
pub async fn ask(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<LinkRequest>,
) -> Result<Response> {
    needs(web.identity.rules().signs_in_by_link)?;
    let return_to = form.destination.path();
    if !is_email(form.email.trim()) {
        return sign_in_again(&web, &visitor, return_to, &form.email, "Write your e-mail address first.").await;
    }
    limit_mail_here(&web, &visitor, &headers, &form.email).await?;
    web.identity.ask_for_link(&form.email, &browser_mark(&visitor), return_to).await?;
    look_into_mail(&web, &visitor, &form.email, SENT)
}

/// `GET /auth/link/open?token=`
pub async fn open(State(web): State<Arc<Web>>, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    let token = read_token(&link.token)?;
    let found = web.identity.look_at_link(&token, &browser_mark(&visitor)).await?.ok_or_else(over)?;
    let page = LinkPage {
        title: "Sign in",
        lede: "You are about to sign in as".to_owned(),
        warning: (!found.is_ours).then_some(ELSEWHERE),
        action: "/auth/link/open",
        token: token.expose(),
        label: "Sign in",
        password: None,
        choice: None,
        error: None,
        email: &found.email,
    };
    let mut response = page.render(&web, &visitor)?;
    leave_for_clients(&mut response, found.return_to.as_deref());
    Ok(response)
}

/// `POST /auth/link/open`
pub async fn follow(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(link): Form<Link>,
) -> Result<Response> {
    let token = read_token(&link.token)?;
    let arrival = web.identity.follow_link(&token, &browser_mark(&visitor)).await?.ok_or_else(over)?;
    let by_link = (&arrival.user, "link", &SameAddress(&arrival.user) as _);
    open_session(&web, &visitor, &headers, by_link, arrival.return_to).await.map(private)
}
