//! The access policy of the operator's file: what it hides and refuses, and how it is explained.

mod arguments;
mod costs;
mod explain;
mod hidden;
mod looks;
mod settings;
mod several;
mod subscriptions;
mod table;
mod tasks;
pub mod wrapped;

use belgie_api::Event;
use belgie_api::context::UserContext;
use belgie_api::plugin::ScopeInfo;
use serde_json::{Value, json};

use crate::support::{Connected, LegacySession, Place, Places, Reply, TestGateway};

/// A scope that is given to whoever asks for it.
pub fn scope(name: &'static str) -> ScopeInfo {
    ScopeInfo::on_request(name, "Try something out")
}

/// An editor of acme in the team blue.
const EDITOR: Place = Place { slug: "acme", roles: &["editor"], permissions: &["notes:edit"], teams: &["blue"] };

/// Ada, an editor of acme.
async fn editor(gateway: &TestGateway, places: &Places) -> UserContext {
    let ada = gateway.person("ada@example.org").await;
    places.join(ada.id, EDITOR);
    ada
}

/// Says that something happened, as whoever makes it happen does.
async fn tell(gateway: &TestGateway, event: Event) {
    let host = gateway.gateway.host();
    let mut tx = host.db().begin().await.expect("a transaction");
    tx.emit(event);
    tx.commit(host.now()).await.expect("committed");
}

/// An agent in both eras.
struct Both<'a> {
    agent: &'a Connected,
    session: LegacySession,
}

impl<'a> Both<'a> {
    async fn of(agent: &'a Connected) -> Self {
        Self { agent, session: agent.session().await }
    }

    async fn ask(&self, method: &str, params: Value) -> [Reply; 2] {
        [self.agent.modern().send(method, params.clone()).await, self.session.send(method, params).await]
    }

    async fn call(&self, tool: &str, arguments: Value) -> [Reply; 2] {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    async fn lists(&self, tool: &str) -> [bool; 2] {
        self.ask("tools/list", json!({})).await.map(|list| list.tool_names().contains(&tool))
    }
}

/// The code of a tool's refusal.
fn refusal(reply: &Reply) -> &str {
    assert_eq!(reply.body["result"]["isError"], true, "{:?}", reply.body);
    reply.body["result"]["structuredContent"]["error"].as_str().unwrap_or_default()
}
