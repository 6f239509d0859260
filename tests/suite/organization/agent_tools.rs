//! Roles, settings, services, the record and invitations, within an agent's reach.

use belgie_api::ports::{Audit, AuditFilter, RecordKind, Stretch};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{at, done, join, known, owned_by, read};
use crate::on_both_engines;
use crate::support::{Connected, Modern, TestGateway, unescape};

const BOTH: &str = "org:read org:manage";

/// What a tool gave.
async fn given(modern: &Modern<'_>, tool: &str, arguments: Value) -> Value {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.status, StatusCode::OK, "{tool}: {}", reply.body);
    assert_ne!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"].clone()
}

/// What of other plugins is listed beside.
const OF_OTHERS: [&str; 11] = [
    "add",
    "create_client",
    "delete_client",
    "echo",
    "list_my_clients",
    "list_my_connections",
    "slow",
    "step_up",
    "update_client",
    "usage",
    "whoami",
];
/// The tools of organizations and teams that need no more than to be a member; of teams some of them lead.
const SEEN_BY_MEMBERS: [&str; 9] = [
    "add_team_member",
    "get_organization",
    "list_members",
    "list_my_organizations",
    "list_roles",
    "list_team_members",
    "list_teams",
    "remove_team_member",
    "set_team_roles",
];

/// Calls a tool that is as unknown as one that is nowhere.
async fn is_unknown(modern: &Modern<'_>, tool: &str, arguments: Value) {
    let (reply, nowhere) = (modern.call(tool, arguments.clone()).await, modern.call("no_such_tool", arguments).await);
    assert!(
        reply.body["error"]["message"].as_str().is_some_and(|said| said.starts_with("Unknown tool")),
        "{}",
        reply.body
    );
    assert_eq!(reply.body.to_string().replace(tool, "no_such_tool"), nowhere.body.to_string());
}

/// The code a tool refused with.
async fn refused(modern: &Modern<'_>, tool: &str, arguments: Value) -> String {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"]["error"].as_str().unwrap_or_default().to_owned()
}

on_both_engines! {
    async fn an_agent_makes_changes_and_deletes_roles_its_person_could(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, BOTH, Some(acme.id)).await;
        let modern = agent.modern();
        let made = given(&modern, "create_role", json!({ "role": "Editor", "permissions": ["team:create"] })).await;
        assert_eq!((&made["role"], &made["permissions"]), (&json!("editor"), &json!(["team:create"])));
        let changed = given(&modern, "update_role", json!({ "role": "editor", "permissions": ["audit:read"] })).await;
        assert_eq!(changed["permissions"], json!(["audit:read"]));
        let list = given(&modern, "list_roles", json!({})).await;
        let names: Vec<_> = list["roles"].as_array().expect("a list").iter().map(|role| role["role"].clone()).collect();
        assert_eq!(names, ["owner", "admin", "member", "editor"]);
        assert_eq!(refused(&modern, "update_role", json!({ "role": "admin", "permissions": [] })).await, "organization.fixed_role");
        given(&modern, "delete_role", json!({ "role": "editor" })).await;
        assert_eq!(refused(&modern, "delete_role", json!({ "role": "editor" })).await, "organization.unknown_role");
    }
}

on_both_engines! {
    async fn what_a_tool_opens_the_role_of_the_person_decides(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, bob.id, "rose").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &bob, BOTH, Some(acme.id)).await;
        let modern = agent.modern();
        for (tool, arguments) in [
            ("create_role", json!({ "role": "spy", "permissions": [] })),
            ("update_role", json!({ "role": "spy", "permissions": [] })),
            ("delete_role", json!({ "role": "spy" })),
            ("update_organization", json!({ "name": "Mine" })),
            ("list_services", json!({})),
            ("prepare_service", json!({ "name": "Mine" })),
            ("revoke_service", json!({ "service": "svc_00000000000000000000000000000007" })),
            ("read_record", json!({})),
        ] {
            is_unknown(&modern, tool, arguments.clone()).await;
            let mut elsewhere = arguments;
            elsewhere["organization"] = json!("rose");
            is_unknown(&modern, tool, elsewhere).await;
        }
        let listed = modern.send("tools/list", json!({})).await;
        let mut ours: Vec<_> = listed.tool_names().into_iter().filter(|name| !OF_OTHERS.contains(name)).collect();
        ours.sort_unstable();
        assert_eq!(ours, SEEN_BY_MEMBERS, "what a plain member may not do is not there");
        // What explains and the record say so, too.
        let explain = ["explain", "--user", "bob@example.org", "--org", "acme", "--tool", "remove_member"];
        let explained = gateway.program(&explain).await.1;
        assert_eq!(explained["trace"]["call"]["outcome"], "hidden", "{explained}");
        let calls = AuditFilter { organization: Some(acme.id), only: Some(RecordKind::Decision), ..AuditFilter::default() };
        let calls = gateway.gateway.archive().list(&calls, Stretch::After(None, 99)).await.expect("the record").records;
        let decided = |word: &str| calls.iter().filter(|call| call.decision.as_deref() == Some(word)).count();
        assert_eq!((decided("hidden"), decided("unknown"), calls.len()), (16, 16, 32), "{calls:?}");
        let reading = Connected::of(&gateway, &ada, "org:read", Some(acme.id)).await;
        for tool in ["create_role", "update_organization", "prepare_service", "resend_invitation"] {
            assert_eq!(reading.modern().call(tool, json!({})).await.status, StatusCode::FORBIDDEN, "{tool}: the scope is missing");
        }
        given(&reading.modern(), "read_record", json!({})).await;
    }
}

on_both_engines! {
    async fn an_agent_changes_settings_and_sends_an_invitation_again(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, BOTH, Some(acme.id)).await;
        let modern = agent.modern();
        let logo = "https://acme.example/logo.png";
        let changed = given(&modern, "update_organization", json!({ "name": "Acme Two", "logo_url": logo })).await;
        assert_eq!((&changed["name"], &changed["slug"], &changed["logo_url"]), (&json!("Acme Two"), &json!("acme"), &json!(logo)));
        let plain = given(&modern, "update_organization", json!({ "logo_url": "" })).await;
        assert_eq!((&plain["name"], &plain["slug"], &plain["logo_url"]), (&json!("Acme Two"), &json!("acme"), &Value::Null));
        let first = given(&modern, "invite_member", json!({ "email": "new@example.org" })).await;
        let second = given(&modern, "resend_invitation", json!({ "invitation": first["id"] })).await;
        assert!(second["id"] != first["id"] && second["email"] == "new@example.org", "{second}");
        assert_eq!(refused(&modern, "resend_invitation", json!({ "invitation": first["id"] })).await, "organization.invitation_over");
        let open = given(&modern, "list_invitations", json!({})).await;
        assert_eq!(open["invitations"].as_array().map(Vec::len), Some(1));
    }
}

on_both_engines! {
    async fn a_service_is_prepared_by_an_agent_and_made_by_a_person(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, BOTH, Some(acme.id)).await;
        let modern = agent.modern();
        let wish = json!({ "name": "Nightly & more", "roles": ["admin"], "scopes": ["org:read"], "days": 30 });
        let link = given(&modern, "prepare_service", wish).await["link"].as_str().expect("a link").to_owned();
        assert!(link.starts_with(&gateway.at("/organizations/acme/new-service?")), "{link}");
        assert_eq!(given(&modern, "list_services", json!({})).await["services"], json!([]), "nothing is made");
        // Who is not fresh comes back to the form as it was filled in.
        gateway.clock.advance(std::time::Duration::from_hours(2));
        let path = link.strip_prefix(&gateway.url).expect("an address of ours");
        let away = of_ada.get(path).await;
        assert!(away.location().starts_with("/auth/confirm?") && away.location().contains("Nightly"), "{}", away.location());
        let mut fresh = gateway.browser();
        fresh.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let page = fresh.get(path).await;
        let text = unescape(&page.body);
        assert!(text.contains("value=\"Nightly & more\""), "{text}");
        let form = page.form("/organizations/acme/new-service");
        let made = fresh.submit(&form, &[]).await;
        assert!(made.body.contains("blg_svc_"), "{}", made.body);
        let again = Connected::of(&gateway, &ada, BOTH, Some(acme.id)).await;
        let list = given(&again.modern(), "list_services", json!({})).await;
        let service = &list["services"][0];
        assert_eq!((&service["name"], &service["roles"], &service["scopes"]), (&json!("Nightly & more"), &json!(["admin"]), &json!(["org:read"])));
        assert!(service["created_by"] == json!(ada.id) && !list.to_string().contains("blg_svc_"), "{list}");
        given(&again.modern(), "revoke_service", json!({ "service": service["id"] })).await;
        assert_eq!(given(&again.modern(), "list_services", json!({})).await["services"], json!([]));
        for (wrong, code) in [
            (json!({ "name": "" }), "organization.invalid_service_name"),
            (json!({ "name": "X", "scopes": ["admin"] }), "organization.unknown_scope"),
        ] {
            assert_eq!(refused(&again.modern(), "prepare_service", wrong).await, code);
        }
    }
}

on_both_engines! {
    async fn an_agent_reads_the_record_page_by_page(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &ada, "org:read", Some(acme.id)).await;
        let modern = agent.modern();
        done(&mut of_ada, &at("acme", "/update"), json!({ "name": "Acme Two" })).await;
        let (_, whole) = read(&mut of_ada, &at("acme", "/audit?type=act")).await;
        let whole: Vec<Value> = whole["entries"].as_array().expect("entries").iter().map(|entry| entry["id"].clone()).collect();
        let (mut paged, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = given(&modern, "read_record", json!({ "type": "act", "limit": 2, "before": before })).await;
            paged.extend(page["entries"].as_array().expect("entries").iter().map(|entry| entry["id"].clone()));
            before = page["next"].clone();
            if before.is_null() {
                break;
            }
        }
        assert_eq!(paged, whole);
        let by_bob = given(&modern, "read_record", json!({ "user": "bob@example.org" })).await;
        assert_eq!(by_bob["entries"], json!([]));
        let calls = given(&modern, "read_record", json!({ "tool": "read_record", "result": "done", "limit": 200 })).await;
        let entry = &calls["entries"][0];
        assert_eq!((&entry["action"], &entry["actor"], &entry["decision"]), (&json!("tool.call"), &json!(ada.id), &json!("allowed")));
        let wrong = modern.call("read_record", json!({ "since": "yesterday" })).await;
        assert_eq!(wrong.body["result"]["structuredContent"]["error"], "invalid_request", "{}", wrong.body);
    }
}
