//! Authorization requests that an application keeps, found by their `request_uri`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use belgie::oauth_server::{OAuthServer, Requests};
use belgie_api::{ClientId, Result, async_trait};
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::assert_page_alone;
use crate::on_both_engines;
use crate::support::{Agent, Setup, TestGateway, Tokens, changed, unescape};

/// Requests by address, and how often each was asked for.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<BTreeMap<String, (String, usize)>>>);

#[async_trait]
impl Requests for Shelf {
    async fn find(&self, client: &ClientId, uri: &str) -> Result<Option<String>> {
        assert!(!client.as_str().is_empty());
        let mut shelf = self.0.lock().expect("a shelf");
        Ok(shelf.get_mut(uri).map(|(query, asked)| {
            *asked += 1;
            query.clone()
        }))
    }
}

fn query_of(parameters: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

fn address(agent: &Agent, uri: &str) -> String {
    let query =
        [("client_id", agent.client_id.as_str()), ("request_uri", uri), ("scope", "demo:step-up"), ("state", "other")];
    Url::parse_with_params(&format!("{}/authorize", agent.base), &query).expect("an address").into()
}

static SHELF: std::sync::LazyLock<Shelf> = std::sync::LazyLock::new(Shelf::default);

fn shelved() -> Setup {
    Setup::default()
        .config("[plugins.oauth-server]\nopenid_connect = true\npushed_requests = \"required\"")
        .build(|builder| builder.plugin(OAuthServer::default().with_requests(SHELF.clone())))
}

on_both_engines! {
    async fn a_request_of_the_application_is_answered_as_it_is_kept(gateway: TestGateway, setup = shelved()) {
        let agent = Agent::register(&gateway).await;
        let other = Agent::register(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        // Both engines share the shelf; the client's id keeps them apart.
        let uri = format!("https://app.example/requests/{}", agent.client_id);
        let put = |uri: &str, query: String| { SHELF.0.lock().expect("a shelf").insert(uri.to_owned(), (query, 0)); };
        put(&uri, query_of(&agent.authorization("connections:read")));
        let sent = ada.get(&address(&agent, &uri)).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let onward = sent.location();
        assert!(onward.starts_with("/authorize?client_id=") && !onward.contains("request_uri"), "{onward}");
        let page = ada.get(&onward).await;
        let shown = unescape(&page.body);
        assert!(shown.contains("connections:read") && !shown.contains("demo:step-up"), "{shown}");
        let answer = ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        assert_eq!(answer.sent_parameter("state").as_deref(), Some("state-of-the-suite"));
        Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
        assert_eq!(SHELF.0.lock().expect("a shelf")[&uri].1, 1, "asked once");

        let unknown = "This request is unknown here.";
        assert_page_alone(&ada.get(&address(&agent, "https://app.example/nothing")).await, unknown);
        assert_page_alone(&ada.get(&address(&other, &uri)).await, unknown);
        let nobody = address(&agent, &uri).replace(&agent.client_id, "cli_nobody");
        assert_page_alone(&ada.get(&nobody).await, "This agent is not registered here.");
        let unnamed = Url::parse_with_params(&format!("{}/authorize", agent.base), &[("request_uri", &uri)]).expect("an address");
        assert_page_alone(&ada.get(unnamed.as_str()).await, "This agent is not registered here.");
        assert_eq!(SHELF.0.lock().expect("a shelf")[&uri].1, 2, "the other client's attempt, and nobody else's");
        let nested = format!("{uri}/nested");
        put(&nested, format!("{}&request_uri=https%3A%2F%2Fapp.example%2Fx", query_of(&agent.authorization(""))));
        assert_page_alone(&ada.get(&address(&agent, &nested)).await, unknown);
        let own_mark = format!("{uri}/mark");
        put(&own_mark, format!("{}&belgie_request=x", query_of(&agent.authorization(""))));
        assert_page_alone(&ada.get(&address(&agent, &own_mark)).await, unknown);
        // What is wrong with it is told as with any other.
        let elsewhere = format!("{uri}/elsewhere");
        let wrong = changed(agent.authorization(""), "redirect_uri".to_owned(), Some("https://evil.example/cb".to_owned()));
        put(&elsewhere, query_of(&wrong));
        let onward = ada.get(&address(&agent, &elsewhere)).await.location();
        assert_page_alone(&ada.get(&onward).await, "does not belong to the agent");
        let discovery = reqwest::get(gateway.at("/.well-known/openid-configuration")).await.expect("an answer");
        let discovery: Value = serde_json::from_str(&discovery.text().await.expect("a text")).expect("JSON");
        assert_eq!(discovery["request_uri_parameter_supported"], true);
    }
}
