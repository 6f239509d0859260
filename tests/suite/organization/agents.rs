//! What agents can do with the organization they act for.

use belgie_api::OrgId;
use belgie_organization::OrganizationChanges;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Actor, at, done, invite, join, known, organizations, owned_by, read};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Modern, Reply, TestGateway, Tokens};

const BOTH: &str = "org:read org:manage";

/// An agent of the person in this browser, for whom they choose: an organization, or `none`.
async fn agent_for(gateway: &TestGateway, browser: &mut Browser, scope: &str, whom: &str) -> (Agent, Tokens) {
    let agent = Agent::register(gateway).await;
    let page = browser.get(&agent.authorize_url(&agent.authorization(scope))).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", whom)]).await;
    let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
    let tokens = Tokens::of(&agent.redeem(&code).await);
    (agent, tokens)
}

async fn agent(gateway: &TestGateway, browser: &mut Browser, scope: &str, id: OrgId) -> (Agent, Tokens) {
    agent_for(gateway, browser, scope, &id.to_string()).await
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
    async fn an_agent_works_in_the_organization_it_acts_for(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let (agent, tokens) = agent(&gateway, &mut of_ada, BOTH, acme.id).await;
        let url = gateway.mcp_url();
        let modern = agent.modern(&url, &tokens.access);
        let list = given(&modern, "list_my_organizations", json!({})).await;
        let ids: Vec<_> = list["organizations"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect();
        assert_eq!(ids, [json!(acme.id)], "the others of its person are none of its business");
        // It need not say which, and may.
        for which in [json!({}), json!({ "organization": "Acme" }), json!({ "organization": acme.id })] {
            let details = given(&modern, "get_organization", which).await;
            assert_eq!((&details["slug"], &details["roles"]), (&json!("acme"), &json!(["owner"])));
        }
        let invited = given(&modern, "invite_member", json!({ "email": "Guest@example.org" })).await;
        assert_eq!((&invited["email"], &invited["roles"]), (&json!("guest@example.org"), &json!(["member"])));
        let open = given(&modern, "list_invitations", json!({})).await;
        assert_eq!(open["invitations"][0]["id"], invited["id"]);
        given(&modern, "cancel_invitation", json!({ "invitation": invited["id"] })).await;
        assert_eq!(given(&modern, "list_invitations", json!({})).await["invitations"], json!([]));

        join(&gateway, acme.id, eve.id, "member").await;
        let set = json!({ "organization": "acme", "member": "EVE@example.org", "roles": ["Admin"] });
        assert_eq!(given(&modern, "set_member_roles", set).await["roles"], json!(["admin"]));
        let members = given(&modern, "list_members", json!({})).await;
        assert_eq!(members["members"][1]["email"], "eve@example.org");
        given(&modern, "remove_member", json!({ "member": eve.id })).await;
        assert!(organizations(&gateway).membership(eve.id, acme.id).await.expect("an answer").is_none());
    }
}

on_both_engines! {
    async fn an_agent_reaches_no_organization_but_the_one_it_acts_for(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        join(&gateway, rose.id, bob.id, "member").await;
        let open = invite(&mut of_ada, "rose", "guest@example.org").await;
        let (agent, tokens) = agent(&gateway, &mut of_ada, BOTH, acme.id).await;
        let url = gateway.mcp_url();
        let modern = agent.modern(&url, &tokens.access);
        let renamed = OrganizationChanges { slug: Some("apex".to_owned()), ..OrganizationChanges::default() };
        organizations(&gateway).update(&Actor::host(), acme.id, renamed).await.expect("renamed");
        given(&modern, "get_organization", json!({ "organization": "apex" })).await;
        for which in ["rose", &rose.id.to_string(), "acme", "nowhere", "org_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b", "no such thing"] {
            for (tool, arguments) in [
                ("get_organization", json!({ "organization": which })),
                ("list_members", json!({ "organization": which })),
                ("list_invitations", json!({ "organization": which })),
                ("invite_member", json!({ "organization": which, "email": "new@example.org" })),
                ("set_member_roles", json!({ "organization": which, "member": bob.id, "roles": ["admin"] })),
                ("remove_member", json!({ "organization": which, "member": bob.id })),
            ] {
                assert_eq!(refused(&modern, tool, arguments).await, "organization.unknown", "{tool} {which}");
            }
        }
        for invitation in [open.as_str(), "inv_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b", "inv_1"] {
            let code = refused(&modern, "cancel_invitation", json!({ "invitation": invitation })).await;
            assert_eq!(code, "organization.unknown_invitation", "{invitation}");
        }
        let (_, still) = read(&mut of_ada, &at("rose", "/invitations")).await;
        assert_eq!(still["invitations"].as_array().map(Vec::len), Some(1), "{still}");
        let there = organizations(&gateway).membership(bob.id, rose.id).await.expect("an answer").expect("a member");
        assert_eq!(there.roles.into_iter().collect::<Vec<_>>(), ["member"]);
    }
}

on_both_engines! {
    async fn an_agent_only_for_its_person_has_no_tools_of_organizations(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let (agent, tokens) = agent_for(&gateway, &mut of_ada, BOTH, "none").await;
        let url = gateway.mcp_url();
        let modern = agent.modern(&url, &tokens.access);
        let listed = modern.send("tools/list", json!({})).await;
        let names = listed.tool_names();
        assert!(names.contains(&"whoami"), "{names:?}");
        assert!(names.iter().all(|name| !name.contains("organization") && !name.contains("member")), "{names:?}");
        for (tool, arguments) in [
            ("list_my_organizations", json!({})),
            ("get_organization", json!({ "organization": "acme" })),
            ("create_organization", json!({ "name": "Mine" })),
            ("invite_member", json!({ "organization": "acme", "email": "new@example.org" })),
        ] {
            let reply = modern.call(tool, arguments).await;
            assert!(reply.body.to_string().contains(&format!("Unknown tool: {tool}")), "{}", reply.body);
        }
        // The same goes for a page of ours that calls with the session of the browser.
        let cookie = format!("belgie_session={}", of_ada.cookie("belgie_session").expect("a session"));
        let page = Modern { client: of_ada.raw(), url: &url, token: None };
        for (tool, is_there) in [("whoami", true), ("list_my_organizations", false)] {
            let call = page.request("tools/call", json!({ "name": tool, "arguments": {} }));
            let call = call.header("origin", &gateway.url).header("cookie", &cookie);
            let reply = Reply::read(call.send().await.expect("an answer")).await;
            let is_unknown = reply.body.to_string().contains(&format!("Unknown tool: {tool}"));
            assert_eq!(is_unknown, !is_there, "{}", reply.body);
        }
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
        let offer = json!({ "email": "heir@example.org", "role": "owner" });
        let offered = done(&mut of_ada, &at("acme", "/invite"), offer).await["id"].clone();
        let (agent, tokens) = agent(&gateway, &mut of_ada, BOTH, acme.id).await;
        let url = gateway.mcp_url();
        let modern = agent.modern(&url, &tokens.access);
        for (tool, arguments) in [
            ("set_member_roles", json!({ "organization": "acme", "member": worker.id, "roles": ["OWNER"] })),
            ("set_member_roles", json!({ "organization": "acme", "member": bob.id, "roles": ["member"] })),
            ("remove_member", json!({ "organization": "acme", "member": "bob@example.org" })),
            ("invite_member", json!({ "organization": "acme", "email": "new@example.org", "roles": ["member", "owner"] })),
            ("invite_member", json!({ "email": "heir@example.org", "resend": true })),
            ("cancel_invitation", json!({ "invitation": offered })),
        ] {
            assert_eq!(refused(&modern, tool, arguments).await, "organization.not_by_agents", "{tool}");
        }
        let (_, still) = read(&mut of_ada, &at("acme", "/invitations")).await;
        assert_eq!(still["invitations"][0]["roles"], json!(["owner"]));
        let listed = modern.send("tools/list", json!({})).await;
        let names = listed.tool_names();
        let is_for_people = |name: &&str| ["transfer", "delete_org", "leave", "create_org"].iter().any(|word| name.contains(word));
        assert!(!names.iter().any(is_for_people), "{names:?}");
    }
}

on_both_engines! {
    async fn an_agent_needs_the_scope_and_its_person_the_role(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let url = gateway.mcp_url();
        let (reader, tokens) = agent(&gateway, &mut of_ada, "org:read", acme.id).await;
        let reading = reader.modern(&url, &tokens.access);
        given(&reading, "get_organization", json!({ "organization": "acme" })).await;
        let invite = json!({ "organization": "acme", "email": "new@example.org" });
        let without = reading.call("invite_member", invite.clone()).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN);
        assert!(without.challenge().contains("scope=\"org:manage org:read\""), "{}", without.challenge());

        let (worker, tokens) = agent(&gateway, &mut of_bob, BOTH, acme.id).await;
        let working = worker.modern(&url, &tokens.access);
        for (tool, arguments) in [("invite_member", invite), ("list_invitations", json!({}))] {
            let reply = working.call(tool, arguments).await;
            assert!(reply.body["error"]["message"].to_string().contains("Unknown tool"), "{tool}: {}", reply.body);
        }
    }
}

on_both_engines! {
    async fn a_tool_that_looks_for_a_member_is_shown_to_whoever_may_look(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let tools = ["set_member_roles", "remove_member"];
        for (name, sees) in [("blind", false), ("keeper", true)] {
            let mut permissions = vec!["member:update", "member:remove"];
            permissions.extend(sees.then_some("member:read"));
            done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": name, "permissions": permissions })).await;
            let (person, mut browser) = known(&gateway, &format!("{name}@example.org")).await;
            join(&gateway, acme.id, person.id, name).await;
            let (agent, tokens) = agent(&gateway, &mut browser, BOTH, acme.id).await;
            let url = gateway.mcp_url();
            let listed = agent.modern(&url, &tokens.access).send("tools/list", json!({})).await.body;
            let listed = listed["result"]["tools"].as_array().expect("tools").clone();
            let shown: Vec<_> = tools.iter().filter(|tool| listed.iter().any(|listed| listed["name"] == **tool)).collect();
            assert_eq!(shown.len(), if sees { tools.len() } else { 0 }, "{name}");
        }
    }
}

on_both_engines! {
    async fn a_token_opens_no_route_and_calls_the_tool(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let wish = json!({ "name": "Script", "scope": BOTH, "ttl_seconds": 600, "organization": acme.id });
        let token = done(&mut of_ada, "/auth/tokens/create", wish).await["token"].as_str().expect("a token").to_owned();
        let agent = Agent::register(&gateway).await;
        let ask = async |method: Method, path: &str, body: Value| {
            let request = agent.client.request(method, gateway.at(path)).header("sec-fetch-site", "same-origin");
            request.bearer_auth(&token).json(&body).send().await.expect("an answer").status()
        };
        for path in ["/auth/organization/list".to_owned(), at("acme", ""), at("acme", "/members")] {
            assert_eq!(ask(Method::GET, &path, json!({})).await, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(read(&mut of_ada, &path).await.0, StatusCode::OK, "{path}: a session opens it");
        }
        for (act, body) in [("/update", json!({ "name": "Mine" })), ("/invite", json!({ "email": "x@example.org", "role": "member" }))] {
            assert_eq!(ask(Method::POST, &at("acme", act), body).await, StatusCode::UNAUTHORIZED, "{act}");
        }
        // As it stands in the README: no session of the protocol, one request.
        let url = gateway.mcp_url();
        let members = given(&agent.modern(&url, &token), "list_members", json!({})).await;
        assert_eq!(members["members"][0]["email"], "ada@example.org");
    }
}
