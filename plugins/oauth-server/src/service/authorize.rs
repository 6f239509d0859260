//! The authorization endpoint: reading a request, asking the person, acting on the answer (OAuth 2.1 section 4.1).

use std::time::Duration;

use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Caller, ClientId, Failure, GrantBinding, PlainToken, Result, TokenKind};

use super::OAuth;
use crate::model::address::{find_resources, slugs_in};
use crate::model::client::Client;
use crate::model::params::Params;
use crate::model::pkce::Challenge;
use crate::model::redirect::host_of;
use crate::model::request::{AuthorizationRequest, Reply, ReplyError};
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
    /// Whether the client wants an answer without a person (`prompt=none`, OpenID Connect Core section 3.1.2.1).
    pub is_silent: bool,
    /// Whether the operator entered the client.
    pub is_operators: bool,
}

/// What the person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The agent may, for whom it says.
    Allow(Wish),
    /// It may not.
    Deny,
}

/// Why a request does not get as far as a person.
#[derive(Debug)]
pub enum Refusal {
    /// Who asks, or where the answer would go, is not certain: a page, never a redirect (RFC 6749 section 4.1.2.1).
    Page(Failure),
    /// The client learns it.
    Reply(ErrorReply),
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
        self.read_rest(&params, client, &reply, asked.is_some()).map_err(|error| match error {
            RestError::Client(error) => Refusal::Reply(self.reply(id, &reply, error, is_operators)),
            RestError::Ours(failure) => Refusal::Page(failure),
        })
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
        let mut resources = find_resources(params.all("resource"), catalog)
            .ok_or_else(|| reject("invalid_target", "The resource is unknown here."))?;
        if slugs_in(&resources).len() > 1 {
            return Err(reject("invalid_target", "The resources are of two organizations.").into());
        }
        if resources.is_empty() {
            resources.extend(catalog.resources.first().cloned());
        }
        let scopes = scopes::choose(params.get("scope"), &client.usual_scopes, &catalog.scopes)
            .map_err(|_| reject("invalid_scope", "None of the scopes exists here."))?;
        let is_silent = read_prompt(params.get("prompt"))?;
        let with_refresh = client.can_refresh || scopes.has_named(scopes::OFFLINE_ACCESS);
        let (client, reply, is_operators) = (client.face, reply.clone(), client.is_operators);
        let request = AuthorizationRequest {
            client,
            reply,
            redirect_was_sent,
            challenge,
            scopes,
            resources,
            with_refresh,
            binding: GrantBinding::default(),
        };
        Ok(PresentableRequest { request, is_silent, is_operators })
    }

    fn reply(&self, client: ClientId, reply: &Reply, error: ReplyError, is_operators: bool) -> ErrorReply {
        let location = reply.with_error(self.host.urls().issuer(), error);
        ErrorReply { client, location, error, host: host_of(&reply.redirect_uri), is_operators }
    }

    /// The answer to a client that wants one without a person: consent is always asked for, so there is none.
    pub fn refuse_silent(&self, asked: &PresentableRequest, is_signed_in: bool) -> ErrorReply {
        let error = if is_signed_in {
            reject("consent_required", "The person must be asked.")
        } else {
            reject("login_required", "Nobody is signed in.")
        };
        self.reply(asked.request.client.id.clone(), &asked.request.reply, error, asked.is_operators)
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
    /// is left open; 403 when that is an organization of which the person is no member. The last two spend nothing.
    pub async fn answer(&self, caller: &Caller, handle: &str, decision: Decision) -> Result<String> {
        let now = self.host.now();
        let handle = PlainToken::parse_as(TokenKind::Interaction, handle).ok_or_else(stale)?;
        let answerer = answerer(caller)?;
        let bound = match decision {
            Decision::Allow(wish) => Some(self.bind(answerer.user, wish).await?),
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
        let Some(bound) = bound else {
            let refused = act("consent.refused", json!({ "scopes": request.scopes }));
            self.record(&mut tx, &refused).await?;
            tx.commit(now).await?;
            return Ok(request.reply.with_error(issuer, reject("access_denied", "The person said no.")));
        };
        bound.check(&request.resources)?;
        let given = json!({ "scopes": request.scopes, "teams": bound.binding.teams, "resources": request.resources });
        let given = act("consent.given", given).within(bound.binding.organization);
        self.record(&mut tx, &given).await?;
        request.binding = bound.binding;
        let code = TokenKind::Code.mint(self.host.entropy());
        let location = request.reply.with_code(issuer, &code);
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

/// Whether the client wants an answer without a person. Other prompts ask for what happens here anyway.
fn read_prompt(prompt: Option<&str>) -> Result<bool, ReplyError> {
    match prompt.map(|prompt| prompt.split(' ').any(|word| word == "none")) {
        Some(true) if prompt != Some("none") => Err(reject("invalid_request", "prompt=none stands alone.")),
        is_silent => Ok(is_silent.unwrap_or(false)),
    }
}

/// Who may answer: a person in a browser, in their own session.
fn answerer(caller: &Caller) -> Result<Answerer> {
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
