//! The authorization endpoint: reading a request, asking the person, acting on the answer (OAuth 2.1 section 4.1).

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Caller, ClientId, Failure, GrantBinding, PlainToken, Result, ScopeSet, Timestamp, TokenKind};

use super::OAuth;
use super::hint::Hint;
use crate::model::address::slugs_in;
use crate::model::client::Client;
use crate::model::dpop::{Binding, is_thumbprint};
use crate::model::openid::{OPENID, OpenIdRequest};
use crate::model::params::Params;
use crate::model::pkce::Challenge;
use crate::model::prompt::Prompt;
use crate::model::redirect::host_of;
use crate::model::request::{AuthorizationRequest, Reply, ReplyError, SignedIn};
use crate::model::wish::Wish;
use crate::model::{refusal, scopes};
use crate::store;
use crate::store::interactions::Answerer;

/// How long a person may look at the consent page.
const CONSENT_TTL: Duration = Duration::from_secs(600);

/// A request that may be put before a person.
#[derive(Debug)]
pub struct PresentableRequest {
    /// The request.
    pub request: AuthorizationRequest,
    /// What the client wants of the person before they answer.
    pub wishes: Prompt,
    /// Whether the operator entered the client.
    pub is_operators: bool,
    /// Whether the operator vouches for it.
    pub is_trusted: bool,
    /// Whether its requests are good only when they were sent ahead.
    pub is_pushed_only: bool,
    /// Whom the client means, if it says so.
    pub hint: Option<Hint>,
}

impl PresentableRequest {
    /// Whether the client means this person, or anybody.
    pub fn means(&self, caller: &Caller) -> bool {
        self.hint.as_ref().is_none_or(|hint| hint.means(caller))
    }
}

/// What the person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The agent may.
    Allow(Allowed),
    /// It may not.
    Deny,
}

/// What the agent may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// For whom.
    pub wish: Wish,
    /// Which of the scopes; `None` for all that were asked for.
    pub ticked: Option<ScopeSet>,
}

/// Why a request does not get as far as a person.
#[derive(Debug)]
pub enum Refusal {
    /// Who asks, or where the answer would go, is not certain: a page, never a redirect (RFC 6749 section 4.1.2.1).
    Page(Failure),
    /// The client learns it.
    Reply(ErrorReply),
    /// It is none: the request was sent ahead and has just been taken, and the browser goes on here (RFC 9126).
    Onward(String),
}

/// An error on its way to a client.
#[derive(Debug)]
pub struct ErrorReply {
    /// The client it goes to.
    pub client: ClientId,
    /// The address that tells it.
    pub location: String,
    /// What is wrong.
    pub error: ReplyError,
    /// The host it goes to, as a person should read it.
    pub host: String,
    /// Whether any browser may be sent there: the operator knows the client. Anybody can bring any other client and an
    /// address of their own, and would have a link here that leads there (RFC 9700 section 4.11.2).
    pub is_operators: bool,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Page(failure)
    }
}

fn reject(code: &'static str, description: &'static str) -> ReplyError {
    ReplyError { code, description }
}

impl OAuth {
    /// Reads an authorization request. Client and redirect URI come first; only when both are certain do errors travel.
    ///
    /// # Errors
    /// [`Refusal`] says how to answer.
    pub async fn read_request(&self, query: &[u8]) -> Result<PresentableRequest, Refusal> {
        let params = Params::read(query).ok_or_else(|| malformed("The request holds characters that it must not."))?;
        let one = |name: &'static str| params.one(name).map_err(|_| malformed("The request holds a parameter twice."));
        let id = one("client_id")?.ok_or_else(|| malformed("The request does not say which agent it comes from."))?;
        let (asked, state) = (one("redirect_uri")?, one("state")?);
        let client = self.find_client(id).await?;
        let Some(redirect_uri) = client.redirect_for(asked) else {
            return Err(Refusal::Page(malformed(
                "The request wants its answer sent to an address that does not belong to the agent.",
            )));
        };
        let reply = Reply { redirect_uri, state: state.map(str::to_owned) };
        let (id, is_operators) = (client.face.id.clone(), client.is_operators);
        let read = match self.read_rest(&params, client, &reply, asked.is_some()) {
            Ok(asked) => self.with_hint(asked, &params).await,
            Err(error) => Err(error),
        };
        read.map_err(|error| match error {
            RestError::Client(error) => Refusal::Reply(self.reply(id, &reply, error, is_operators)),
            RestError::Ours(failure) => Refusal::Page(failure),
        })
    }

    /// Adds whom the client means. A hint that is none of ours, or another client's, is no hint at all.
    async fn with_hint(&self, asked: PresentableRequest, params: &Params) -> Result<PresentableRequest, RestError> {
        let text = params.get("id_token_hint").filter(|_| self.settings.openid_connect);
        let Some(text) = text else { return Ok(asked) };
        let hint = self.read_hint(text).await?.filter(|hint| hint.client == asked.request.client.id);
        let hint = hint.ok_or_else(|| reject("invalid_request", "id_token_hint is no id token of this client."))?;
        Ok(PresentableRequest { hint: Some(hint), ..asked })
    }

    fn read_rest(
        &self,
        params: &Params,
        client: Client,
        reply: &Reply,
        redirect_was_sent: bool,
    ) -> Result<PresentableRequest, RestError> {
        let catalog = self.host.catalog()?;
        if params.has_repetition() {
            return Err(reject("invalid_request", "A parameter came twice.").into());
        }
        match params.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(reject("unsupported_response_type", "The only response type here is code.").into()),
            None => return Err(reject("invalid_request", "response_type is missing.").into()),
        }
        if params.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(reject("invalid_request", "The only response mode here is query.").into());
        }
        let challenge = read_challenge(params.get("code_challenge"), params.get("code_challenge_method"))?;
        let mut resources = self
            .find_resources(params.all("resource"))?
            .ok_or_else(|| reject("invalid_target", "The resource is unknown here."))?;
        if slugs_in(&resources).len() > 1 {
            return Err(reject("invalid_target", "The resources are of two organizations.").into());
        }
        if resources.is_empty() {
            resources.extend(catalog.resources.first().cloned());
        }
        let scopes = scopes::choose(params.get("scope"), &client.usual_scopes, &catalog.scopes)
            .map_err(|_| reject("invalid_scope", "None of the scopes exists here."))?;
        let wishes = self.read_wishes(params)?;
        let openid = self.read_openid(params, &scopes, &client)?;
        let with_refresh = client.can_refresh || scopes.has_named(scopes::OFFLINE_ACCESS);
        let (is_proven, rules) = (client.keys.is_some(), client.rules);
        let key = self.read_key(params)?;
        let (is_operators, is_trusted, sector) = (client.is_operators, client.is_trusted, client.sector);
        let (client, reply) = (client.face, reply.clone());
        let request = AuthorizationRequest {
            client,
            reply,
            redirect_was_sent,
            challenge,
            scopes,
            resources,
            with_refresh,
            openid,
            signed_in: None,
            binding: GrantBinding::default(),
            is_proven,
            is_dpop_bound: rules.dpop_bound,
            key,
            sector,
            device: None,
        };
        let is_pushed_only = rules.pushed_only;
        Ok(PresentableRequest { request, wishes, is_operators, is_trusted, is_pushed_only, hint: None })
    }

    /// The key that whoever redeems the code has to show (RFC 9449 section 10).
    fn read_key(&self, params: &Params) -> Result<Option<String>, ReplyError> {
        let key = params.get("dpop_jkt").filter(|_| self.settings.dpop.binding != Binding::Off);
        if key.is_some_and(|key| !is_thumbprint(key)) {
            return Err(reject("invalid_request", "dpop_jkt is not the SHA-256 thumbprint of a key."));
        }
        Ok(key.map(str::to_owned))
    }

    /// What the client wants of the person; where people are not told of, only silence is a wish.
    fn read_wishes(&self, params: &Params) -> Result<Prompt, ReplyError> {
        let prompt = params.get("prompt");
        if !self.settings.openid_connect {
            return Prompt::read_silence(prompt);
        }
        let can_create = self.host.accounts().is_sign_up_open();
        Prompt::read(prompt, params.get("max_age"), params.get("login_hint"), can_create)
    }

    /// What is asked for besides access. Request objects are none of our business (OpenID Connect Core 1.0 section 3.1.2.6).
    fn read_openid(
        &self,
        params: &Params,
        scopes: &ScopeSet,
        client: &Client,
    ) -> Result<Option<OpenIdRequest>, ReplyError> {
        if !(self.settings.openid_connect && scopes.has_named(OPENID)) {
            return Ok(None);
        }
        if params.get("request").is_some() {
            return Err(reject("request_not_supported", "Send the parameters themselves."));
        }
        if params.get("request_uri").is_some() {
            return Err(reject("request_uri_not_supported", "Send the parameters themselves."));
        }
        let nonce = params.get("nonce").map(str::to_owned);
        Ok(Some(OpenIdRequest { nonce, algorithm: client.id_token_algorithm }))
    }

    fn reply(&self, client: ClientId, reply: &Reply, error: ReplyError, is_operators: bool) -> ErrorReply {
        let location = reply.with_error(self.host.urls().issuer(), error);
        ErrorReply { client, location, error, host: host_of(&reply.redirect_uri), is_operators }
    }

    /// The answer to a client that wants one without a person, when nothing is remembered that covers what it asks for.
    pub fn refuse_silent(&self, request: &AuthorizationRequest, is_operators: bool) -> ErrorReply {
        self.refuse_with(request, is_operators, reject("consent_required", "The person must be asked."))
    }

    /// The same, when nobody is there, or the person did not prove it lately enough.
    pub fn refuse_absent(&self, request: &AuthorizationRequest, is_operators: bool, is_signed_in: bool) -> ErrorReply {
        let why = if is_signed_in { "The person must sign in again." } else { "Nobody is signed in." };
        self.refuse_with(request, is_operators, reject("login_required", why))
    }

    fn refuse_with(&self, request: &AuthorizationRequest, is_operators: bool, error: ReplyError) -> ErrorReply {
        self.reply(request.client.id.clone(), &request.reply, error, is_operators)
    }

    /// The request as this person can grant it: nobody can give away what their account does not hold.
    ///
    /// # Errors
    /// What the client is told, when nothing of what it asked for remains.
    pub fn limit_to_person(
        &self,
        caller: &Caller,
        asked: PresentableRequest,
    ) -> Result<AuthorizationRequest, ErrorReply> {
        let PresentableRequest { mut request, is_operators, .. } = asked;
        let scopes = request.scopes.within_account(&caller.user().scopes);
        if scopes.is_empty() && !request.scopes.is_empty() {
            let error = reject("invalid_scope", "The person cannot give any of these scopes.");
            return Err(self.reply(request.client.id, &request.reply, error, is_operators));
        }
        request.scopes = scopes;
        Ok(request)
    }

    /// Puts a request before a person; the handle comes back with the answer.
    ///
    /// # Errors
    /// When there is no browser session, or the database does not answer.
    pub async fn ask(&self, caller: &Caller, request: &AuthorizationRequest) -> Result<PlainToken> {
        let (now, answerer) = (self.host.now(), answerer(caller)?);
        let handle = TokenKind::Interaction.mint(self.host.entropy());
        let mut tx = self.host.db().begin().await?;
        store::interactions::insert(&mut tx, handle.hash(), answerer, request, now, now.plus(CONSENT_TTL)).await?;
        tx.commit(now).await?;
        Ok(handle)
    }

    /// Whether the person never dealt with the client before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_new_client(&self, caller: &Caller, client: &ClientId) -> Result<bool> {
        let mut conn = self.host.db().read().await?;
        Ok(!store::grants::has_any(&mut conn, caller.user().id, client).await?)
    }

    /// Acts on the answer of a person: where the browser goes next.
    ///
    /// # Errors
    /// 400 when the handle is unknown, spent, too old, another person's or another session's, or for whom the agent acts
    /// is left open, or nothing is ticked; 403 when that is an organization of which the person is no member. Those three
    /// spend nothing.
    pub async fn answer(&self, caller: &Caller, handle: &str, decision: Decision) -> Result<String> {
        let now = self.host.now();
        let handle = PlainToken::parse_as(TokenKind::Interaction, handle).ok_or_else(stale)?;
        let answerer = answerer(caller)?;
        let bound = match decision {
            Decision::Allow(Allowed { wish, ticked }) => Some((self.bind(answerer.user, wish).await?, ticked)),
            Decision::Deny => None,
        };
        let mut tx = self.host.db().begin().await?;
        if !self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await? {
            return Err(stale());
        }
        let mut request =
            store::interactions::consume(&mut tx, handle.hash(), answerer, now).await?.ok_or_else(stale)?;
        let issuer = self.host.urls().issuer();
        let act = |action, details| AuditEntry::done(action).by(caller).to(&request.client.id).with(details);
        let Some((bound, ticked)) = bound else {
            let refused = act("consent.refused", json!({ "scopes": request.scopes }));
            self.record(&mut tx, &refused).await?;
            // Whoever said yes before and says no now means no from now on, whoever vouches for the client.
            store::consents::delete_given_to(&mut tx, answerer.user, &request.client.id).await?;
            store::denials::remember(&mut tx, answerer.user, &request.client.id, now).await?;
            if request.device.is_some() {
                let location = self.turn_device_away(&mut tx, &request, now).await?;
                tx.commit(now).await?;
                return Ok(location);
            }
            tx.commit(now).await?;
            return Ok(request.reply.with_error(issuer, reject("access_denied", "The person said no.")));
        };
        bound.check(&request.resources)?;
        if let Some(ticked) = ticked {
            request.narrow(&ticked)?;
        }
        request.binding = bound.binding;
        store::denials::forget(&mut tx, answerer.user, &request.client.id).await?;
        if request.device.is_some() {
            return self.let_device_in(tx, caller, answerer, request, now).await;
        }
        self.remember(&mut tx, answerer.user, &request, now).await?;
        self.give(tx, caller, answerer, request, "consent.given", now).await
    }

    /// Gives the client a code for a request that was allowed, and commits: where the browser goes next.
    pub(super) async fn give(
        &self,
        mut tx: Tx,
        caller: &Caller,
        answerer: Answerer,
        mut request: AuthorizationRequest,
        action: &'static str,
        now: Timestamp,
    ) -> Result<String> {
        request.signed_in = caller
            .principal()
            .presence()
            .map(|presence| SignedIn { at: presence.authenticated_at, by: presence.method.clone() });
        let (teams, resources) = (&request.binding.teams, &request.resources);
        let given = json!({ "scopes": request.scopes, "teams": teams, "resources": resources });
        let act = AuditEntry::done(action).by(caller).to(&request.client.id).with(given);
        self.record(&mut tx, &act.within(request.binding.organization)).await?;
        let code = TokenKind::Code.mint(self.host.entropy());
        let location = request.reply.with_code(self.host.urls().issuer(), &code);
        // The client's own reminder has done its duty; it is not kept.
        request.reply.state = None;
        let expires_at = now.plus(self.settings.code_ttl);
        store::codes::insert(&mut tx, code.hash(), answerer, &request, now, expires_at).await?;
        tx.commit(now).await?;
        Ok(location)
    }
}

enum RestError {
    Client(ReplyError),
    Ours(Failure),
}

impl From<ReplyError> for RestError {
    fn from(error: ReplyError) -> Self {
        Self::Client(error)
    }
}

impl From<Failure> for RestError {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

/// PKCE is required, with S256 (OAuth 2.1 section 4.1.1; MCP 2026-07-28 security considerations).
fn read_challenge(challenge: Option<&str>, method: Option<&str>) -> Result<Challenge, ReplyError> {
    let challenge = challenge.ok_or(reject("invalid_request", "code_challenge is missing."))?;
    if method != Some("S256") {
        return Err(reject("invalid_request", "code_challenge_method must be S256."));
    }
    Challenge::read(challenge).ok_or(reject("invalid_request", "code_challenge is not the S256 hash of a verifier."))
}

/// Who may answer: a person in a browser, in their own session.
pub(super) fn answerer(caller: &Caller) -> Result<Answerer> {
    if caller.is_worn() {
        return Err(Failure::forbidden("session.impersonated", "Only the person can let an agent in.")
            .hint("End the impersonation first."));
    }
    let session = caller
        .session()
        .ok_or_else(|| Failure::forbidden("session.missing", "Only a person in a browser can let an agent in."))?;
    Ok(Answerer { user: caller.user().id, session })
}

fn malformed(message: &'static str) -> Failure {
    refusal::invalid_request(message)
        .hint("Start again from your agent. If it stays, tell its makers what this page says.")
}

fn stale() -> Failure {
    Failure::bad_request(
        "authorize.stale",
        "This request was answered before, took too long or began in another session.",
    )
    .hint("Start again from your agent.")
}
