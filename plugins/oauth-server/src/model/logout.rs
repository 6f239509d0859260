//! Signing out: what a client registers for it, and what it is told (OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout
//! 1.0).

use std::time::Duration;

use belgie_api::Failure;
use serde::Serialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::redirect::{RedirectKind, RedirectUri, kind_of};
use super::refusal;

/// The `typ` of logout tokens (Back-Channel Logout section 2.4).
pub const LOGOUT_TOKEN: &str = "logout+jwt";

/// The event a logout token is about (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token counts: two minutes at most, as section 2.4 recommends.
pub const LOGOUT_TOKEN_TTL: Duration = Duration::from_secs(120);

/// How often a client is told at most before it is given up.
pub const MOST_ATTEMPTS: i64 = 8;

const MOST_URIS: usize = 10;
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

/// What a client registers for signing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutWish {
    /// `post_logout_redirect_uris`: where people may be sent afterwards.
    pub redirect_uris: Vec<RedirectUri>,
    /// `backchannel_logout_uri`: where it is told that a session has ended.
    pub backchannel_uri: Option<String>,
}

impl LogoutWish {
    /// Checks what a client wishes. `is_operators`: whether the operator enters it, who may name the own machine.
    ///
    /// # Errors
    /// `invalid_client_metadata`, with what is wrong.
    pub fn read(redirect_uris: &[String], backchannel: Option<&str>, is_operators: bool) -> Result<Self, Failure> {
        if redirect_uris.len() > MOST_URIS {
            return Err(refusal::invalid_client_metadata("A client has 10 post_logout_redirect_uris at most."));
        }
        let read = |text: &String| RedirectUri::read(text);
        let redirect_uris = redirect_uris.iter().map(read).collect::<Result<_, _>>();
        let redirect_uris = redirect_uris.map_err(|_| {
            refusal::invalid_client_metadata("post_logout_redirect_uris are written as redirect URIs are.")
        })?;
        let is_allowed = |text: &str| match (RedirectUri::read(text), kind_of(text)) {
            (Ok(_), RedirectKind::Https) => true,
            (Ok(_), RedirectKind::Loopback) => is_operators,
            _ => false,
        };
        if backchannel.is_some_and(|text| !is_allowed(text)) {
            return Err(refusal::invalid_client_metadata("backchannel_logout_uri is an https address."));
        }
        Ok(Self { redirect_uris, backchannel_uri: backchannel.map(str::to_owned) })
    }
}

/// The address people are sent to afterwards, with the client's own reminder (RP-Initiated Logout section 2).
pub fn with_state(redirect_uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return redirect_uri.to_owned() };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{separator}{query}")
}

/// What a logout token says (Back-Channel Logout section 2.4); it has no `nonce`, so that it is no id token.
#[derive(Debug, Serialize)]
pub struct LogoutClaims<'a> {
    /// Who signed it.
    pub iss: &'a str,
    /// Whose session it was.
    pub sub: &'a str,
    /// The client it is for.
    pub aud: &'a str,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// The message, the same whenever it is sent.
    pub jti: &'a str,
    /// The session.
    pub sid: &'a str,
    /// What happened.
    pub events: Value,
}

/// The member `events`.
pub fn events() -> Value {
    json!({ EVENT: {} })
}

/// How long to wait after so many attempts; `None` when it is given up.
pub fn pause_after(attempts: i64) -> Option<Duration> {
    if attempts >= MOST_ATTEMPTS {
        return None;
    }
    let times = 4_u32.saturating_pow(u32::try_from(attempts.saturating_sub(1)).unwrap_or_default());
    Some(FIRST_PAUSE.saturating_mul(times).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LogoutWish, pause_after, with_state};

    #[test]
    fn a_client_is_told_where_it_may_be_told_and_people_go_where_answers_may_go() {
        let read = |uris: &[&str], channel: Option<&str>, is_operators| {
            let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
            LogoutWish::read(&uris, channel, is_operators)
        };
        let good = read(
            &["https://a.example/out", "http://127.0.0.1/out", "com.example.a:/out"],
            Some("https://a.example/b"),
            false,
        );
        assert_eq!(good.unwrap().redirect_uris.len(), 3);
        assert_eq!(read(&[], None, false).unwrap(), LogoutWish::default());
        assert!(read(&[], Some("http://127.0.0.1:1/b"), true).is_ok());
        for channel in
            ["http://127.0.0.1:1/b", "http://a.example/b", "com.example.a:/b", "https://a.example/#b", "b", ""]
        {
            assert!(read(&[], Some(channel), false).is_err(), "{channel}");
        }
        assert!(read(&["http://a.example/out"], None, true).is_err());
        assert!(read(&["https://a.example/out"; 11], None, true).is_err());
    }

    #[test]
    fn the_clients_reminder_comes_back_as_it_was() {
        assert_eq!(with_state("https://a.example/out", None), "https://a.example/out");
        assert_eq!(with_state("https://a.example/out", Some("a b&c")), "https://a.example/out?state=a+b%26c");
        assert_eq!(with_state("https://a.example/out?x=1", Some("s")), "https://a.example/out?x=1&state=s");
    }

    #[test]
    fn a_client_that_does_not_answer_is_asked_ever_more_rarely_and_then_no_more() {
        let pauses: Vec<u64> =
            (1..8).filter_map(|attempts| pause_after(attempts).map(|pause| pause.as_secs())).collect();
        assert_eq!(pauses, [10, 40, 160, 640, 2560, 10240, 21600]);
        assert_eq!((pause_after(8), pause_after(i64::MAX)), (None, None::<Duration>));
    }
}
