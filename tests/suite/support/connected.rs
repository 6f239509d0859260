//! A person who has let an agent in.

use belgie_api::OrgId;
use belgie_api::context::UserContext;
use reqwest::StatusCode;
use serde_json::json;

use super::{Agent, Browser, LegacySession, Modern, Reply, TestGateway, Tokens};

/// A person, her browser, and an agent with her tokens.
pub struct Connected {
    pub person: UserContext,
    pub browser: Browser,
    pub agent: Agent,
    pub tokens: Tokens,
    pub mcp_url: String,
}

impl Connected {
    /// A new person with a new agent that may do what agents may by default.
    pub async fn new(gateway: &TestGateway, email: &str) -> Self {
        Self::with_scope(gateway, email, "").await
    }

    /// A new person with a new agent that has asked for these scopes.
    pub async fn with_scope(gateway: &TestGateway, email: &str, scope: &str) -> Self {
        let person = gateway.person(email).await;
        let mut browser = gateway.browser();
        browser.sign_in(email, super::gateway::PASSWORD).await;
        let agent = Agent::register(gateway).await;
        let tokens = agent.connect(&mut browser, scope).await;
        Self { person, browser, agent, tokens, mcp_url: gateway.mcp_url() }
    }

    /// A person who is there already, with a new agent that acts for this organization, or for the person alone.
    pub async fn of(gateway: &TestGateway, person: &UserContext, scope: &str, organization: Option<OrgId>) -> Self {
        let mut browser = gateway.browser();
        browser.sign_in(&person.email, super::gateway::PASSWORD).await;
        let agent = Agent::register(gateway).await;
        let page = browser.get(&agent.authorize_url(&agent.authorization(scope))).await;
        let chosen = organization.map_or_else(|| "none".to_owned(), |organization| organization.to_string());
        let fields = [("decision", "allow"), ("organization", chosen.as_str())];
        let answer = browser.submit(&page.form("/authorize"), &fields).await;
        let code = answer.sent_parameter("code").expect("a code");
        let tokens = Tokens::of(&agent.redeem(&code).await);
        Self { person: person.clone(), browser, agent, tokens, mcp_url: gateway.mcp_url() }
    }

    /// The same person with another agent.
    pub async fn through_another_agent(&self, gateway: &TestGateway) -> Self {
        let mut browser = self.browser.clone();
        let agent = Agent::register(gateway).await;
        let tokens = agent.connect(&mut browser, "").await;
        Self { person: self.person.clone(), browser, agent, tokens, mcp_url: self.mcp_url.clone() }
    }

    /// The agent in the stateless era.
    pub fn modern(&self) -> Modern<'_> {
        self.agent.modern(&self.mcp_url, &self.tokens.access)
    }

    /// The agent in a new session of the older era.
    pub async fn session(&self) -> LegacySession {
        LegacySession::open(&self.agent.client, &self.mcp_url, &self.tokens.access).await
    }

    /// A plain call of the agent.
    pub async fn call(&self) -> Reply {
        self.modern().call("echo", json!({ "text": "still here" })).await
    }

    /// Checks that the agent is let in, twice: the second time by what the gateway remembers.
    pub async fn is_let_in(&self) {
        for _ in 0..2 {
            let reply = self.call().await;
            assert_eq!((reply.status, reply.text()), (StatusCode::OK, "still here"), "{:?}", reply.body);
        }
    }

    /// Checks that the very next call is refused, in words that tell nothing.
    pub async fn is_refused(&self) {
        let reply = self.call().await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{:?}", reply.body);
        assert!(reply.challenge().contains("error=\"invalid_token\""), "{}", reply.challenge());
    }
}
