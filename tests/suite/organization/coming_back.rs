//! Whoever leaves an organization and comes back is there anew: what was made for the time before does not count again, however
//! quickly it went.

use belgie_api::OrgId;
use belgie_api::context::UserContext;
use reqwest::StatusCode;
use serde_json::json;

use super::{Actor, join, known, organizations, owned_by};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, Modern, TestGateway, Tokens};

/// Removes somebody and brings them back before anybody has heard of either.
async fn out_and_in(gateway: &TestGateway, id: OrgId, person: &UserContext) {
    organizations(gateway).remove_member(&Actor::host(), id, person.id).await.expect("removed");
    join(gateway, id, person.id, "member").await;
}

on_both_engines! {
    async fn what_was_given_before_opens_nothing_afterwards(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        for round in 0..3 {
            let mut agent = Connected::of(&gateway, &bob, "", Some(acme.id)).await;
            agent.is_let_in().await;
            let listen = json!({ "notifications": { "toolsListChanged": true } });
            let mut stream = EventStream::open(agent.modern().request("subscriptions/listen", listen)).await;
            stream.next().await.expect("an acknowledgement");
            let session = agent.session().await;
            // A code that nobody has redeemed yet is one of before, too.
            let asked = agent.browser.get(&agent.agent.authorize_url(&agent.agent.authorization(""))).await;
            let id = acme.id.to_string();
            let fields = [("decision", "allow"), ("organization", id.as_str())];
            let code = agent.browser.submit(&asked.form("/authorize"), &fields).await.sent_parameter("code").expect("a code");

            out_and_in(&gateway, acme.id, &bob).await;
            agent.is_refused().await;
            for message in stream.rest().await {
                assert_eq!(message["error"], serde_json::Value::Null, "the stream ends: {message}");
            }
            let gone = session.send("tools/list", json!({})).await;
            assert_eq!(gone.status, StatusCode::UNAUTHORIZED, "{round}: {:?}", gone.body);
            assert_eq!(agent.agent.redeem(&code).await.body["error"], "invalid_grant");
            assert_eq!(agent.agent.refresh(&agent.tokens.refresh).await.body["error"], "invalid_grant");
            agent.is_refused().await;
            // A fresh consent is one of now.
            Connected::of(&gateway, &bob, "", Some(acme.id)).await.is_let_in().await;
        }
    }
}

on_both_engines! {
    async fn other_roles_are_no_new_beginning(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let mut agent = Connected::of(&gateway, &bob, "", Some(acme.id)).await;
        let of_ada = Connected::of(&gateway, &ada, "", Some(acme.id)).await;
        let admin = belgie_organization::read_roles(["admin"]).expect("a role");
        organizations(&gateway).set_roles(&Actor::host(), acme.id, bob.id, &admin).await.expect("set");
        agent.is_let_in().await;
        agent.tokens = Tokens::of(&agent.agent.refresh(&agent.tokens.refresh).await);
        out_and_in(&gateway, acme.id, &bob).await;
        agent.is_refused().await;
        of_ada.is_let_in().await;
        // The grants of others, and those of the person alone, are as they were; so are the pages of the person.
        Connected::of(&gateway, &bob, "", None).await.is_let_in().await;
        let mut browser = agent.browser.clone();
        assert!(browser.get("/organizations/acme").await.body.contains("The acme"));
        let url = gateway.at("/o/acme/mcp");
        let cookie = format!("belgie_session={}", browser.cookie("belgie_session").expect("a session"));
        let page = Modern { client: browser.raw(), url: &url, token: None };
        let call = page.request("tools/call", json!({ "name": "whoami", "arguments": {} }));
        let reply = call.header("origin", &gateway.url).header("cookie", &cookie).send().await.expect("an answer");
        assert_eq!(reply.status(), StatusCode::OK);
    }
}
