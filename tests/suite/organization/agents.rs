//! What agents can do with the organizations of their person.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{join, known, organizations, owned_by};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Modern, TestGateway, Tokens};

/// An agent of the person in this browser.
async fn agent(gateway: &TestGateway, browser: &mut Browser, scope: &str) -> (Agent, Tokens) {
    let agent = Agent::register(gateway).await;
    let tokens = agent.connect(browser, scope).await;
    (agent, tokens)
}

/// What a tool gave.
async fn given(modern: &Modern<'_>, tool: &str, arguments: Value) -> Value {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.status, StatusCode::OK, "{tool}: {}", reply.body);
    assert_ne!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"].clone()
}

/// The code a tool refused with.
async fn refused(modern: &Modern<'_>, tool: &str, arguments: Value) -> String {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"]["error"].as_str().unwrap_or_default().to_owned()
}

on_both_engines! {
    async fn an_agent_makes_an_organization_and_works_in_it(gateway: TestGateway) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let (agent, tokens) = agent(&gateway, &mut of_ada, "org:read org:manage").await;
        let url = gateway.mcp_url();
        let modern = agent.modern(&url, &tokens.access);
        let made = given(&modern, "create_organization", json!({ "name": "Acme Research" })).await;
        assert_eq!((&made["slug"], &made["roles"]), (&json!("acme-research"), &json!(["owner"])));
        let list = given(&modern, "list_my_organizations", json!({})).await;
        assert_eq!(list["organizations"][0]["id"], made["id"]);
        let by_id = given(&modern, "get_organization", json!({ "organization": made["id"] })).await;
        assert_eq!(by_id["member_count"], 1);

        let which = json!({ "organization": "acme-research" });
        let body = json!({ "organization": "acme-research", "email": "Guest@example.org" });
        let invited = given(&modern, "invite_member", body).await;
        assert_eq!((&invited["email"], &invited["roles"]), (&json!("guest@example.org"), &json!(["member"])));
        let open = given(&modern, "list_invitations", which.clone()).await;
        assert_eq!(open["invitations"][0]["id"], invited["id"]);
        given(&modern, "cancel_invitation", json!({ "invitation": invited["id"] })).await;
        assert_eq!(given(&modern, "list_invitations", which.clone()).await["invitations"], json!([]));

        let id = made["id"].as_str().expect("an id").parse().expect("an id");
        join(&gateway, id, eve.id, "member").await;
        let set = json!({ "organization": "acme-research", "member": "EVE@example.org", "roles": ["Admin"] });
        assert_eq!(given(&modern, "set_member_roles", set).await["roles"], json!(["admin"]));
        let members = given(&modern, "list_members", which.clone()).await;
        assert_eq!(members["members"][1]["email"], "eve@example.org");
        given(&modern, "remove_member", json!({ "organization": "acme-research", "member": eve.id })).await;
        assert!(organizations(&gateway).membership(eve.id, id).await.expect("an answer").is_none());
    }
}

on_both_engines! {
    async fn an_agent_makes_touches_and_removes_no_owner(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "owner").await;
        let worker = gateway.person("worker@example.org").await;
        join(&gateway, acme.id, worker.id, "member").await;
        let (agent, tokens) = agent(&gateway, &mut of_ada, "org:read org:manage").await;
        let url = gateway.mcp_url();
        let modern = agent.modern(&url, &tokens.access);
        for (tool, arguments) in [
            ("set_member_roles", json!({ "organization": "acme", "member": worker.id, "roles": ["OWNER"] })),
            ("set_member_roles", json!({ "organization": "acme", "member": bob.id, "roles": ["member"] })),
            ("remove_member", json!({ "organization": "acme", "member": "bob@example.org" })),
            ("invite_member", json!({ "organization": "acme", "email": "new@example.org", "roles": ["member", "owner"] })),
        ] {
            assert_eq!(refused(&modern, tool, arguments).await, "organization.not_by_agents", "{tool}");
        }
        let listed = modern.send("tools/list", json!({})).await;
        let names = listed.tool_names();
        assert!(names.iter().all(|name| !name.contains("transfer") && !name.contains("delete_organization")), "{names:?}");
    }
}

on_both_engines! {
    async fn an_agent_needs_the_scope_and_its_person_the_role(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let url = gateway.mcp_url();
        let (reader, tokens) = agent(&gateway, &mut of_ada, "org:read").await;
        let reading = reader.modern(&url, &tokens.access);
        given(&reading, "get_organization", json!({ "organization": "acme" })).await;
        let invite = json!({ "organization": "acme", "email": "new@example.org" });
        let without = reading.call("invite_member", invite.clone()).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN);
        assert!(without.challenge().contains("scope=\"org:manage org:read\""), "{}", without.challenge());

        let (worker, tokens) = agent(&gateway, &mut of_bob, "org:read org:manage").await;
        let working = worker.modern(&url, &tokens.access);
        assert_eq!(refused(&working, "invite_member", invite.clone()).await, "organization.forbidden");
        assert_eq!(refused(&working, "list_invitations", json!({ "organization": "acme" })).await, "organization.forbidden");
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (outsider, tokens) = agent(&gateway, &mut of_eve, "org:read org:manage").await;
        let outside = outsider.modern(&url, &tokens.access);
        for organization in ["acme", "nowhere", "org_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b", "no such thing"] {
            let which = json!({ "organization": organization });
            assert_eq!(refused(&outside, "get_organization", which.clone()).await, "organization.unknown");
            assert_eq!(refused(&outside, "list_members", which).await, "organization.unknown");
        }
        assert_eq!(refused(&outside, "cancel_invitation", json!({ "invitation": "inv_1" })).await, "organization.unknown_invitation");
    }
}
