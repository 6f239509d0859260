//! Making an account, when the operator lets strangers do so.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result, ScopeSet};
use serde::Deserialize;
use serde_json::json;

use super::Web;
use super::by_mail::{Link, LinkPage, browser_mark, limit_mail, look_into_mail, message, over, private, read_token};
use super::sign_in::{Destination, buttons, leave_for_clients, limit_sign_in, open_session};
use crate::identity::NewAccount;
use crate::identity::accounts::{AccountProblems, CreateError};
use crate::identity::hold::SameAddress;
use crate::identity::sign_up::{Finish, Finished};

pub const SENT: &str = "The next step is in a mail to this address. It works once, for an hour.";
const ELSEWHERE_LINKS_NOTHING: &str = "You did not begin this account in this browser, so what it was begun with does not \
     count. If it was you, open the link in the browser in which you began.";
const ELSEWHERE: &str =
    "You did not begin this account in this browser, so what was typed there does not count: choose a password here.";

#[derive(Deserialize)]
pub struct SignUpForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(flatten)]
    destination: Destination,
}

/// What the form shows again after a mistake.
#[derive(Default)]
struct Shown<'a> {
    email: &'a str,
    name: &'a str,
    error: Option<&'a str>,
    problems: AccountProblems,
}

fn is_open(web: &Web) -> Result<()> {
    // Where passwords are no way in, a link or a code makes the account.
    opens(web.identity.rules().sign_up_open && web.identity.rules().signs_in_by_password)
}

fn opens(is_open: bool) -> Result<()> {
    if is_open {
        return Ok(());
    }
    Err(Failure::not_found("sign_up.closed", "This host does not take new accounts by itself.")
        .hint("Ask its operator for an account."))
}

/// `GET /auth/signup`
pub async fn page(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Query(wanted): Query<Destination>,
) -> Result<Response> {
    let rules = web.identity.rules();
    opens(rules.sign_up_open && (rules.signs_in_by_password || !web.buttons.is_empty()))?;
    let return_to = wanted.path();
    if visitor.caller.is_some() {
        return Ok(Redirect::to(return_to.as_deref().unwrap_or(&web.rules.signin_redirect)).into_response());
    }
    render(&web, &visitor, return_to, Shown::default())
}

fn render(web: &Web, visitor: &Visitor, return_to: Option<String>, shown: Shown<'_>) -> Result<Response> {
    let has_mistake = shown.error.is_some() || shown.problems != AccountProblems::default();
    let context = json!({
        "return_to": return_to,
        "email": shown.email,
        "name": shown.name,
        "error": shown.error,
        "email_error": shown.problems.email,
        "password_error": shown.problems.password,
        "min_password": web.identity.rules().min_password_length,
        "sends_mail": web.identity.has_mail(),
        "by_password": web.identity.rules().signs_in_by_password,
        "buttons": buttons(web, return_to.as_deref(), &[("request_sign_up", "true")], |_| true),
    });
    let mut response = web.pages.page(visitor, "sign_up.html", "Create an account", context)?;
    leave_for_clients(&mut response, return_to.as_deref());
    if has_mistake {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `POST /auth/signup`. With mail, the answer is the same for every address, and the mail says the rest. Without, a taken
/// address is treated as an attempt to sign in, so that the answer tells no more than the sign-in page does.
pub async fn submit(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<SignUpForm>,
) -> Result<Response> {
    is_open(&web)?;
    web.limits.take(LimitBucket::SignUp, &visitor.info.ip.to_string()).await?;
    let SignUpForm { email, name, password, destination } = form;
    let return_to = destination.path();
    let account =
        NewAccount { email: email.clone(), name: name.clone(), password: password.clone(), scopes: ScopeSet::new() };
    if web.identity.has_mail() {
        limit_mail(&web, &visitor, &email).await?;
        let asked = web.identity.ask_to_sign_up(account, &browser_mark(&visitor), return_to.clone()).await;
        return match asked {
            Ok(()) => look_into_mail(&web, &visitor, &email, SENT),
            Err(error) => refuse(&web, &visitor, return_to, (&email, &name), error),
        };
    }
    match web.identity.create(account).await {
        Err(CreateError::Taken) => limit_sign_in(&web, &visitor, &headers, &email).await?,
        Err(error) => return refuse(&web, &visitor, return_to, (&email, &name), error),
        Ok(user) => {
            let sign_up = (&user, "password", &SameAddress(&user) as _);
            return open_session(&web, &visitor, &headers, sign_up, return_to).await;
        }
    }
    match web.identity.check_password(&email, password).await? {
        Some(proof) => open_session(&web, &visitor, &headers, (&proof.user, "password", &proof), return_to).await,
        None => refuse(&web, &visitor, return_to, (&email, &name), CreateError::Taken),
    }
}

/// The form again, with what was wrong.
fn refuse(
    web: &Web,
    visitor: &Visitor,
    return_to: Option<String>,
    (email, name): (&str, &str),
    error: CreateError,
) -> Result<Response> {
    let taken = "No account could be made with these details. If you have one already, sign in.";
    let (error, problems) = match error {
        CreateError::Problems(problems) => (None, problems),
        CreateError::Taken => (Some(taken), AccountProblems::default()),
        CreateError::Failure(failure) => return Err(failure),
    };
    render(web, visitor, return_to, Shown { email, name, error, problems })
}

/// What the link in the mail leads to.
#[derive(Deserialize)]
pub struct LastStep {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// Whether the account may be made in this browser. Whoever comes with an account elsewhere was let in by its provider, in
/// the browser in which that was; anywhere else the rules for strangers count.
fn may_finish(web: &Web, found: &Finish) -> Result<()> {
    let rules = web.identity.rules();
    if found.way.is_none() {
        return is_open(web);
    }
    let has_way_in = rules.signs_in_by_password || rules.signs_in_by_link || rules.signs_in_by_code;
    if found.is_ours || (rules.sign_up_open && has_way_in) {
        return Ok(());
    }
    Err(Failure::forbidden("sign_up.elsewhere", "This account was not begun in this browser.")
        .hint("Open the link in the browser in which you began."))
}

fn last_step(web: &Web, visitor: &Visitor, token: &str, found: &Finish, error: Option<String>) -> Result<Response> {
    let asks_password = !found.is_ours && web.identity.rules().signs_in_by_password;
    let lede = match &found.way {
        Some(way) if found.is_ours => format!("This makes the account, which you sign in to with {way}, for"),
        _ => "This makes the account for".to_owned(),
    };
    let elsewhere = if asks_password { ELSEWHERE } else { ELSEWHERE_LINKS_NOTHING };
    let page = LinkPage {
        title: "Finish your account",
        lede,
        warning: (!found.is_ours).then_some(elsewhere),
        action: "/auth/signup/finish",
        token,
        label: "Make the account",
        password: asks_password.then_some("new"),
        choice: None,
        error,
        email: &found.email,
    };
    let mut response = page.render(web, visitor)?;
    leave_for_clients(&mut response, found.return_to.as_deref());
    Ok(response)
}

/// `GET /auth/signup/finish?token=`
pub async fn finish_page(State(web): State<Arc<Web>>, visitor: Visitor, Query(link): Query<Link>) -> Result<Response> {
    let token = read_token(&link.token)?;
    let found = web.identity.look_at_finish(&token, &browser_mark(&visitor)).await?.ok_or_else(over)?;
    may_finish(&web, &found)?;
    last_step(&web, &visitor, token.expose(), &found, None)
}

/// `POST /auth/signup/finish`
pub async fn finish(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<LastStep>,
) -> Result<Response> {
    let (token, mark) = (read_token(&form.token)?, browser_mark(&visitor));
    let found = web.identity.look_at_finish(&token, &mark).await?.ok_or_else(over)?;
    may_finish(&web, &found)?;
    match web.identity.finish_sign_up(&token, &mark, form.password).await? {
        Finished::Made { user, method, return_to } => {
            let sign_up = (&user, method.as_str(), &SameAddress(&user) as _);
            open_session(&web, &visitor, &headers, sign_up, return_to).await.map(private)
        }
        Finished::Problem(problem) => last_step(&web, &visitor, token.expose(), &found, Some(problem)),
        Finished::Taken => {
            let words = ("You have an account already", "Sign in to it.");
            message(&web, &visitor, "info", words, Some(("/auth/signin", "Sign in")))
        }
        Finished::Over => Err(over()),
    }
}
