//! What pages that write to people, or are reached by links in mails, have in common.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use belgie_api::crypto::{base64url, sha256};
use belgie_api::ports::{LimitBucket, Limits, Pages, normalize_email};
use belgie_api::web::Visitor;
use belgie_api::{Failure, PlainToken, Result, SessionId, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Web;
use crate::auth::Devices;
use crate::identity::Identity;
use crate::limits::{Shared, take_as_stranger};

/// The query of a link in a mail.
#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    pub token: String,
}

/// A question beside the button, to be ticked or not.
#[derive(Serialize)]
pub struct Choice {
    /// The field.
    pub name: &'static str,
    /// What is ticked.
    pub label: &'static str,
    /// When to tick it.
    pub hint: &'static str,
    /// Whether it is ticked already.
    pub is_checked: bool,
}

/// What is shown where a link leads: one button that uses it up. Mail scanners open links; they press nothing.
pub struct LinkPage<'a> {
    /// The title of the page.
    pub title: &'a str,
    /// What the button does.
    pub lede: String,
    /// Something to look out for.
    pub warning: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// The token.
    pub token: &'a str,
    /// What the button says.
    pub label: &'a str,
    /// Which password is asked for: `new`, `current`, or none.
    pub password: Option<&'a str>,
    /// What else is asked.
    pub choice: Option<Choice>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// The address the link is for.
    pub email: &'a str,
}

impl LinkPage<'_> {
    /// Shows the page.
    pub fn render(self, web: &Web, visitor: &Visitor) -> Result<Response> {
        let has_mistake = self.error.is_some();
        let context = json!({
            "title": self.title,
            "lede": self.lede,
            "warning": self.warning,
            "action": self.action,
            "token": self.token,
            "label": self.label,
            "password": self.password,
            "choice": self.choice,
            "error": self.error,
            "email": self.email,
            "min_password": web.identity.rules().min_password_length,
        });
        let mut response = web.pages.page(visitor, "link.html", self.title, context)?;
        if has_mistake {
            *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
        }
        Ok(private(response))
    }
}

/// The mark of this browser while nobody is signed in, and of the session otherwise: what tells whether a link is opened
/// where it was asked for. It follows from the forgery cookie, which no other site and no other browser has.
pub fn browser_mark(visitor: &Visitor) -> String {
    base64url(&sha256(format!("browser {}", visitor.csrf_token).as_bytes()))
}

/// Who may ask for mails, and how many.
pub struct Senders<'a> {
    pub limits: &'a dyn Limits,
    pub devices: &'a Devices,
    pub identity: &'a Identity,
}

impl Senders<'_> {
    /// The id of this browser, if the account with this address, in its one spelling, was signed in to in it and nobody was put
    /// out of the account since.
    pub async fn known_device(&self, headers: &HeaderMap, account: &str) -> Result<Option<String>> {
        let Some(device) = self.devices.known(headers, account) else { return Ok(None) };
        Ok(self.identity.trusts_device(account, device.since).await?.then_some(device.id))
    }

    /// Takes one mail. Whoever is signed in and writes to the proven address of the account has a bucket of that session.
    /// Everybody else shares: those of one address and, but for the first of each address, those of one recipient.
    pub async fn limit(&self, visitor: &Visitor, recipient: &str) -> Result<()> {
        let recipient = normalize_email(recipient);
        if let Some(session) = own_session(visitor, &recipient) {
            return self.limits.take(LimitBucket::MailByOwner, &session.to_string()).await;
        }
        let ip = visitor.info.ip;
        self.limits.take(LimitBucket::MailByAddress, &ip.to_string()).await?;
        take_as_stranger(self.limits, &Shared::MAIL, &recipient, ip).await
    }

    /// The same where nobody need be signed in: a browser that was signed in to the account before has a bucket of its own,
    /// so strangers cannot use up the owner's mails.
    pub async fn limit_here(&self, visitor: &Visitor, headers: &HeaderMap, recipient: &str) -> Result<()> {
        match self.known_device(headers, &normalize_email(recipient)).await? {
            Some(device) => self.limits.take(LimitBucket::MailByOwner, &device).await,
            None => self.limit(visitor, recipient).await,
        }
    }
}

/// Who asks, and how much they may.
pub fn senders(web: &Web) -> Senders<'_> {
    Senders { limits: web.limits.as_ref(), devices: &web.devices, identity: &web.identity }
}

/// Takes one mail; see [`Senders::limit`].
pub async fn limit_mail(web: &Web, visitor: &Visitor, recipient: &str) -> Result<()> {
    senders(web).limit(visitor, recipient).await
}

/// Takes one mail where nobody need be signed in; see [`Senders::limit_here`].
pub async fn limit_mail_here(web: &Web, visitor: &Visitor, headers: &HeaderMap, recipient: &str) -> Result<()> {
    senders(web).limit_here(visitor, headers, recipient).await
}

/// Unproven addresses may be somebody else's, and sessions are made at will: they would be a way to flood a stranger.
fn own_session(visitor: &Visitor, recipient: &str) -> Option<SessionId> {
    let caller = visitor.caller.as_ref()?;
    let user = caller.user();
    (user.email_verified && user.email == recipient).then(|| caller.session())?
}

/// Whatever depends on mail is not there where none is sent.
pub fn needs(is_offered: bool) -> Result<()> {
    if is_offered {
        return Ok(());
    }
    Err(Failure::not_found("sign_in.not_offered", "This way to sign in is not offered here."))
}

/// The failure of a link that was used, has expired or never was.
pub fn over() -> Failure {
    Failure::not_found("link.over", "This link is not good any more.")
        .hint("Links work once, and not for long. Ask for a new one.")
}

/// Reads a token as it stands in a link.
pub fn read_token(text: &str) -> Result<PlainToken> {
    PlainToken::parse_as(TokenKind::Link, text.trim()).ok_or_else(over)
}

/// Nobody learns the address of a page with a token from us.
pub fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A page that says one thing.
pub fn message(
    web: &Web,
    visitor: &Visitor,
    tone: &str,
    (title, words): (&str, &str),
    action: Option<(&str, &str)>,
) -> Result<Response> {
    let action: Value = action.map_or(Value::Null, |(href, label)| json!({ "href": href, "label": label }));
    let context = json!({ "tone": tone, "title": title, "message": words, "email": null, "action": action });
    web.pages.page(visitor, "message.html", title, context).map(private)
}

/// The answer to whoever asked for a mail to this address, whether anybody gets one or not.
pub fn look_into_mail(web: &Web, visitor: &Visitor, email: &str, words: &str) -> Result<Response> {
    letter_page(web.pages.as_ref(), visitor, email, words)
}

/// The same, for whoever has the templates alone.
pub fn letter_page(pages: &dyn Pages, visitor: &Visitor, email: &str, words: &str) -> Result<Response> {
    let title = "Look into your mail";
    let context = json!({ "tone": "mail", "title": title, "message": words, "email": email.trim(), "action": null });
    pages.page(visitor, "message.html", title, context).map(private)
}
