//! An MCP client that gets its rights the way real ones do: registers, sends a person to the consent page, redeems.

use belgie_api::crypto::{base64url, sha256};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::{Browser, Modern, Page, Reply, TestGateway};

/// A registered client.
#[derive(Clone)]
pub struct Agent {
    pub base: String,
    pub client: Client,
    pub client_id: String,
    pub redirect_uri: String,
    pub verifier: String,
}

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Agent {
    /// Registers a client with a loopback redirect.
    pub async fn register(gateway: &TestGateway) -> Self {
        Self::register_with(gateway, "http://127.0.0.1:49152/callback").await
    }

    /// Registers a public client with this redirect.
    pub async fn register_with(gateway: &TestGateway, redirect_uri: &str) -> Self {
        Self::register_at(&gateway.url, redirect_uri).await
    }

    /// Registers a public client with this redirect at the gateway of this address.
    pub async fn register_at(base: &str, redirect_uri: &str) -> Self {
        let document = json!({
            "client_name": "Suite agent",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        Self::send_document(base, &document).await.0
    }

    /// Registers a client with this metadata; gives what the endpoint said, too.
    pub async fn register_document(gateway: &TestGateway, document: &Value) -> (Self, Value) {
        Self::send_document(&gateway.url, document).await
    }

    async fn send_document(base: &str, document: &Value) -> (Self, Value) {
        let redirect_uri = document["redirect_uris"][0].as_str().expect("a redirect");
        let nobody = Self::known_at(base, "", redirect_uri);
        let answer = nobody.client.post(format!("{base}/register")).json(document).send().await;
        let reply = Reply::read(answer.expect("the gateway answers")).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
        let client_id = reply.body["client_id"].as_str().expect("a client id").to_owned();
        (Self { client_id, ..nobody }, reply.body)
    }

    /// A client that is known already, or claims to be.
    pub fn known_as(gateway: &TestGateway, client_id: &str, redirect_uri: &str) -> Self {
        Self::known_at(&gateway.url, client_id, redirect_uri)
    }

    fn known_at(base: &str, client_id: &str, redirect_uri: &str) -> Self {
        Self {
            base: base.to_owned(),
            client: Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client"),
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            verifier: "suite-verifier-0123456789.abcdefghijklmnopqrstuvwxyz~ABCDEFGH".to_owned(),
        }
    }

    /// The PKCE challenge of the verifier (RFC 7636 section 4.2).
    pub fn challenge(&self) -> String {
        base64url(&sha256(self.verifier.as_bytes()))
    }

    /// The authorization request, as parameters to be spoiled or sent.
    pub fn authorization(&self, scope: &str) -> Vec<(String, String)> {
        let challenge = self.challenge();
        let resource = format!("{}/mcp", self.base);
        [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("state", "state-of-the-suite"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
            ("scope", scope),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// The address of an authorization request.
    pub fn authorize_url(&self, parameters: &[(String, String)]) -> String {
        Url::parse_with_params(&format!("{}/authorize", self.base), parameters).expect("an address").into()
    }

    /// Sends a person through the consent page and gives the answer that leads back to the client.
    pub async fn consent(&self, browser: &mut Browser, scope: &str, decision: &str) -> Page {
        let page = browser.get(&self.authorize_url(&self.authorization(scope))).await;
        assert_eq!(page.status, StatusCode::OK, "the consent page: {}", page.body);
        browser.submit(&page.form("/authorize"), &[("decision", decision)]).await
    }

    /// Gets a code from a signed-in person.
    pub async fn code(&self, browser: &mut Browser, scope: &str) -> String {
        let answer = self.consent(browser, scope, "allow").await;
        answer.sent_parameter("code").unwrap_or_else(|| panic!("a code in {}", answer.location()))
    }

    /// The fields that redeem a code.
    pub fn redemption(&self, code: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("client_id", self.client_id.clone()),
            ("code_verifier", self.verifier.clone()),
            ("resource", format!("{}/mcp", self.base)),
        ]
    }

    /// Posts fields to an endpoint.
    pub async fn post(&self, path: &str, fields: &[(&str, String)]) -> Reply {
        let answer = self.client.post(format!("{}{path}", self.base)).form(fields).send().await;
        Reply::read(answer.expect("the gateway answers")).await
    }

    /// Opens an authorization request in which one parameter is another, or none, and sees how it is answered.
    pub async fn ask_with(&self, browser: &mut Browser, name: &str, value: Option<&str>) -> Page {
        let parameters = changed(self.authorization(""), name.to_owned(), value.map(ToOwned::to_owned));
        browser.get(&self.authorize_url(&parameters)).await
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str) -> Reply {
        self.post("/token", &self.redemption(code)).await
    }

    /// Redeems a code with one field changed, or left out.
    pub async fn redeem_with(&self, code: &str, name: &'static str, value: Option<&str>) -> Reply {
        self.post("/token", &changed(self.redemption(code), name, value.map(ToOwned::to_owned))).await
    }

    /// Connects: consent and redemption.
    pub async fn connect(&self, browser: &mut Browser, scope: &str) -> Tokens {
        let code = self.code(browser, scope).await;
        Tokens::of(&self.redeem(&code).await)
    }

    /// Tries to refresh.
    pub async fn refresh(&self, token: &str) -> Reply {
        self.refresh_with(token, &[]).await
    }

    /// Tries to refresh with more fields.
    pub async fn refresh_with(&self, token: &str, more: &[(&str, &str)]) -> Reply {
        let mut fields = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", token.to_owned()),
            ("client_id", self.client_id.clone()),
        ];
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.post("/token", &fields).await
    }

    /// Gives a token back (RFC 7009).
    pub async fn revoke(&self, token: &str) -> Reply {
        self.post("/revoke", &[("token", token.to_owned()), ("client_id", self.client_id.clone())]).await
    }

    /// Asks the endpoint who the token stands for.
    pub async fn whoami(&self, token: &str) -> Reply {
        self.modern(&format!("{}/mcp", self.base), token).call("whoami", json!({})).await
    }

    /// Talks to the endpoint in the stateless era.
    pub fn modern<'a>(&'a self, url: &'a str, token: &'a str) -> Modern<'a> {
        Modern { client: &self.client, url, token: Some(token) }
    }
}

/// Fields in which one has another value, or is left out.
pub fn changed<N>(mut fields: Vec<(N, String)>, name: N, value: Option<String>) -> Vec<(N, String)>
where
    N: PartialEq,
{
    fields.retain(|(other, _)| *other != name);
    fields.extend(value.map(|value| (name, value)));
    fields
}

impl Tokens {
    /// Reads a token answer.
    pub fn of(reply: &Reply) -> Self {
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        let text = |name: &str| reply.body[name].as_str().unwrap_or_default().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}
