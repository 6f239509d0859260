//! The way back: whose answer it is, whether it is genuine, and what comes of it.

use belgie_api::axum::http::{HeaderMap, HeaderValue};
use belgie_api::axum::response::Response;
use belgie_api::crypto::{base64url, constant_time_eq, sha256};
use belgie_api::ports::LimitBucket;
use belgie_api::web::Visitor;
use belgie_api::{Failure, PlainToken, Result, TokenKind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Engine;
use super::begin::FLOW;
use crate::model::answer::Answer;
use crate::model::cookie;
use crate::model::flow::{Flow, Intent};
use crate::model::refusal;
use crate::model::settings::StateStrategy;
use crate::model::tokens::TokenSet;
use crate::provider::{Claims, Expected, Line, Provider, signed_in_at};

/// What answers that came as a form are kept under.
const ANSWER: &str = "oauth-client.answer";

/// What came of an answer, and the cookies to take back either way.
pub struct Outcome {
    /// Values of `Set-Cookie` headers.
    pub cookies: Vec<HeaderValue>,
    /// Where the person lands, or what went wrong.
    pub result: Result<Landed, Lost>,
}

/// A flow that came to a good end.
pub enum Landed {
    /// The person goes on.
    At {
        /// A path of ours.
        location: String,
        /// Values of `Set-Cookie` headers: the session, the account that was used.
        cookies: Vec<HeaderValue>,
    },
    /// The person has to look into the mail first; this page says so.
    Asked(Response),
    /// The browser has to come once more, to this path of ours, and from a page of ours.
    Again(String),
}

/// A flow that did not.
pub struct Lost {
    /// What went wrong.
    pub failure: Failure,
    /// Where errors go: a path of ours.
    pub error_to: Option<String>,
    /// Where the person wanted to go.
    pub return_to: Option<String>,
    /// Whether an account was to be linked.
    pub is_link: bool,
}

impl Engine {
    /// Puts an answer aside that came as a form: the browser sends no cookie with the form of another site, so it comes
    /// again for it, by a GET, with the cookie that says whose it is. Gives the path to come to. Anybody can send a form, so
    /// nothing is kept that answers no flow of ours.
    ///
    /// # Errors
    /// `state_not_found`, `oauth_callback_failed` when it is too long, or when the database does not answer.
    pub async fn put_aside(&self, provider: &Provider, answer: &Answer) -> Result<String> {
        answer.check_length()?;
        let state = answer.state.as_deref().and_then(PlainToken::parse).ok_or_else(refusal::state_not_found)?;
        if provider.settings().state_strategy == StateStrategy::Database {
            self.host.one_time().look(FLOW, &state).await?.ok_or_else(refusal::state_not_found)?;
        }
        self.keep_answer(provider, answer, false).await
    }

    /// Nobody seems to be signed in where somebody must be: a strict session cookie stays at home when the browser comes from
    /// another site. Nothing of the flow is used up yet, so whoever comes again and again is slowed.
    async fn ask_again(&self, provider: &Provider, visitor: &Visitor, answer: &Answer) -> Result<String> {
        self.host.limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
        answer.check_length()?;
        self.keep_answer(provider, answer, true).await
    }

    /// Keeps an answer until the browser comes for it, and gives the path to come to. `is_again`: it does so from a page of
    /// ours, with every cookie it has.
    async fn keep_answer(&self, provider: &Provider, answer: &Answer, is_again: bool) -> Result<String> {
        let payload = json!({ "provider": provider.id(), "answer": answer, "is_again": is_again });
        let token = self.keep(ANSWER, None, payload).await?;
        Ok(format!("/auth/provider/{}/callback?answer={}", provider.id(), token.expose()))
    }

    /// An answer that was kept, and whether the browser comes for it from a page of ours.
    async fn fetch_aside(&self, provider: &Provider, handle: &str) -> Result<(Answer, bool)> {
        let token = PlainToken::parse_as(TokenKind::Link, handle).ok_or_else(refusal::state_not_found)?;
        // Anybody can come with a handle: whoever has none of ours does not queue with those who write.
        self.host.one_time().look(ANSWER, &token).await?.ok_or_else(refusal::state_not_found)?;
        let mut tx = self.host.db().begin().await?;
        let kept = self.host.one_time().take(&mut tx, ANSWER, &token).await?.ok_or_else(refusal::state_not_found)?;
        tx.commit(self.host.now()).await?;
        if kept.payload.get("provider").and_then(Value::as_str) != Some(provider.id()) {
            return Err(refusal::state_not_found());
        }
        let answer = kept.payload.get("answer").cloned().unwrap_or_default();
        let is_again = kept.payload.get("is_again").and_then(Value::as_bool).unwrap_or_default();
        Ok((serde_json::from_value(answer).map_err(Failure::internal)?, is_again))
    }

    /// Takes the answer of a provider.
    pub async fn finish(&self, provider: &Provider, visitor: &Visitor, headers: &HeaderMap, answer: Answer) -> Outcome {
        let settings = provider.settings();
        let default_to = settings.default_error_redirect_url.as_deref();
        let default_to = default_to.and_then(|to| crate::model::return_to::local_target(self.host.urls(), to));
        let lost_at_once = |failure, cookies| Outcome {
            cookies,
            result: Err(Lost { failure, error_to: default_to.clone(), return_to: None, is_link: false }),
        };
        let (answer, is_again) = match &answer.handle {
            Some(handle) => match self.fetch_aside(provider, handle).await {
                Ok(kept) => kept,
                Err(failure) => return lost_at_once(failure, Vec::new()),
            },
            None => (answer, false),
        };
        let Some(state) = answer.state.as_deref() else { return lost_at_once(refusal::state_not_found(), Vec::new()) };
        let name = self.cookies().flow_name(&settings.id, state);
        let Some(value) = cookie::find(headers, &name) else {
            return lost_at_once(refusal::state_mismatch(), Vec::new());
        };
        let cookies: Vec<HeaderValue> = self.cookies().clear(&name).into_iter().collect();
        let flow = match self.find_flow(provider, state, value).await {
            Ok(flow) => flow,
            Err(failure) => return lost_at_once(failure, cookies),
        };
        if flow.intent != Intent::SignIn && visitor.caller.is_none() && !is_again {
            return match self.ask_again(provider, visitor, &answer).await {
                Ok(path) => Outcome { cookies: Vec::new(), result: Ok(Landed::Again(path)) },
                // The flow is not over.
                Err(failure) => lost_at_once(failure, Vec::new()),
            };
        }
        if let Err(failure) = self.use_flow_up(provider, state).await {
            return lost_at_once(failure, cookies);
        }
        let result = self.arrive_with(provider, visitor, headers, &flow, &answer).await;
        let result = result.map_err(|failure| Lost {
            failure,
            error_to: flow.options.error_redirect_url.clone().or(default_to),
            return_to: flow.options.return_to.clone(),
            is_link: matches!(flow.intent, Intent::Link { .. }),
        });
        Outcome { cookies, result }
    }

    /// The flow behind a state, for the browser it was begun in.
    async fn find_flow(&self, provider: &Provider, state: &str, value: &str) -> Result<Flow> {
        let token = PlainToken::parse(state).ok_or_else(refusal::state_not_found)?;
        let flow: Flow = match provider.settings().state_strategy {
            StateStrategy::Database => {
                let kept = self.host.one_time().look(FLOW, &token).await?.ok_or_else(refusal::state_not_found)?;
                let flow: Flow = serde_json::from_value(kept.payload).map_err(Failure::internal)?;
                let binding = base64url(&sha256(value.as_bytes()));
                if !constant_time_eq(flow.binding.as_bytes(), binding.as_bytes()) {
                    return Err(refusal::state_mismatch());
                }
                flow
            }
            StateStrategy::Cookie => {
                let text = self.host.unseal(FLOW, token.hash().as_bytes(), value);
                let text = text.map_err(|failure| refusal::state_mismatch().source(failure))?;
                serde_json::from_slice(&text).map_err(Failure::internal)?
            }
        };
        if flow.provider != provider.id() {
            return Err(refusal::state_mismatch());
        }
        if flow.expires_at <= self.host.now() {
            return Err(refusal::state_not_found());
        }
        Ok(flow)
    }

    /// Uses a flow up that is kept here: of several answers to it one counts.
    async fn use_flow_up(&self, provider: &Provider, state: &str) -> Result<()> {
        if provider.settings().state_strategy == StateStrategy::Cookie {
            return Ok(());
        }
        let token = PlainToken::parse(state).ok_or_else(refusal::state_not_found)?;
        let mut tx = self.host.db().begin().await?;
        let taken = self.host.one_time().take(&mut tx, FLOW, &token).await?;
        tx.commit(self.host.now()).await?;
        taken.map(drop).ok_or_else(refusal::state_not_found)
    }

    async fn arrive_with(
        &self,
        provider: &Provider,
        visitor: &Visitor,
        headers: &HeaderMap,
        flow: &Flow,
        answer: &Answer,
    ) -> Result<Landed> {
        let line = provider.line(&self.host).await?;
        check_issuer(&line, answer.iss.as_deref())?;
        if let Some(error) = &answer.error {
            return Err(refusal::of_provider(provider.name(), error));
        }
        let code = answer.code.clone().filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| refusal::bad_answer("the answer has neither code nor error"))?;
        let tokens = self.redeem(&line, flow, code).await?;
        let verified = self.check_id_token(&line, flow, &tokens).await?;
        let signed_in_at = verified.as_ref().and_then(|(claims, _)| signed_in_at(claims));
        let (profile, identity) = self.read_profile(&line, &tokens, verified, answer.user.as_deref()).await?;
        if let Intent::Confirm { user, session } = flow.intent {
            let session = self.confirm(visitor, (user, session), &identity).await?;
            self.host.sessions().confirm(session, provider.id()).await?;
            let location = flow.options.return_to.clone().unwrap_or_else(|| "/account".to_owned());
            return Ok(Landed::At { location, cookies: Vec::new() });
        }
        self.arrive(provider, visitor, headers, flow, (profile, identity, tokens, signed_in_at)).await
    }

    async fn redeem(&self, line: &Line<'_>, flow: &Flow, code: String) -> Result<TokenSet> {
        let mut form: Vec<(String, SecretString)> = vec![
            ("grant_type".to_owned(), "authorization_code".into()),
            ("code".to_owned(), code.into()),
            ("redirect_uri".to_owned(), line.provider.callback(&self.host).into()),
        ];
        form.extend(flow.verifier.clone().map(|verifier| ("code_verifier".to_owned(), verifier.into())));
        line.provider.strategy().get_token(line, form).await
    }

    /// With `openid` among the scopes a token must have come. One that came unasked is not looked at.
    async fn check_id_token(
        &self,
        line: &Line<'_>,
        flow: &Flow,
        tokens: &TokenSet,
    ) -> Result<Option<(Claims, String)>> {
        if !line.provider.settings().is_openid() {
            return Ok(None);
        }
        let token = tokens.id_token.as_ref().ok_or_else(|| refusal::unverified("no id_token came"))?;
        let access_token = tokens.access_token.as_ref().map(ExposeSecret::expose_secret);
        let must_prove = matches!(flow.intent, Intent::Confirm { .. }) && line.provider.settings().can_prove_presence();
        let signed_in_since = must_prove.then(|| flow.began_at());
        let expected = Expected { nonce: flow.nonce.as_deref(), access_token, signed_in_since };
        line.verify(token.expose_secret(), expected).await.map(Some)
    }
}

/// The answer was made by the provider it is expected from (RFC 9207 section 2.4). Besides, every provider has a callback
/// of its own.
fn check_issuer(line: &Line<'_>, iss: Option<&str>) -> Result<()> {
    let settings = line.provider.settings();
    let Some(known) = line.metadata.issuer.as_deref() else {
        return if settings.require_issuer_parameter_validation { Err(refusal::issuer_missing()) } else { Ok(()) };
    };
    match iss {
        Some(iss) => {
            let claims = Claims::from_iter([("iss".to_owned(), Value::from(iss))]);
            let is_right = iss == known || line.provider.strategy().issuer_of(settings, known, &claims).is_some();
            if is_right { Ok(()) } else { Err(refusal::issuer_mismatch()) }
        }
        None if settings.require_issuer_parameter_validation || line.metadata.announces_issuer => {
            Err(refusal::issuer_missing())
        }
        None => Ok(()),
    }
}
