//! Pages of the application on the way of an authorization request: sending people there, and taking them back.

use std::time::Duration;

use belgie_api::crypto::{base64url, constant_time_eq, hmac_sha256};
use belgie_api::web::Visitor;
use belgie_api::{Caller, Failure, PlainToken, Result, TokenHash, TokenKind};

use super::OAuth;
use super::authorize::answerer;
use super::prompt::Waiting;
use super::request::{PresentableRequest, Refusal};
use crate::model::prompt::Prompt;
use crate::model::request::AuthorizationRequest;
use crate::model::step::{AppPages, Done, Step};
use crate::steps::Underway;
use crate::store;
use crate::store::steps::StoredStep;

/// How long a person may be at a page of the application.
const STEP_TTL: Duration = Duration::from_secs(900);

/// What a person is shown at a page of the application.
#[derive(Debug)]
pub enum Shown {
    /// They are on their way to being asked.
    Underway(Step, Box<PresentableRequest>),
    /// They are asked.
    Asked(Box<AuthorizationRequest>),
}

impl OAuth {
    /// The step that comes next for a person who is signed in, before they are asked.
    ///
    /// # Errors
    /// When the application cannot say.
    pub async fn next_step(
        &self,
        caller: &Caller,
        request: &AuthorizationRequest,
        wishes: &Prompt,
        done: Done,
    ) -> Result<Option<Step>> {
        let (underway, own) = (Underway::of(caller, request), self.own.steps.as_deref());
        if !done.select_account {
            let by_client = wishes.selects && self.settings.pages.of(Step::SelectAccount).is_some();
            let by_application = match own {
                Some(steps) if !by_client => steps.wants_account_choice(underway).await?,
                _ => false,
            };
            if by_client || by_application {
                return Ok(Some(Step::SelectAccount));
            }
        }
        let is_left = match own {
            Some(steps) => steps.wants_post_login(underway).await?,
            None => self.settings.pages.of(Step::PostLogin).is_some() && !done.post_login,
        };
        Ok(is_left.then_some(Step::PostLogin))
    }

    /// Sees that nothing is left to do for a person who says yes, or is asked about a device, which has no request to come back to.
    ///
    /// # Errors
    /// 403 when something is.
    pub async fn see_that_nothing_is_left(&self, caller: &Caller, request: &AuthorizationRequest) -> Result<()> {
        let Some(steps) = self.own.steps.as_deref() else { return Ok(()) };
        answerer(caller)?;
        if !steps.wants_post_login(Underway::of(caller, request)).await? {
            return Ok(());
        }
        let page = self.settings.pages.of(Step::PostLogin);
        let hint = page.map_or_else(
            || "Ask whoever runs this site.".to_owned(),
            |page| format!("Go to {page} first, then start again."),
        );
        Err(Failure::forbidden("interaction_required", "Something is left to do before an agent is let in.").hint(hint))
    }

    /// Sends a person to the application's page for a step: its address, with a handle that is good once, for a quarter of an hour and in
    /// this browser. `None` where the application has no such page.
    ///
    /// # Errors
    /// 403 for an operator who wears somebody's session, and when the database does not answer.
    pub async fn begin_step(
        &self,
        visitor: &Visitor,
        step: Step,
        request: &AuthorizationRequest,
        waiting: &Waiting<'_>,
    ) -> Result<Option<String>> {
        let Some(page) = self.settings.pages.of(step) else { return Ok(None) };
        // An operator who wears the session accepts nothing for its person.
        visitor.caller.as_ref().map(answerer).transpose()?;
        let (now, handle) = (self.host.now(), TokenKind::Interaction.mint(self.host.entropy()));
        let stored = StoredStep {
            session_id: visitor.caller.as_ref().and_then(Caller::session),
            step: step.as_str().to_owned(),
            query: waiting.query.to_owned(),
            done: waiting.done.letters().to_owned(),
            since: waiting.since.unwrap_or(now),
            expires_at: now.plus(STEP_TTL),
        };
        let mut tx = self.host.db().begin().await?;
        store::steps::insert(&mut tx, handle.hash(), &request.client.id, &stored).await?;
        tx.commit(now).await?;
        Ok(Some(AppPages::address(page, &self.interaction(visitor, &handle), None)))
    }

    /// Takes a person back from a page of the application: where the browser goes on.
    ///
    /// # Errors
    /// 401 when nobody is signed in, and nothing is spent; 400 when the handle is unknown, spent, too old or another browser's.
    pub async fn finish_step(&self, visitor: &Visitor, interaction: &str) -> Result<String> {
        let handle = self.handle_of(visitor, interaction).ok_or_else(stale)?;
        let caller = visitor.caller.as_ref().ok_or_else(|| {
            Failure::unauthorized("login_required", "Nobody is signed in here.").hint("Sign in, then go on.")
        })?;
        let session = answerer(caller)?.session;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let found = store::steps::take(&mut tx, handle, now).await?.ok_or_else(stale)?;
        tx.commit(now).await?;
        let step = Step::read(&found.step).ok_or_else(stale)?;
        // Where somebody has been counts for them alone; who chose another account has been at that page.
        let is_the_same = found.session_id == Some(session);
        let before = if is_the_same { Done::read(&found.done) } else { Done::default() };
        let done = if is_the_same || step == Step::SelectAccount { before.after(step) } else { before };
        let waiting = Waiting { query: &found.query, since: Some(found.since), done };
        Ok(self.onward(&waiting, Some(session)))
    }

    /// What a page of the application may show of the request it was given a handle of. It stays unspent.
    ///
    /// # Errors
    /// 400 when the handle is unknown, spent, too old, another browser's or another session's.
    pub async fn find_step(&self, visitor: &Visitor, interaction: &str) -> Result<Shown> {
        let (handle, now) = (self.handle_of(visitor, interaction).ok_or_else(stale)?, self.host.now());
        let mut conn = self.host.db().read().await?;
        if let Some(found) = store::steps::find(&mut conn, handle, now).await? {
            drop(conn);
            let step = Step::read(&found.step).ok_or_else(stale)?;
            let asked = self.read_brought(&found.query).await.map_err(|refusal| match refusal {
                Refusal::Page(failure) => failure,
                Refusal::Reply(_) | Refusal::Onward(_) => stale(),
            })?;
            return Ok(Shown::Underway(step, Box::new(asked)));
        }
        let caller = visitor.caller.as_ref().ok_or_else(stale)?;
        let found = store::interactions::find(&mut conn, handle, answerer(caller)?, now).await?;
        found.map(|request| Shown::Asked(Box::new(request))).ok_or_else(stale)
    }

    /// A handle as a page of the application is given it: signed for this browser, whoever is signed in there.
    pub fn interaction(&self, visitor: &Visitor, handle: &PlainToken) -> String {
        format!("{}.{}", handle.expose(), self.signature_of(visitor, handle.expose()))
    }

    /// What is kept of a handle, when it was signed for this browser. One of our own pages has none but stands in its form, and there it
    /// counts for whoever was asked alone.
    pub fn handle_of(&self, visitor: &Visitor, interaction: &str) -> Option<TokenHash> {
        let (handle, signature) = interaction.split_once('.')?;
        let is_ours = constant_time_eq(self.signature_of(visitor, handle).as_bytes(), signature.as_bytes());
        let handle = PlainToken::parse_as(TokenKind::Interaction, handle).filter(|_| is_ours)?;
        (!visitor.browser.is_empty()).then(|| handle.hash())
    }

    fn signature_of(&self, visitor: &Visitor, handle: &str) -> String {
        let key = self.host.key("oauth-server.interaction");
        base64url(&hmac_sha256(&key, &[handle.as_bytes(), visitor.browser.as_bytes()]))
    }
}

fn stale() -> Failure {
    Failure::bad_request(
        "interaction.stale",
        "This request was gone on with before, took too long or began in another browser.",
    )
    .hint("Start again from your agent.")
}
