//! A client that holds a key, and shows with each request that it does (RFC 9449).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use belgie_api::Clock;
use belgie_api::crypto::{base64url, sha256};
use jsonwebtoken::Algorithm;
use reqwest::Client;
use reqwest::header::{HOST, HeaderMap};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use super::idp::SigningKey;
use super::{Agent, Modern, Reply, TestGateway};

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A key of a client.
pub struct Holder {
    pub key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl Holder {
    /// One with a fresh key for ES256.
    pub fn new(gateway: &TestGateway) -> Self {
        Self::with(gateway, Algorithm::ES256)
    }

    /// One with a fresh key for an algorithm.
    pub fn with(gateway: &TestGateway, algorithm: Algorithm) -> Self {
        Self { key: SigningKey::new("key", algorithm), clock: Arc::clone(&gateway.clock) as _ }
    }

    /// The key as it stands in proofs.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.key.jwk();
        jwk.as_object_mut().expect("an object").retain(|name, _| !["kid", "use", "alg"].contains(&name.as_str()));
        jwk
    }

    /// The thumbprint of the key (RFC 7638): its required members stand in the order of their names.
    pub fn thumbprint(&self) -> String {
        let members: std::collections::BTreeMap<String, Value> =
            self.jwk().as_object().expect("an object").clone().into_iter().collect();
        base64url(&sha256(serde_json::to_string(&members).expect("JSON").as_bytes()))
    }

    /// The header of a proof that is right.
    pub fn header(&self) -> Value {
        let algorithm = serde_json::to_value(self.key.algorithm()).expect("a name");
        json!({ "typ": "dpop+jwt", "alg": algorithm, "jwk": self.jwk() })
    }

    /// What a proof says that is right.
    pub fn claims(&self, method: &str, url: &str, token: Option<&str>) -> Value {
        let mut claims = json!({
            "jti": format!("proof-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            "htm": method, "htu": url, "iat": self.clock.now().unix_seconds(),
        });
        if let Some(token) = token {
            claims["ath"] = base64url(&sha256(token.as_bytes())).into();
        }
        claims
    }

    /// A proof that is right.
    pub fn proof(&self, method: &str, url: &str, token: Option<&str>) -> String {
        self.proof_with(method, url, token, &json!({}))
    }

    /// One in which some claims are others; null leaves one out.
    pub fn proof_with(&self, method: &str, url: &str, token: Option<&str>, changes: &Value) -> String {
        self.key.sign_parts(&self.header(), &altered(self.claims(method, url, token), changes))
    }

    /// Posts fields with a proof.
    pub async fn post(&self, agent: &Agent, path: &str, fields: &[(&str, String)]) -> Reply {
        let proof = self.proof("POST", &format!("{}{path}", agent.base), None);
        post_with(agent, path, fields, &[&proof]).await
    }

    /// Redeems a code.
    pub async fn redeem(&self, agent: &Agent, code: &str) -> Reply {
        self.post(agent, "/token", &agent.redemption(code)).await
    }

    /// Refreshes.
    pub async fn refresh(&self, agent: &Agent, token: &str) -> Reply {
        let own = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", &agent.client_id)];
        self.post(agent, "/token", &own.map(|(name, value)| (name, value.to_owned()))).await
    }

    /// Asks the endpoint who a token stands for, as its scheme wants it.
    pub async fn whoami(&self, agent: &Agent, token: &str) -> Reply {
        let url = format!("{}/mcp", agent.base);
        call_with(agent, "DPoP", token, &[&self.proof("POST", &url, Some(token))]).await
    }
}

/// Members in which some are others; null leaves one out.
pub fn altered(mut members: Value, changes: &Value) -> Value {
    let all = members.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        all.remove(name);
        if !value.is_null() {
            all.insert(name.clone(), value.clone());
        }
    }
    members
}

/// Posts fields with these proofs, each in a header of its own.
pub async fn post_with(agent: &Agent, path: &str, fields: &[(&str, String)], proofs: &[&str]) -> Reply {
    let request = agent.client.post(format!("{}{path}", agent.base)).form(fields);
    let request = proofs.iter().fold(request, |request, proof| request.header("dpop", *proof));
    Reply::read(request.send().await.expect("the gateway answers")).await
}

/// Asks the endpoint who a token stands for, with this scheme and these proofs.
pub async fn call_with(agent: &Agent, scheme: &str, token: &str, proofs: &[&str]) -> Reply {
    let url = format!("{}/mcp", agent.base);
    let endpoint = Modern { client: &agent.client, url: &url, token: None };
    let request = endpoint.request("tools/call", json!({ "name": "whoami", "arguments": {} }));
    let request = request.header("authorization", format!("{scheme} {token}"));
    let request = proofs.iter().fold(request, |request, proof| request.header("dpop", *proof));
    Reply::read(request.send().await.expect("the gateway answers")).await
}

/// An agent at another node of the same host, which is behind the same public address. The node serves as long as this.
pub struct There {
    pub agent: Agent,
    serving: tokio::task::JoinHandle<()>,
}

impl There {
    /// The agent at this node.
    pub async fn at(gateway: &TestGateway, node: Arc<belgie::Gateway>, agent: &Agent) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { node.serve(listener).await });
        let host = gateway.url.strip_prefix("http://").expect("an address");
        let headers = HeaderMap::from_iter([(HOST, host.parse().expect("a host"))]);
        let client = Client::builder().default_headers(headers).redirect(Policy::none()).build().expect("a client");
        Self { agent: Agent { base, client, ..agent.clone() }, serving }
    }
}

impl Drop for There {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
