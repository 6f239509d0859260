//! A provider people sign in with: speaks OpenID Connect as the real ones do, and misbehaves when told to.

mod keys;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use belgie_api::crypto::{base64url, sha256};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

pub use self::keys::SigningKey;

/// The client every gateway of the suite is to this provider.
pub const CLIENT: &str = "client-of-the-suite";
/// Its secret.
pub const SECRET: &str = "secret-of-the-suite";

/// Changes the claims or the header of the next tokens.
pub type Spoil = Arc<dyn Fn(&mut Header, &mut Map<String, Value>) + Send + Sync>;

/// What the provider does. Change it between requests.
#[derive(Clone)]
pub struct Ways {
    /// Who sits in front of the browser: claims of the profile.
    pub person: Value,
    /// How many seconds ago the person signed in there; `None`: it does not say so (`auth_time`).
    pub signed_in_ago: Option<u64>,
    /// Whether it asks the person to sign in again when it is told to (`prompt`, `max_age`).
    pub asks_again: bool,
    /// How many seconds its clock is ahead of the machine's, as that of a gateway may be.
    pub ahead: u64,
    /// Changes tokens before they are signed.
    pub spoil: Option<Spoil>,
    /// Signs tokens.
    pub key: SigningKey,
    /// Keys it publishes.
    pub published: Vec<SigningKey>,
    /// Who it says it is, when that differs.
    pub issuer: Option<String>,
    /// Whether it names itself in answers, and announces that.
    pub names_itself: bool,
    /// Whether it gives a refresh token with every code.
    pub gives_refresh_token: bool,
    /// How long access tokens last, in seconds.
    pub expires_in: i64,
    /// What the token endpoint answers instead.
    pub token_answer: Option<(StatusCode, Value)>,
    /// Holds the next answers of the token endpoint back until it lets them go.
    pub token_gate: Option<Arc<tokio::sync::Semaphore>>,
    /// Holds finished answers of the token endpoint back until it lets them go.
    pub answer_gate: Option<Arc<tokio::sync::Semaphore>>,
    /// Whether a refresh token works once and comes with the next one.
    pub rotates: bool,
    /// Claims that are in the profile endpoint's answer alone.
    pub userinfo_only: Vec<&'static str>,
    /// The picture of the person, for whoever asks in Microsoft's way.
    pub picture: Option<Vec<u8>>,
    /// Whether any client secret will do; the test looks at it.
    pub takes_any_secret: bool,
    /// The addresses of the person, for whoever asks in GitHub's way.
    pub emails: Value,
    /// Whether it never answers at all.
    pub is_silent: bool,
    /// Replaces the whole signed token.
    pub forge: Option<Arc<dyn Fn(&Map<String, Value>) -> String + Send + Sync>>,
}

#[derive(Clone)]
struct Pending {
    params: HashMap<String, String>,
    person: Value,
}

struct Inner {
    origin: String,
    ways: Mutex<Ways>,
    codes: Mutex<HashMap<String, Pending>>,
    spent: Mutex<HashSet<String>>,
    seen: Mutex<Vec<(String, HashMap<String, String>, HeaderMap)>>,
    counter: AtomicUsize,
}

/// The provider, on a port of its own.
pub struct Idp {
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Idp {
    /// Starts a provider in front of which Ada sits.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("its address"));
        let key = SigningKey::new("first", Algorithm::ES256);
        let ways = Ways {
            person: json!({ "sub": "ada-1", "email": "ada@example.org", "email_verified": true, "name": "Ada" }),
            signed_in_ago: Some(0),
            asks_again: true,
            ahead: 0,
            spoil: None,
            published: vec![key.clone()],
            key,
            issuer: None,
            names_itself: false,
            gives_refresh_token: true,
            expires_in: 3600,
            token_answer: None,
            token_gate: None,
            answer_gate: None,
            rotates: false,
            userinfo_only: Vec::new(),
            picture: None,
            takes_any_secret: false,
            emails: Value::Null,
            is_silent: false,
            forge: None,
        };
        let inner = Arc::new(Inner {
            origin,
            ways: Mutex::new(ways),
            codes: Mutex::default(),
            spent: Mutex::default(),
            seen: Mutex::default(),
            counter: AtomicUsize::new(0),
        });
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the provider runs") });
        Self { inner, serving }
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.inner.origin)
    }

    /// The table of a generic provider `acme` that is this one, with more lines.
    pub fn table(&self, more: &str) -> String {
        self.table_of("acme", more)
    }

    /// The table of a generic provider of any id.
    pub fn table_of(&self, id: &str, more: &str) -> String {
        format!(
            "[plugins.oauth-client.{id}]\nname = \"Acme\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n\
             discovery_url = \"{}\"\nscopes = [\"openid\", \"email\", \"profile\"]\n{more}\n",
            self.at("/.well-known/openid-configuration"),
        )
    }

    /// What it does, to be changed.
    pub fn ways(&self) -> MutexGuard<'_, Ways> {
        self.inner.ways.lock().expect("nobody panicked")
    }

    /// Changes the tokens from now on.
    pub fn spoil(&self, spoil: impl Fn(&mut Header, &mut Map<String, Value>) + Send + Sync + 'static) {
        self.ways().spoil = Some(Arc::new(spoil));
    }

    /// How often an address was asked.
    pub fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|(seen, ..)| seen == path).count()
    }

    /// How many refresh tokens are used up.
    pub fn spent(&self) -> usize {
        self.inner.spent.lock().expect("nobody panicked").len()
    }

    /// What the token endpoint was last sent, and with which headers.
    pub fn last(&self, path: &str) -> (HashMap<String, String>, HeaderMap) {
        let seen = self.seen();
        let (_, params, headers) = seen.iter().rev().find(|(seen, ..)| seen == path).expect("it was asked");
        (params.clone(), headers.clone())
    }

    fn seen(&self) -> MutexGuard<'_, Vec<(String, HashMap<String, String>, HeaderMap)>> {
        self.inner.seen.lock().expect("nobody panicked")
    }

    /// What the person's browser is sent back with, when the person agrees at this authorization address: the parameters.
    pub fn agree(&self, location: &str) -> Vec<(String, String)> {
        let params: HashMap<String, String> =
            Url::parse(location).expect("an address").query_pairs().into_owned().collect();
        let ways = self.ways().clone();
        let code = format!("code-{}", self.inner.counter.fetch_add(1, Ordering::SeqCst));
        let mut answer = vec![("code".to_owned(), code.clone())];
        answer.extend(params.get("state").map(|state| ("state".to_owned(), state.clone())));
        if ways.names_itself {
            answer.push(("iss".to_owned(), ways.issuer.clone().unwrap_or_else(|| self.inner.origin.clone())));
        }
        self.inner.codes.lock().expect("nobody panicked").insert(code, Pending { params, person: ways.person });
        answer
    }

    /// The address the person's browser is sent back to.
    pub fn agree_by_query(&self, location: &str) -> String {
        let answer = self.agree(location);
        let redirect = param(location, "redirect_uri");
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
        format!("{redirect}?{query}")
    }

    /// An `id_token` as an app gets it, with this nonce.
    pub fn id_token(&self, nonce: Option<&str>) -> String {
        let ways = self.ways().clone();
        self.inner.id_token(&ways, &ways.person, (nonce, None), false)
    }
}

/// A parameter of an address.
pub fn param(location: &str, name: &str) -> String {
    let url = Url::parse(location).unwrap_or_else(|error| panic!("{error}: {location}"));
    let found = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    found.unwrap_or_else(|| panic!("no {name} in {location}"))
}

impl Inner {
    fn issuer(&self, ways: &Ways) -> String {
        ways.issuer.clone().unwrap_or_else(|| self.origin.clone())
    }

    fn id_token(
        &self,
        ways: &Ways,
        person: &Value,
        (nonce, access_token): (Option<&str>, Option<&str>),
        is_told_to_ask: bool,
    ) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let now = now + ways.ahead;
        let mut claims = person.as_object().expect("claims").clone();
        claims.retain(|name, _| !ways.userinfo_only.contains(&name.as_str()));
        claims.insert("iss".to_owned(), self.issuer(ways).into());
        claims.insert("aud".to_owned(), CLIENT.into());
        claims.insert("iat".to_owned(), now.into());
        claims.insert("exp".to_owned(), (now + 600).into());
        if let Some(ago) = ways.signed_in_ago {
            let signed_in = if is_told_to_ask && ways.asks_again { now } else { now - ago };
            claims.insert("auth_time".to_owned(), signed_in.into());
        }
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        if let Some(token) = access_token {
            claims.insert("at_hash".to_owned(), base64url(&sha256(token.as_bytes())[..16]).into());
        }
        let mut header = Header::new(ways.key.algorithm());
        header.kid = Some(ways.key.id().to_owned());
        if let Some(spoil) = &ways.spoil {
            spoil(&mut header, &mut claims);
        }
        match &ways.forge {
            Some(forge) => forge(&claims),
            None => ways.key.sign(&header, &claims),
        }
    }

    fn tokens(&self, ways: &Ways, form: &HashMap<String, String>, headers: &HeaderMap) -> Response {
        let refuse = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response();
        if let Some((status, body)) = &ways.token_answer {
            return (*status, Json(body.clone())).into_response();
        }
        let basic = format!("Basic {}", keys::base64(&format!("{CLIENT}:{SECRET}")));
        let is_basic = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == basic.as_bytes());
        let is_form = form.get("client_id").is_some_and(|id| id == CLIENT)
            && form.get("client_secret").is_some_and(|secret| secret == SECRET);
        if is_basic == is_form && !ways.takes_any_secret {
            return refuse("invalid_client");
        }
        let number = self.counter.fetch_add(1, Ordering::SeqCst);
        let access = format!("access-{number}");
        let mut body = json!({ "access_token": access, "token_type": "Bearer", "expires_in": ways.expires_in });
        match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => {
                let code = form.get("code").cloned().unwrap_or_default();
                let Some(pending) = self.codes.lock().expect("nobody panicked").remove(&code) else {
                    return refuse("invalid_grant");
                };
                let asked = |name: &str| pending.params.get(name).cloned().unwrap_or_default();
                if form.get("redirect_uri") != Some(&asked("redirect_uri")) || !fits(&pending.params, form) {
                    return refuse("invalid_grant");
                }
                body["scope"] = asked("scope").into();
                if asked("scope").split(' ').any(|scope| scope == "openid") {
                    let nonce = pending.params.get("nonce").map(String::as_str);
                    let is_told_to_ask = asked("max_age") == "0" || asked("prompt") == "login";
                    let with = (nonce, Some(access.as_str()));
                    body["id_token"] = self.id_token(ways, &pending.person, with, is_told_to_ask).into();
                }
                if ways.gives_refresh_token {
                    body["refresh_token"] = format!("refresh-{number}").into();
                }
            }
            Some("refresh_token") if form.get("refresh_token").is_some_and(|t| t.starts_with("refresh-")) => {
                if ways.rotates {
                    let token = form.get("refresh_token").cloned().unwrap_or_default();
                    if !self.spent.lock().expect("nobody panicked").insert(token) {
                        return refuse("invalid_grant");
                    }
                    body["refresh_token"] = format!("refresh-{number}").into();
                }
            }
            _ => return refuse("invalid_grant"),
        }
        Json(body).into_response()
    }
}

/// RFC 7636 section 4.6.
fn fits(asked: &HashMap<String, String>, form: &HashMap<String, String>) -> bool {
    let verifier = form.get("code_verifier").map(String::as_str);
    match (asked.get("code_challenge"), asked.get("code_challenge_method").map(String::as_str)) {
        (None, _) => true,
        (Some(challenge), Some("plain")) => verifier == Some(challenge),
        (Some(challenge), _) => verifier.is_some_and(|text| base64url(&sha256(text.as_bytes())) == *challenge),
    }
}

async fn answer(
    State(idp): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let text = if body.is_empty() { query.unwrap_or_default().into_bytes() } else { body.to_vec() };
    let params: HashMap<String, String> = url::form_urlencoded::parse(&text).into_owned().collect();
    let path = uri.path().to_owned();
    idp.seen.lock().expect("nobody panicked").push((path.clone(), params.clone(), headers.clone()));
    let ways = idp.ways.lock().expect("nobody panicked").clone();
    if ways.is_silent {
        return std::future::pending().await;
    }
    if let Some(gate) = ways.token_gate.as_ref().filter(|_| path == "/token") {
        gate.acquire().await.expect("it stays open").forget();
    }
    match path.as_str() {
        "/token" => {
            let tokens = idp.tokens(&ways, &params, &headers);
            if let Some(gate) = &ways.answer_gate {
                gate.acquire().await.expect("it stays open").forget();
            }
            tokens
        }
        "/jwks" => {
            Json(json!({ "keys": ways.published.iter().map(SigningKey::jwk).collect::<Vec<_>>() })).into_response()
        }
        path if path.starts_with("/graph/me/photos/") => match ways.picture {
            Some(picture) => ([(header::CONTENT_TYPE, "image/jpeg")], picture).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        "/user/emails" if headers.contains_key(header::AUTHORIZATION) => Json(ways.emails).into_response(),
        "/user" | "/userinfo" if headers.contains_key(header::AUTHORIZATION) => Json(ways.person).into_response(),
        path if path.ends_with("/.well-known/openid-configuration") => Json(json!({
            "issuer": idp.issuer(&ways),
            "authorization_endpoint": format!("{}/authorize", idp.origin),
            "token_endpoint": format!("{}/token", idp.origin),
            "userinfo_endpoint": format!("{}/userinfo", idp.origin),
            "jwks_uri": format!("{}/jwks", idp.origin),
            "authorization_response_iss_parameter_supported": ways.names_itself,
        }))
        .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
