//! Signing in with address and password, and signing out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::context::UserContext;
use belgie_api::plugin::SignInButton;
use belgie_api::ports::{Ground, LimitBucket, normalize_email};
use belgie_api::web::{FormAction, Visitor, is_local_path};
use belgie_api::{Caller, Result, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::by_mail::{browser_mark, limit_mail_here, look_into_mail, needs, senders};
use super::{Web, worn};
use crate::limits::{Shared, account_key, take_as_stranger};

/// What somebody is told who has still to prove the address.
pub const CONFIRM_FIRST: &str = "Confirm your address first: a link is on its way to it. Then sign in.";

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Destination {
    return_to: Option<String>,
}

impl Destination {
    /// The wanted path, if it is one of ours.
    pub fn path(self) -> Option<String> {
        self.return_to.filter(|path| is_local_path(path))
    }
}

#[derive(Deserialize)]
pub struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(flatten)]
    destination: Destination,
}

/// What the page is opened with.
#[derive(Deserialize)]
pub struct Wanted {
    /// The address to sign in with, as whoever sent the person here believes.
    login_hint: Option<String>,
    /// Whether whoever is signed in wants to be somebody else.
    #[serde(default)]
    other: bool,
    #[serde(flatten)]
    destination: Destination,
}

/// `GET /auth/signin`
pub async fn page(State(web): State<Arc<Web>>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response> {
    let return_to = wanted.destination.path();
    if visitor.caller.is_some() && !wanted.other {
        return Ok(Redirect::to(return_to.as_deref().unwrap_or(&web.rules.signin_redirect)).into_response());
    }
    render(&web, &visitor, return_to, wanted.login_hint.as_deref().unwrap_or_default(), None).await
}

/// `GET /auth/link` and `GET /auth/code`: asking for either stands on the sign-in page.
pub async fn elsewhere(Query(wanted): Query<Destination>) -> Response {
    Redirect::to(&address(wanted.path().as_deref())).into_response()
}

/// The sign-in page again, with what was wrong.
pub async fn sign_in_again(
    web: &Web,
    visitor: &Visitor,
    return_to: Option<String>,
    email: &str,
    error: &str,
) -> Result<Response> {
    render(web, visitor, return_to, email, Some(error)).await
}

async fn render(
    web: &Web,
    visitor: &Visitor,
    return_to: Option<String>,
    email: &str,
    error: Option<&str>,
) -> Result<Response> {
    let rules = web.identity.rules();
    let context = json!({
        "return_to": &return_to,
        "email": email,
        "error": error,
        "notice": null,
        "sign_up_open": rules.sign_up_open,
        "client_name": client_name(web, return_to.as_deref()).await,
        "buttons": buttons(web, return_to.as_deref(), &[], |_| true),
        "ways": {
            "password": rules.signs_in_by_password,
            "link": rules.signs_in_by_link,
            "code": rules.signs_in_by_code,
            "reset": rules.signs_in_by_password && web.identity.has_mail(),
        },
    });
    let mut response = web.pages.page(visitor, "sign_in.html", "Sign in", context)?;
    leave_for_clients(&mut response, return_to.as_deref());
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// The name of the agent somebody signs in for, as it calls itself.
async fn client_name(web: &Web, return_to: Option<&str>) -> Option<String> {
    let path = return_to?;
    for purpose in &web.purposes {
        if let Some(name) = purpose.client_name(path).await {
            return Some(name);
        }
    }
    None
}

/// The path of the sign-in page that leads on to another.
pub fn address(return_to: Option<&str>) -> String {
    with_query("/auth/signin", return_to, &[])
}

fn with_query(page: &str, return_to: Option<&str>, more: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(return_to.map(|path| ("return_to", path))).extend_pairs(more);
    let query = query.finish();
    if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
}

/// The ways to sign in that plugins bring, those that are wanted, each with these parameters. It leads back to where the
/// person wanted to go.
pub fn buttons(
    web: &Web,
    return_to: Option<&str>,
    more: &[(&str, &str)],
    is_wanted: impl Fn(&SignInButton) -> bool,
) -> Vec<Value> {
    let href = |button: &SignInButton| with_query(&button.path, return_to, more);
    web.buttons
        .iter()
        .filter(|button| is_wanted(button))
        .map(|button| json!({ "href": href(button), "label": button.label, "icon": button.icon }))
        .collect()
}

/// A form that leads on to `/authorize` may end at a client, which `form-action` would stop in Chromium.
pub fn leave_for_clients(response: &mut Response, return_to: Option<&str>) {
    if return_to.is_some_and(|path| path.starts_with("/authorize?") || path.starts_with("/authorize/")) {
        response.extensions_mut().insert(FormAction(String::new()));
    }
}

/// `POST /auth/signin`. A wrong address and a wrong password get the same answer after the same work.
pub async fn submit(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    needs(web.identity.rules().signs_in_by_password)?;
    limit_sign_in(&web, &visitor, &headers, &form.email).await?;
    let return_to = form.destination.path();
    let Some(proof) = web.identity.check_password(&form.email, form.password).await? else {
        let error = "Address and password do not go together.";
        return sign_in_again(&web, &visitor, return_to, &form.email, error).await;
    };
    if !web.identity.is_proven_enough(&proof.user) {
        return ask_for_proof(&web, &visitor, &headers, &proof.user).await;
    }
    open_session(&web, &visitor, &headers, (&proof.user, "password", &proof), return_to).await
}

/// Whoever knows the password has still to prove the address: a link goes there.
pub async fn ask_for_proof(web: &Web, visitor: &Visitor, headers: &HeaderMap, user: &UserContext) -> Result<Response> {
    limit_mail_here(web, visitor, headers, &user.email).await?;
    web.identity.send_verification(user.id, &browser_mark(visitor)).await?;
    look_into_mail(web, visitor, &user.email, CONFIRM_FIRST)
}

/// Takes one attempt. A session of the account, and a browser that was signed in to it before, have buckets of their own.
/// All others share: those of one address, those of one address at one account, and, but for the first of each address,
/// those at one account, wherever they are; of the last no address can take more than half.
pub async fn limit_sign_in(web: &Web, visitor: &Visitor, headers: &HeaderMap, email: &str) -> Result<()> {
    let (ip, account) = (visitor.info.ip, normalize_email(email));
    let own = visitor.caller.as_ref().filter(|caller| caller.user().email == account).and_then(Caller::session);
    let known = match own {
        Some(session) => Some(session.to_string()),
        None => senders(web).known_device(headers, &account).await?,
    };
    if let Some(known) = known {
        return web.limits.take(LimitBucket::SignInByDevice, &known).await;
    }
    web.limits.take(LimitBucket::SignInByAddress, &ip.to_string()).await?;
    web.limits.take(LimitBucket::SignInByAccount, &account_key(&account, ip)).await?;
    take_as_stranger(web.limits.as_ref(), &Shared::SIGN_IN, &account, ip).await
}

/// Opens a new session, ends the one the browser came with, and goes where the person wanted to go.
pub async fn open_session(
    web: &Web,
    visitor: &Visitor,
    headers: &HeaderMap,
    (user, method, ground): (&UserContext, &str, &dyn Ground),
    return_to: Option<String>,
) -> Result<Response> {
    let begun = web.sessions.begin_on(visitor, headers, (user.id, method), ground).await?;
    let target = return_to.unwrap_or_else(|| web.rules.signin_redirect.clone());
    let response = with_cookie(Redirect::to(&target).into_response(), Some(begun.cookie));
    Ok(with_cookie(response, device_cookie(web, headers, user, begun.began_at)))
}

/// Makes a browser known for an account. Where mail is sent, that counts for mails, too, so the address must be proven:
/// with one that is somebody else's, many browsers could be made known and then flood its owner.
pub fn device_cookie(
    web: &Web,
    headers: &HeaderMap,
    user: &UserContext,
    session_began: Timestamp,
) -> Option<HeaderValue> {
    let is_worth_it = user.email_verified || !web.identity.has_mail();
    let entropy = web.entropy.as_ref();
    is_worth_it.then(|| web.devices.make_known(headers, &user.email, session_began, &web.cookies, entropy))?
}

async fn end_session(web: &Web, visitor: &Visitor) -> Result<()> {
    if let Some(caller) = &visitor.caller
        && let Some(session) = caller.session()
    {
        web.identity.revoke_session(session, caller.user().id).await?;
    }
    Ok(())
}

/// Hands the browser a cookie along with an answer.
pub fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /auth/signout`. Never fails for want of a session: a missing or unknown cookie is ignored, as in the seed. Whoever
/// wears somebody's session is back in their own.
pub async fn sign_out(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    if let Some(ended) = worn::take_off(&web, &visitor, &headers).await? {
        return Ok(ended.answer(&web.rules.signout_redirect));
    }
    end_session(&web, &visitor).await?;
    let wanted = url::form_urlencoded::parse(&body).find(|(name, _)| name == "return_to");
    let return_to = wanted.map(|(_, path)| path.into_owned()).filter(|path| is_local_path(path));
    let target = return_to.unwrap_or_else(|| web.rules.signout_redirect.clone());
    let response = (StatusCode::FOUND, [(header::LOCATION, target)]).into_response();
    Ok(with_cookie(response, web.cookies.clear_session()))
}
