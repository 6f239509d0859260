//! The way out: to the provider, with everything the way back will be checked against.

use std::time::Duration;

use belgie_api::axum::http::HeaderMap;
use belgie_api::crypto::{base64url, sha256};
use belgie_api::hooks::Departure;
use belgie_api::ports::Kept;
use belgie_api::web::Visitor;
use belgie_api::{Failure, PlainToken, Result, TokenKind, UserId};
use url::Url;

use super::Engine;
use crate::model::cookie::MAX_VALUE_BYTES;
use crate::model::flow::{FLOW_LIFETIME, Flow, FlowOptions, Intent, Prepared};
use crate::model::refusal;
use crate::model::return_to::local_target;
use crate::model::settings::{Pkce, ProviderSettings, ResponseMode, StateStrategy};
use crate::provider::{Line, Provider};

/// What flows are kept under.
pub(super) const FLOW: &str = "oauth-client.flow";
/// What links made by an application are kept under.
const PREPARED: &str = "oauth-client.prepared";

/// Parameters nobody but the engine sets.
const OURS: [&str; 9] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

impl Engine {
    /// Begins a flow.
    ///
    /// # Errors
    /// When it is not known where the provider is, or the flow cannot be kept.
    pub async fn begin(
        &self,
        provider: &Provider,
        headers: &HeaderMap,
        intent: Intent,
        options: FlowOptions,
    ) -> Result<Departure> {
        let line = provider.line(&self.host).await?;
        let settings = provider.settings();
        let binding = self.random::<32>();
        let flow = Flow {
            provider: settings.id.clone(),
            binding: base64url(&sha256(binding.as_bytes())),
            nonce: (settings.is_openid() && settings.use_nonce).then(|| self.random::<32>()),
            verifier: (settings.pkce != Pkce::Off).then(|| self.random::<48>()),
            intent,
            options: self.only_local_targets(options),
            expires_at: self.host.now().plus(FLOW_LIFETIME),
        };
        let (state, value) = match settings.state_strategy {
            StateStrategy::Database => (self.keep_flow(&flow).await?, binding),
            StateStrategy::Cookie => self.seal_flow(&flow)?,
        };
        let jar = self.cookies();
        let name = jar.flow_name(&settings.id, state.expose());
        let surplus = jar.surplus_flows(headers).into_iter().filter_map(|name| jar.clear(&name));
        let cookies = surplus.chain(jar.set(&name, &value, FLOW_LIFETIME)).collect();
        Ok(Departure { location: self.authorization_url(&line, &flow, &state).into(), cookies })
    }

    fn random<const N: usize>(&self) -> String {
        let mut bytes = [0_u8; N];
        self.host.entropy().fill(&mut bytes);
        base64url(&bytes)
    }

    fn only_local_targets(&self, mut options: FlowOptions) -> FlowOptions {
        let local = |target: Option<String>| target.and_then(|target| local_target(self.host.urls(), &target));
        options.return_to = local(options.return_to);
        options.error_redirect_url = local(options.error_redirect_url);
        options.new_user_redirect_url = local(options.new_user_redirect_url);
        options
    }

    async fn keep_flow(&self, flow: &Flow) -> Result<PlainToken> {
        let payload = serde_json::to_value(flow).map_err(Failure::internal)?;
        self.keep(FLOW, None, payload).await
    }

    pub(super) async fn keep(
        &self,
        purpose: &str,
        user: Option<UserId>,
        payload: serde_json::Value,
    ) -> Result<PlainToken> {
        self.keep_for(purpose, user, payload, FLOW_LIFETIME).await
    }

    pub(super) async fn keep_for(
        &self,
        purpose: &str,
        user: Option<UserId>,
        payload: serde_json::Value,
        lifetime: Duration,
    ) -> Result<PlainToken> {
        let mut tx = self.host.db().begin().await?;
        let token = self.host.one_time().keep(&mut tx, purpose, &Kept { user, payload }, lifetime).await?;
        tx.commit(self.host.now()).await?;
        Ok(token)
    }

    /// The whole flow in the cookie: nothing is stored, and the cookie is good for this one state.
    fn seal_flow(&self, flow: &Flow) -> Result<(PlainToken, String)> {
        let state = TokenKind::Interaction.mint(self.host.entropy());
        let text = serde_json::to_vec(flow).map_err(Failure::internal)?;
        let value = self.host.seal(FLOW, state.hash().as_bytes(), &text)?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(Failure::bad_request("flow_too_large", "This sign-in carries more than a cookie holds.")
                .hint("Give it less, or keep its state in the database."));
        }
        Ok((state, value))
    }

    fn authorization_url(&self, line: &Line<'_>, flow: &Flow, state: &PlainToken) -> Url {
        let settings = line.provider.settings();
        let options = &flow.options;
        let mut scopes = settings.scopes.clone();
        scopes.extend(options.scopes.iter().filter(|scope| !settings.scopes.contains(scope)).cloned());
        let mut params: Vec<(String, String)> = Vec::new();
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                params.push((name.to_owned(), value.to_owned()));
            }
        };
        set("scope", Some(&scopes.join(" ")));
        set("response_mode", settings.response_mode.map(ResponseMode::as_str));
        set("prompt", options.prompt.as_deref().or(settings.prompt.as_deref()));
        set("access_type", options.access_type.as_deref().or(settings.access_type.as_deref()));
        set("hd", settings.hosted_domain.as_deref());
        for (name, value) in &settings.authorization_params {
            set(name, Some(value));
        }
        for (name, value) in &options.authorization_params {
            set(name, Some(value));
        }
        line.provider.strategy().prepare(settings, &mut params);
        if matches!(flow.intent, Intent::Confirm { .. }) {
            ask_for_presence(settings, &mut params);
        }
        params.retain(|(name, _)| !OURS.contains(&name.as_str()));
        let callback = line.provider.callback(&self.host);
        let mut ours = vec![
            ("client_id", settings.client_id().to_owned()),
            ("redirect_uri", callback),
            ("response_type", "code".to_owned()),
            ("state", state.expose().to_owned()),
        ];
        ours.extend(flow.nonce.clone().map(|nonce| ("nonce", nonce)));
        if let Some(verifier) = &flow.verifier {
            let (challenge, method) = match settings.pkce {
                Pkce::Plain => (verifier.clone(), "plain"),
                Pkce::S256 | Pkce::Off => (base64url(&sha256(verifier.as_bytes())), "S256"),
            };
            ours.extend([("code_challenge", challenge), ("code_challenge_method", method.to_owned())]);
        }
        let mut url = line.metadata.authorization_endpoint.clone();
        let mut last_of: Vec<(String, String)> = Vec::new();
        for (name, value) in params {
            // What is said later wins: the wish of a flow over the settings.
            last_of.retain(|(other, _)| *other != name);
            last_of.push((name, value));
        }
        url.query_pairs_mut().extend_pairs(ours).extend_pairs(last_of);
        url
    }

    /// Keeps what an application wants until the person opens the link; gives the path of the link.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prepare(&self, provider: &Provider, link_for: Option<UserId>, options: FlowOptions) -> Result<String> {
        let prepared = Prepared { provider: provider.id().to_owned(), link_for, options };
        let payload = serde_json::to_value(&prepared).map_err(Failure::internal)?;
        let token = self.keep(PREPARED, link_for, payload).await?;
        Ok(format!("/auth/provider/{}/start?token={}", provider.id(), token.expose()))
    }

    /// What an application wanted, for this person. A link of an account can be opened once, by its person; a sign-in,
    /// which is bound to nobody yet, again while it lasts.
    ///
    /// # Errors
    /// `state_not_found` when the link is over or for another provider, `state_mismatch` when it is for somebody else,
    /// `session_not_fresh` when its person has still to prove to be there.
    pub async fn open_prepared(&self, provider: &Provider, token: &str, visitor: &Visitor) -> Result<Prepared> {
        let token = PlainToken::parse_as(TokenKind::Link, token).ok_or_else(refusal::state_not_found)?;
        let kept = self.host.one_time().look(PREPARED, &token).await?.ok_or_else(refusal::state_not_found)?;
        let prepared: Prepared = serde_json::from_value(kept.payload).map_err(Failure::internal)?;
        if prepared.provider != provider.id() {
            return Err(refusal::state_not_found());
        }
        if let Some(user) = prepared.link_for {
            let caller = visitor.caller.as_ref().filter(|caller| caller.user().id == user && !caller.is_worn());
            caller.ok_or_else(refusal::link_of_another_session)?;
            if !visitor.is_fresh {
                return Err(refusal::not_fresh());
            }
            let mut tx = self.host.db().begin().await?;
            let taken = self.host.one_time().take(&mut tx, PREPARED, &token).await?;
            tx.commit(self.host.now()).await?;
            taken.ok_or_else(refusal::state_not_found)?;
        }
        Ok(prepared)
    }
}

/// Asks that the person sign in there once more, whatever else was to be asked (OpenID Connect Core 1.0 section 3.1.2.1).
fn ask_for_presence(settings: &ProviderSettings, params: &mut Vec<(String, String)>) {
    params.retain(|(name, _)| name != "prompt" && name != "max_age");
    params.extend(settings.confirm_prompt.clone().map(|prompt| ("prompt".to_owned(), prompt)));
    if settings.can_prove_presence() {
        params.push(("max_age".to_owned(), "0".to_owned()));
    }
}
