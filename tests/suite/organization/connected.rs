//! The agents that act for members in an organization: who sees them, who cuts them off, and what nobody there learns.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{at, done, join, known, organizations, owned_by, read, refused};
use crate::on_both_engines;
use crate::support::{Browser, Connected, EventStream, Modern, TestGateway, unescape};

pub async fn agents_of(browser: &mut Browser, organization: &str) -> Vec<Value> {
    let (status, said) = read(browser, &at(organization, "/agents")).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    said["agents"].as_array().cloned().expect("a list")
}

fn id(agent: &Value) -> &str {
    agent["id"].as_str().expect("an id")
}

on_both_engines! {
    async fn whoever_runs_an_organization_sees_what_acts_in_it_and_cuts_it_off_at_once(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &bob, "org:read connections:read", Some(acme.id)).await;
        let other = Connected::of(&gateway, &bob, "org:read", Some(acme.id)).await;
        agent.is_let_in().await;
        let listed = agents_of(&mut of_ada, "acme").await;
        assert_eq!(listed.len(), 2, "{listed:?}");
        let one = listed.iter().find(|one| one["scopes"].as_array().is_some_and(|all| all.len() == 2)).expect("it");
        assert_eq!(one["client_name"], "Suite agent");
        assert_eq!((&one["email"], &one["is_token"]), (&json!("bob@example.org"), &json!(false)));
        assert_eq!((&one["scopes"], &one["teams"]), (&json!(["connections:read", "org:read"]), &json!(null)));
        assert!(one["created_at"].is_string() && one["last_used_at"].is_string(), "{one}");

        let listen = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(agent.modern().request("subscriptions/listen", listen)).await;
        stream.next().await.expect("an acknowledgement");
        let session = agent.session().await;
        done(&mut of_ada, &at("acme", "/agents/disconnect"), json!({ "agent": id(one) })).await;
        agent.is_refused().await;
        stream.rest().await;
        assert_eq!(session.send("tools/list", json!({})).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(agent.agent.refresh(&agent.tokens.refresh).await.body["error"], "invalid_grant");
        assert!(!agent.browser.clone().get("/account").await.body.contains(id(one)), "nor is it on the account page");
        other.is_let_in().await;
        assert_eq!(agents_of(&mut of_ada, "acme").await.len(), 1);
        let again = refused(&mut of_ada, &at("acme", "/agents/disconnect"), json!({ "agent": id(one) })).await;
        assert_eq!(again, (StatusCode::NOT_FOUND, "organization.unknown_agent".to_owned()));
        let acts = gateway.gateway.identity().acts(Some(ada.id), 20).await.expect("the record");
        let cut = acts.iter().find(|act| act.action == "organization.agent_cut").expect("it is on record");
        assert_eq!((&cut.details["agent"], &cut.details["user"]), (&json!(id(one)), &json!(bob.id)));
    }
}

on_both_engines! {
    async fn nobody_sees_or_cuts_what_acts_elsewhere(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, eve.id, "rose").await;
        for organization in [acme.id, rose.id] {
            join(&gateway, organization, bob.id, "member").await;
        }
        let in_acme = Connected::of(&gateway, &bob, "", Some(acme.id)).await;
        let in_rose = Connected::of(&gateway, &bob, "", Some(rose.id)).await;
        let alone = Connected::of(&gateway, &bob, "", None).await;
        let of_acme = agents_of(&mut of_ada, "acme").await;
        let of_rose = agents_of(&mut of_eve, "rose").await;
        assert_eq!((of_acme.len(), of_rose.len()), (1, 1), "what acts for the person alone is nobody's business");
        assert_ne!(id(&of_acme[0]), id(&of_rose[0]));
        let personal = alone.modern().call("list_my_connections", json!({})).await;
        let personal = personal.body["result"]["structuredContent"]["connections"].as_array().cloned().expect("a list");
        let own = personal.iter().find(|one| one["is_this_one"] == true).expect("its own");
        let absent = "grt_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b";
        for wrong in [id(&of_rose[0]), own["id"].as_str().expect("an id"), absent, "grt_1", ""] {
            let body = json!({ "agent": wrong });
            let answer = refused(&mut of_ada, &at("acme", "/agents/disconnect"), body.clone()).await;
            assert_eq!(answer, (StatusCode::NOT_FOUND, "organization.unknown_agent".to_owned()), "{wrong}");
            // Nor by way of an organization one is not in.
            let outside = refused(&mut of_ada, &at("rose", "/agents/disconnect"), body).await;
            assert_eq!(outside, (StatusCode::NOT_FOUND, "organization.unknown".to_owned()), "{wrong}");
        }
        for path in [at("rose", "/agents"), at("rose", "/services"), at("nowhere", "/agents")] {
            let (status, said) = read(&mut of_ada, &path).await;
            assert_eq!((status, said["error"].as_str()), (StatusCode::NOT_FOUND, Some("organization.unknown")), "{path}");
        }
        for agent in [&in_acme, &in_rose, &alone] {
            agent.is_let_in().await;
        }
        // Whoever has left is shown nothing of, and shows nothing.
        organizations(&gateway).remove_member(&super::Actor::host(), acme.id, bob.id).await.expect("removed");
        assert_eq!(agents_of(&mut of_ada, "acme").await, Vec::<Value>::new());
    }
}

/// What an agent is told of its person's agents and tokens: where they act.
async fn shown_to(agent: &Connected) -> Vec<Value> {
    let reply = agent.modern().call("list_my_connections", json!({})).await;
    let list = reply.body["result"]["structuredContent"]["connections"].as_array().cloned();
    let list = list.unwrap_or_else(|| panic!("a list: {}", reply.body));
    assert_eq!(list.iter().filter(|one| one["is_this_one"] == true).count(), 1, "itself among them: {list:?}");
    list.into_iter().map(|one| one["resources"].clone()).collect()
}

on_both_engines! {
    async fn an_agent_learns_of_no_organization_but_its_own_from_what_else_its_person_connected(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let mut bound = Vec::new();
        for slug in ["acme", "rose"] {
            let id = owned_by(&gateway, ada.id, slug).await.id;
            bound.push(Connected::of(&gateway, &ada, "", Some(id)).await);
            let name = format!("{slug} script");
            let wish = json!({ "name": name, "scope": "connections:read", "ttl_seconds": 600, "organization": id });
            done(&mut of_ada, "/auth/tokens/create", wish).await;
        }
        let alone = Connected::of(&gateway, &ada, "", None).await;
        for agent in [&bound[0], &bound[1]] {
            assert_eq!(shown_to(agent).await.len(), 2, "of each organization two");
        }
        assert_eq!(shown_to(&alone).await.len(), 1, "for the person alone only this one");
        let reply = bound[0].modern().call("list_my_connections", json!({})).await;
        assert!(!reply.body.to_string().contains("rose"), "{}", reply.body);
        assert!(of_ada.get("/account").await.body.contains("rose script"), "the person sees all of them");
    }
}

on_both_engines! {
    async fn seeing_and_cutting_take_a_role_and_nobody_cuts_above_their_own(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        join(&gateway, acme.id, eve.id, "member").await;
        let of_owner = Connected::of(&gateway, &ada, "", Some(acme.id)).await;
        let of_admin = Connected::of(&gateway, &bob, "org:read org:manage", Some(acme.id)).await;
        let of_member = Connected::of(&gateway, &eve, "org:read org:manage", Some(acme.id)).await;
        let (status, said) = read(&mut of_eve, &at("acme", "/agents")).await;
        assert_eq!((status, said["error"].as_str()), (StatusCode::FORBIDDEN, Some("organization.forbidden")));
        let all = agents_of(&mut of_bob, "acme").await;
        let by = |email: &str| all.iter().find(|one| one["email"] == email).map(id).expect("an agent").to_owned();
        let cut = at("acme", "/agents/disconnect");
        for email in ["ada@example.org", "bob@example.org"] {
            let answer = refused(&mut of_eve, &cut, json!({ "agent": by(email) })).await;
            assert_eq!(answer.0, StatusCode::FORBIDDEN);
        }
        let above = refused(&mut of_bob, &cut, json!({ "agent": by("ada@example.org") })).await;
        assert_eq!(above, (StatusCode::FORBIDDEN, "organization.owners_only".to_owned()));
        of_owner.is_let_in().await;

        // An agent of an administrator sees and cuts, too, with the scopes for it; one of a member does not.
        let member = of_member.modern().call("list_agents", json!({})).await;
        assert!(member.body["error"]["message"].to_string().contains("Unknown tool"), "{}", member.body);
        let listed = of_admin.modern().call("list_agents", json!({})).await;
        let listed = listed.body["result"]["structuredContent"]["agents"].as_array().cloned().expect("a list");
        assert_eq!(listed.len(), 3);
        let owners = of_admin.modern().call("disconnect_agent", json!({ "agent": by("ada@example.org") })).await;
        assert_eq!(owners.body["result"]["structuredContent"]["error"], "organization.not_by_agents");
        let gone = of_admin.modern().call("disconnect_agent", json!({ "agent": by("eve@example.org") })).await;
        assert_eq!(gone.body["result"]["structuredContent"]["done"], true, "{}", gone.body);
        of_member.is_refused().await;
        done(&mut of_ada, &cut, json!({ "agent": by("bob@example.org") })).await;
        of_admin.is_refused().await;
    }
}

on_both_engines! {
    async fn the_page_shows_them_and_its_button_cuts_them_off(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &bob, "org:read", Some(acme.id)).await;
        let home = of_ada.get("/organizations/acme").await;
        assert!(unescape(&home.body).contains("href=\"/organizations/acme/agents\""), "{}", home.body);
        let of_member = of_bob.get("/organizations/acme").await;
        assert!(!unescape(&of_member.body).contains("/organizations/acme/agents"), "{}", of_member.body);
        assert_eq!(of_bob.get("/organizations/acme/agents").await.status, StatusCode::FORBIDDEN);
        let page = of_ada.get("/organizations/acme/agents").await;
        for words in ["Suite agent", "bob@example.org", "org:read", "Never used", "Cut off"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let form = page.form("/organizations/acme/agents");
        let forged = of_bob.post("/organizations/acme/agents", &[("agent", &form.value("agent"))]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        agent.is_let_in().await;
        let answer = of_ada.submit(&form, &[]).await;
        assert_eq!(answer.location(), "/organizations/acme/agents?done=agent-cut");
        agent.is_refused().await;
        let after = of_ada.get(&answer.location()).await.body;
        assert!(after.contains("The agent is cut off") && after.contains("No agent acts for anybody here"), "{after}");
        let stale = of_ada.submit(&form, &[]).await;
        assert_eq!(stale.status, StatusCode::NOT_FOUND);
    }
}

pub async fn belgie(gateway: &TestGateway, arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--json").stdin(Stdio::null()).arg("--config").arg(gateway.config_file());
    let output = command.output().await.expect("the program runs");
    (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

on_both_engines! {
    async fn the_operator_sees_and_cuts_them_at_the_command_line(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let agent = Connected::of(&gateway, &ada, "org:read", Some(acme.id)).await;
        let (ok, said) = belgie(&gateway, &["org", "agents", "acme"]).await;
        assert!(ok && said["agents"].as_array().is_some_and(|all| all.len() == 1), "{said}");
        let which = id(&said["agents"][0]).to_owned();
        let (ok, elsewhere) = belgie(&gateway, &["org", "cut-agent", "rose", &which]).await;
        assert!(!ok && elsewhere["error"] == "organization.unknown_agent", "{elsewhere}");
        let (ok, said) = belgie(&gateway, &["org", "cut-agent", "acme", &which]).await;
        assert!(ok && said["disconnected"] == true, "{said}");
        // The running gateway hears of it from the other process.
        let url = gateway.mcp_url();
        let refused = async || {
            let modern = Modern { client: &agent.agent.client, url: &url, token: Some(&agent.tokens.access) };
            modern.call("echo", json!({ "text": "x" })).await.status == StatusCode::UNAUTHORIZED
        };
        tokio::time::timeout(crate::support::PATIENCE, async { while !refused().await {} }).await.expect("in time");
        let (ok, said) = belgie(&gateway, &["org", "agents", "acme"]).await;
        assert!(ok && said["agents"] == json!([]), "{said}");
    }
}
