//! What happens before a person is asked: that they sign in, make an account, or prove once more to be there.

use std::time::Duration;

use belgie_api::crypto::{base64url, constant_time_eq, hmac_sha256};
use belgie_api::{Caller, Timestamp};
use url::form_urlencoded;

use super::OAuth;
use super::authorize::PresentableRequest;
use crate::model::openid::is_recent;
use crate::model::prompt::Prompt;

/// The parameter of our own that says since when a request waits for a person.
const MARK: &str = "&belgie_since=";

/// How far the clocks of nodes may differ.
const LEEWAY: Duration = Duration::from_secs(10);

/// How long a mark counts: somebody who signs in later than this is asked once more.
const MARK_LASTS: Duration = Duration::from_mins(15);

/// An authorization request, and since when it has waited for its person, if it has.
#[derive(Debug)]
pub struct Waiting<'a> {
    /// The client's own query.
    pub query: &'a str,
    /// When the person was first sent to sign in for it.
    pub since: Option<Timestamp>,
}

impl OAuth {
    /// Takes our own mark off a query. One that is not ours, or belongs to another query, counts as none.
    pub fn read_waiting<'a>(&self, query: &'a str) -> Waiting<'a> {
        let Some((own, mark)) = query.rsplit_once(MARK) else { return Waiting { query, since: None } };
        let since = mark.split_once('.').and_then(|(micros, seal)| {
            let is_ours = constant_time_eq(self.mark_of(own, micros).as_bytes(), seal.as_bytes());
            micros.parse().ok().filter(|_| is_ours).map(Timestamp::from_unix_micros)
        });
        Waiting { query: own, since }
    }

    fn mark_of(&self, query: &str, micros: &str) -> String {
        let key = self.host.key("oauth-server.waiting");
        base64url(&hmac_sha256(&key, &[query.as_bytes(), micros.as_bytes()]))
    }

    /// Whether the person has been there as recently as the client wishes.
    pub fn is_there_enough(&self, wishes: &Prompt, caller: &Caller, since: Option<Timestamp>) -> bool {
        let Some(presence) = caller.principal().presence() else { return true };
        let signed_in_at = presence.authenticated_at;
        if wishes.wants_proof_now() {
            let waits = since.filter(|since| since.plus(MARK_LASTS) >= self.host.now());
            return waits.is_some_and(|since| signed_in_at.plus(LEEWAY) >= since);
        }
        wishes.max_age.is_none_or(|max_age| is_recent(signed_in_at, max_age, self.host.now()))
    }

    /// Where a person goes first, and comes back from to the same request. `caller`: nobody, for a stranger. Somebody whom the
    /// client does not mean signs in as somebody else.
    pub fn first_step(&self, asked: &PresentableRequest, waiting: &Waiting<'_>, caller: Option<&Caller>) -> String {
        let wishes = &asked.wishes;
        let now = self.host.now().unix_micros().to_string();
        let mut here = format!("/authorize?{}", waiting.query);
        if wishes.wants_proof_now() {
            here.extend([MARK, &now, ".", &self.mark_of(waiting.query, &now)]);
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", &here);
        let page = match caller {
            Some(caller) if !asked.means(caller) => {
                query.append_pair("other", "true");
                "/auth/signin"
            }
            Some(_) => {
                query.append_pair("after", &now);
                "/auth/confirm"
            }
            None if wishes.creates => "/auth/signup",
            None => {
                query.extend_pairs(wishes.login_hint.as_ref().map(|hint| ("login_hint", hint)));
                "/auth/signin"
            }
        };
        format!("{page}?{}", query.finish())
    }
}
