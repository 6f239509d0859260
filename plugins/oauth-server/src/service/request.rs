//! The authorization endpoint: reading a request (OAuth 2.1 section 4.1.1).

use belgie_api::{Caller, ClientId, Failure, GrantBinding, Result, ScopeSet};

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
use crate::model::request::{AuthorizationRequest, Reply, ReplyError};
use crate::model::step::Step;
use crate::model::{refusal, scopes};

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

pub(super) fn reject(code: &'static str, description: &'static str) -> ReplyError {
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
        let offered = self.offered_at(&resources)?;
        let scopes = scopes::choose(params.get("scope"), &client.usual_scopes, &offered)
            .map_err(|_| reject("invalid_scope", "None of the scopes exists here, for this resource."))?;
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

    /// The same, when the person has to go elsewhere first, and cannot.
    pub fn refuse_step(&self, request: &AuthorizationRequest, is_operators: bool, step: Step) -> ErrorReply {
        let error = match step {
            Step::SelectAccount => reject("account_selection_required", "The person must choose an account."),
            _ => reject("interaction_required", "Something is left to do for the person."),
        };
        self.refuse_with(request, is_operators, error)
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

fn malformed(message: &'static str) -> Failure {
    refusal::invalid_request(message)
        .hint("Start again from your agent. If it stays, tell its makers what this page says.")
}
