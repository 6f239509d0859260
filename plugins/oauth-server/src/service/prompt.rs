//! What happens before a person is asked: that they sign in, make an account, or prove once more to be there.

use std::time::Duration;

use belgie_api::crypto::{base64url, constant_time_eq, hmac_sha256};
use belgie_api::web::Visitor;
use belgie_api::{Caller, Result, SessionId, Timestamp};
use url::form_urlencoded;

use super::OAuth;
use super::request::PresentableRequest;
use crate::model::openid::is_recent;
use crate::model::prompt::Prompt;
use crate::model::step::{Done, Step};

/// The parameter of our own that says since when a request waits for a person.
const MARK: &str = "&belgie_since=";

/// How far the clocks of nodes may differ.
const LEEWAY: Duration = Duration::from_secs(10);

/// How long a mark counts: somebody who signs in later than this is asked once more.
const MARK_LASTS: Duration = Duration::from_mins(15);

/// An authorization request, and since when it has waited for its person, if it has.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// The client's own query.
    pub query: &'a str,
    /// When the person was first sent to sign in for it, or to a page of the application.
    pub since: Option<Timestamp>,
    /// The pages of the application they have been at for it, in this session.
    pub done: Done,
}

impl OAuth {
    /// Takes our own mark off a query. One that is not ours, belongs to another query or is old counts as none; where somebody has been
    /// counts in their session alone.
    pub fn read_waiting<'a>(&self, query: &'a str, session: Option<SessionId>) -> Waiting<'a> {
        let unmarked = |query| Waiting { query, since: None, done: Done::default() };
        let Some((own, mark)) = query.rsplit_once(MARK) else { return unmarked(query) };
        let Some((text, seal)) = mark.split_once('.') else { return unmarked(own) };
        let letters = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
        let micros = text.strip_suffix(letters).unwrap_or_default();
        let is_ours = constant_time_eq(self.mark_of(own, text, session).as_bytes(), seal.as_bytes());
        let since = micros.parse().ok().filter(|_| is_ours).map(Timestamp::from_unix_micros);
        match since.filter(|since| since.plus(MARK_LASTS) >= self.host.now()) {
            Some(since) => Waiting { query: own, since: Some(since), done: Done::read(letters) },
            None => unmarked(own),
        }
    }

    /// Where a browser goes on with a request: with a mark that says what is behind it.
    pub(super) fn onward(&self, waiting: &Waiting<'_>, session: Option<SessionId>) -> String {
        let Some(since) = waiting.since else { return format!("/authorize?{}", waiting.query) };
        let text = format!("{}{}", since.unix_micros(), waiting.done.letters());
        let seal = self.mark_of(waiting.query, &text, session);
        format!("/authorize?{}{MARK}{text}.{seal}", waiting.query)
    }

    /// `session`: counts only where a page of the application is behind somebody.
    fn mark_of(&self, query: &str, text: &str, session: Option<SessionId>) -> String {
        let is_of_session = text.ends_with(|letter: char| letter.is_ascii_alphabetic());
        let session = session.filter(|_| is_of_session).map(|session| session.to_string()).unwrap_or_default();
        let key = self.host.key("oauth-server.waiting");
        base64url(&hmac_sha256(&key, &[query.as_bytes(), text.as_bytes(), session.as_bytes()]))
    }

    /// Whether the person has been there as recently as the client wishes.
    pub fn is_there_enough(&self, wishes: &Prompt, caller: &Caller, since: Option<Timestamp>) -> bool {
        let Some(presence) = caller.principal().presence() else { return true };
        let signed_in_at = presence.authenticated_at;
        if wishes.wants_proof_now() {
            return since.is_some_and(|since| signed_in_at.plus(LEEWAY) >= since);
        }
        wishes.max_age.is_none_or(|max_age| is_recent(signed_in_at, max_age, self.host.now()))
    }

    /// Where a person goes first, and comes back from to the same request: to a page of ours or of the application. Nobody is signed in
    /// yet, or not lately enough, or somebody whom the client does not mean, who signs in as somebody else.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_step(
        &self,
        visitor: &Visitor,
        asked: &PresentableRequest,
        waiting: &Waiting<'_>,
    ) -> Result<String> {
        let caller = visitor.caller.as_ref();
        let step = if caller.is_none() && asked.wishes.creates { Step::Signup } else { Step::Login };
        let now = self.host.now();
        // Whoever must prove to be there does so from now on, and whoever comes back has been nowhere yet.
        let since = asked.wishes.wants_proof_now().then_some(now);
        let waiting = &Waiting { query: waiting.query, since, done: Done::default() };
        match self.begin_step(visitor, step, &asked.request, waiting).await? {
            Some(page) => Ok(page),
            None => Ok(self.own_first_step(asked, waiting, caller)),
        }
    }

    fn own_first_step(&self, asked: &PresentableRequest, waiting: &Waiting<'_>, caller: Option<&Caller>) -> String {
        let wishes = &asked.wishes;
        let now = self.host.now().unix_micros().to_string();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", &self.onward(waiting, None));
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
