//! Coming back from somebody else's session: an operator's own one waits in the browser meanwhile, sealed, in a cookie no page
//! can read, and opens only together with the worn session it was left for.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use belgie_api::web::Visitor;
use belgie_api::{PlainToken, Result, SessionId, TokenKind, UserId};

use super::Web;
use crate::identity::Started;

/// What the operator's own session is sealed for.
const PURPOSE: &str = "core.impersonation";

/// A worn session that has just ended.
pub struct TakenOff {
    /// Whose it was.
    pub user: UserId,
    /// Whether the operator is back in their own session; it may have ended meanwhile.
    pub is_back: bool,
    /// The session cookie from now on.
    pub session: Option<HeaderValue>,
    /// Takes the sealed session back.
    pub sealed: Option<HeaderValue>,
}

impl TakenOff {
    /// On to the page of the person whose session was worn; to another one, when nobody is signed in any more.
    pub fn answer(self, otherwise: &str) -> Response {
        let person = format!("/admin/users/{}", self.user);
        let target = if self.is_back { &person } else { otherwise };
        with_cookies(Redirect::to(target).into_response(), [self.session, self.sealed])
    }
}

/// The cookies with which a browser wears a session and keeps the operator's own.
///
/// # Errors
/// When the host's keys are none.
pub fn put_on(web: &Web, own: &PlainToken, worn: &Started) -> Result<[Option<HeaderValue>; 2]> {
    let sealed = web.host.seal(PURPOSE, context_of(worn.session.id).as_bytes(), own.expose().as_bytes())?;
    let lifetime = worn.session.expires_at.since(worn.session.created_at);
    Ok([web.cookies.set_session(&worn.token, lifetime), web.cookies.set_operator(&sealed, lifetime)])
}

/// Ends the session the visitor wears and gives the operator's own back, if it still stands; `None` when none is worn.
///
/// # Errors
/// When the database does not answer.
pub async fn take_off(web: &Web, visitor: &Visitor, headers: &HeaderMap) -> Result<Option<TakenOff>> {
    let worn = visitor.caller.as_ref().and_then(|caller| {
        let operator = caller.principal().presence()?.impersonator?;
        Some((caller.session()?, caller.user().id, operator))
    });
    let Some((session, user, operator)) = worn else { return Ok(None) };
    let own = own_session(web, headers, session, operator).await?;
    web.identity.revoke_session(session, user).await?;
    let cookie = match &own {
        Some((token, lifetime)) => web.cookies.set_session(token, *lifetime),
        None => web.cookies.clear_session(),
    };
    Ok(Some(TakenOff { user, is_back: own.is_some(), session: cookie, sealed: web.cookies.clear_operator() }))
}

/// The operator's own session: what the browser kept must have been left for this worn session, must still stand, and must
/// be the operator's.
async fn own_session(
    web: &Web,
    headers: &HeaderMap,
    worn: SessionId,
    operator: UserId,
) -> Result<Option<(PlainToken, Duration)>> {
    let Some(sealed) = web.cookies.operator_value(headers) else { return Ok(None) };
    let Ok(opened) = web.host.unseal(PURPOSE, context_of(worn).as_bytes(), &sealed) else { return Ok(None) };
    let token = std::str::from_utf8(&opened).ok().and_then(|text| PlainToken::parse_as(TokenKind::Session, text));
    let Some(token) = token else { return Ok(None) };
    let resumed = web.identity.resume_session(&token).await?;
    let resumed = resumed.filter(|own| own.user.id == operator && own.session.impersonator_id.is_none());
    Ok(resumed.map(|own| (token, own.lifetime)))
}

fn context_of(worn: SessionId) -> String {
    worn.to_string()
}

/// Hands these cookies to the browser.
pub fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
