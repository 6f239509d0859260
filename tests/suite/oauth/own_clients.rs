//! Applications of people and organizations: made, changed and deleted by whoever they belong to.

use std::time::Duration;

use belgie_api::OrgId;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::assert_refused;
use crate::on_both_engines;
use crate::organization::{at, done, join, known, owned_by, refused};
use crate::provider::{call, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Connected, Modern, Setup, TestGateway, Tokens, unescape};

pub const HTTPS: &str = "https://agent.example/callback";

pub fn by_people() -> Setup {
    Setup::default().config("[plugins.oauth-server]\nclient_creation = \"people\"")
}

pub fn wish(name: &str) -> Value {
    json!({ "client_name": name, "redirect_uris": [HTTPS], "confidential": true })
}

/// A client of somebody's: its id and its secret.
pub async fn made(browser: &mut Browser, wish: Value) -> (String, String) {
    let (status, said) = call(browser, "/auth/clients/create", wish).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&said["client"]["client_id"]), text(&said["client_secret"]))
}

async fn names(browser: &mut Browser, query: &str) -> Vec<String> {
    let (status, said) = read(browser, &format!("/auth/clients{query}")).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert!(!said.to_string().contains("blg_cs_"), "{said}");
    let clients = said["clients"].as_array().expect("a list");
    clients.iter().map(|client| client["client_name"].as_str().expect("a name").to_owned()).collect()
}

/// An agent that is this client connects to a person.
async fn connect(gateway: &TestGateway, id: &str, secret: &str, browser: &mut Browser) -> (Agent, Tokens) {
    let agent = Agent::known_as(gateway, id, HTTPS);
    let page = agent.consent(browser, "connections:read", "allow").await;
    let code = page.sent_parameter("code").expect("a code");
    let reply = agent.redeem_with(&code, "client_secret", Some(secret)).await;
    (agent, Tokens::of(&reply))
}

pub async fn operator(gateway: &TestGateway) -> Browser {
    gateway.person_with("root@example.org", "admin").await;
    let mut browser = gateway.browser();
    browser.sign_in("root@example.org", PASSWORD).await;
    browser
}

on_both_engines! {
    async fn a_person_makes_changes_rotates_and_deletes_their_own(gateway: TestGateway, setup = by_people()) {
        let (mut ada, mut eve) = (gateway.signed_in("ada@example.org").await, gateway.signed_in("eve@example.org").await);
        let (id, secret) = made(&mut ada, wish("Release notes")).await;
        assert_eq!(names(&mut ada, "").await, ["Release notes"]);
        assert!(names(&mut eve, "").await.is_empty());
        let (agent, tokens) = connect(&gateway, &id, &secret, &mut eve).await;
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);

        // To everybody else it is as unknown as one that is nowhere.
        for known in [&id, "cli_nowhere"] {
            for (path, body) in [
                ("/auth/clients/update", json!({ "client_id": known, "client_name": "Mine now" })),
                ("/auth/clients/rotate-secret", json!({ "client_id": known })),
                ("/auth/clients/delete", json!({ "client_id": known })),
                ("/auth/clients/trust", json!({ "client_id": known, "trusted": true })),
            ] {
                assert_eq!(refused(&mut eve, path, body).await, (StatusCode::NOT_FOUND, "client.unknown".to_owned()), "{path}");
            }
        }
        let changed = done(&mut ada, "/auth/clients/update", json!({ "client_id": id, "client_name": "Change log" })).await;
        assert_eq!((&changed["client"]["client_name"], &changed["client"]["redirect_uris"]), (&json!("Change log"), &json!([HTTPS])));
        let said = done(&mut ada, "/auth/clients/rotate-secret", json!({ "client_id": id, "overlap_seconds": 60 })).await;
        let newer = said["client_secret"].as_str().expect("a secret");
        for good in [newer, &secret] {
            let again = agent.refresh_with(&tokens.refresh, &[("client_secret", good)]).await;
            assert_eq!(again.status, StatusCode::OK, "{}", again.body);
        }
        gateway.clock.advance(Duration::from_secs(61));
        let stale = agent.refresh_with(&tokens.refresh, &[("client_secret", &secret)]).await;
        assert_refused(&stale, StatusCode::UNAUTHORIZED, "invalid_client");

        let gone = done(&mut ada, "/auth/clients/delete", json!({ "client_id": id })).await;
        assert_eq!(gone["grants_ended"], 1);
        assert!(names(&mut ada, "").await.is_empty());
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
        let acts = gateway.gateway.identity().acts(None, 100).await.expect("the record");
        for action in ["client.created", "client.changed", "client.secret_rotated", "client.deleted"] {
            assert!(acts.iter().any(|act| act.action == action && act.ip.is_some()), "{action} is on record");
        }
    }
}

on_both_engines! {
    async fn what_is_wished_is_held_to_the_rules_of_a_registration(gateway: TestGateway, setup = by_people()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let with = |key: &str, value: Value| {
            let mut body = wish("Release notes");
            body[key] = value;
            body
        };
        for (body, code) in [
            (with("client_name", json!(" \u{202e}")), "client.no_name"),
            (with("redirect_uris", json!(["http://evil.example/cb"])), "invalid_redirect_uri"),
            (with("redirect_uris", json!([])), "invalid_redirect_uri"),
            (with("client_uri", json!("javascript:alert(1)")), "client.bad_site"),
            (with("scope", json!("nosuch:scope")), "token.unknown_scope"),
            (with("trusted", json!(true)), "invalid_request"),
            (with("organization", json!("org_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b")), "client.not_yours"),
        ] {
            let (status, said) = call(&mut ada, "/auth/clients/create", body.clone()).await;
            assert!(status.is_client_error() && said["error"] == code, "{body}: {said}");
        }
        assert!(names(&mut ada, "").await.is_empty());
        for n in 0..50 {
            made(&mut ada, wish(&n.to_string())).await;
        }
        assert_eq!(refused(&mut ada, "/auth/clients/create", wish("One more")).await.1, "client.too_many");
    }
}

on_both_engines! {
    async fn who_may_make_clients_the_settings_say(gateway: TestGateway) {
        let (mut ada, mut root) = (gateway.signed_in("ada@example.org").await, operator(&gateway).await);
        let no = (StatusCode::FORBIDDEN, "client.not_allowed".to_owned());
        assert_eq!(refused(&mut ada, "/auth/clients/create", wish("Release notes")).await, no);
        made(&mut root, wish("Release notes")).await;
        let page = ada.get("/account/clients/new").await;
        assert!(unescape(&page.body).contains("You may not make applications here"), "{}", page.body);
        assert!(!ada.get("/account/clients").await.body.contains("New application"));
        // Agents are no operators, so there is nothing for them to call.
        let person = gateway.person_with("two@example.org", "admin").await;
        let agent = Connected::of(&gateway, &person, "clients:read clients:write admin", None).await;
        let listed = agent.modern().send("tools/list", json!({})).await;
        assert!(listed.tool_names().contains(&"update_client") && !listed.tool_names().contains(&"create_client"));
    }
}

on_both_engines! {
    async fn where_nobody_makes_clients_not_even_operators_do(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.oauth-server]\nclient_creation = \"nobody\"")
    ) {
        let mut root = operator(&gateway).await;
        assert_eq!(refused(&mut root, "/auth/clients/create", wish("Release notes")).await.1, "client.not_allowed");
    }
}

on_both_engines! {
    async fn every_change_asks_for_a_fresh_session(gateway: TestGateway, setup = by_people()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (id, _) = made(&mut ada, wish("Release notes")).await;
        gateway.clock.advance(Duration::from_secs(3600));
        for (path, body) in [
            ("/auth/clients/create", wish("Another")),
            ("/auth/clients/update", json!({ "client_id": id, "client_name": "Another" })),
            ("/auth/clients/rotate-secret", json!({ "client_id": id })),
            ("/auth/clients/delete", json!({ "client_id": id })),
            ("/auth/clients/trust", json!({ "client_id": id, "trusted": true })),
        ] {
            assert_eq!(refused(&mut ada, path, body).await.1, "session.not_fresh", "{path}");
        }
        for path in ["/account/clients/new", &format!("/account/clients/{id}"), &format!("/account/clients/{id}/secret"), &format!("/account/clients/{id}/delete")] {
            let page = ada.get(path).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}: {}", page.body);
            assert!(page.location().starts_with("/auth/confirm?"), "{path}: {}", page.location());
        }
        assert_eq!(names(&mut ada, "").await, ["Release notes"]);
    }
}

on_both_engines! {
    async fn an_organizations_clients_are_of_those_who_may_manage_them_and_go_with_it(
        gateway: TestGateway,
        setup = by_people()
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (cat, mut of_cat) = known(&gateway, "cat@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        join(&gateway, acme.id, cat.id, "member").await;
        let of_acme = |name: &str| {
            let mut body = wish(name);
            body["organization"] = json!(acme.id);
            body
        };
        let (id, secret) = made(&mut of_bob, of_acme("Acme notes")).await;
        let query = format!("?organization={}", acme.id);
        for browser in [&mut of_ada, &mut of_bob] {
            assert_eq!(names(browser, &query).await, ["Acme notes"]);
            assert!(names(browser, "").await.is_empty(), "it is nobody's own");
        }
        for browser in [&mut of_cat, &mut of_eve] {
            let (status, said) = read(browser, &format!("/auth/clients{query}")).await;
            assert_eq!((status, &said["error"]), (StatusCode::NOT_FOUND, &json!("client.not_yours")));
            assert_eq!(refused(browser, "/auth/clients/create", of_acme("Mine")).await.1, "client.not_yours");
            assert_eq!(refused(browser, "/auth/clients/delete", json!({ "client_id": id })).await.1, "client.unknown");
            assert_eq!(browser.get(&format!("/account/clients/{id}")).await.status, StatusCode::NOT_FOUND);
        }
        assert!(unescape(&of_ada.get("/organizations/acme").await.body).contains(&format!("href=\"/account/clients{query}\"")));
        assert!(!of_cat.get("/organizations/acme").await.body.contains("/account/clients"));
        assert!(unescape(&of_ada.get(&format!("/account/clients{query}")).await.body).contains("The acme"));
        assert!(unescape(&of_bob.get("/account/clients").await.body).contains(&format!("/account/clients{query}")));

        // Whoever made it has no more of it once they are not there.
        let (agent, tokens) = connect(&gateway, &id, &secret, &mut of_eve).await;
        done(&mut of_bob, &at("acme", "/leave"), json!({})).await;
        assert_eq!(refused(&mut of_bob, "/auth/clients/delete", json!({ "client_id": id })).await.1, "client.unknown");
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        done(&mut of_ada, &at("acme", "/delete"), json!({})).await;
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
        let gone = agent.refresh_with(&tokens.refresh, &[("client_secret", &secret)]).await;
        assert_refused(&gone, StatusCode::UNAUTHORIZED, "invalid_client");
    }
}

on_both_engines! {
    async fn a_persons_clients_go_with_them(gateway: TestGateway, setup = by_people().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let mut eve = gateway.at_home("eve@example.org").await;
        let (id, secret) = made(&mut ada, wish("Release notes")).await;
        let export: Value = serde_json::from_str(&ada.get("/account/export").await.body).expect("JSON");
        assert_eq!(export["data"]["oauth-server"]["clients"][0]["client_id"], json!(id));
        let (agent, tokens) = connect(&gateway, &id, &secret, &mut eve).await;
        ada.fill("/account/delete", "/account/delete", &[("email", "ada@example.org")]).await;
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
    }
}

on_both_engines! {
    async fn operators_see_and_change_all_and_nobody_else_does(gateway: TestGateway, setup = by_people()) {
        let (mut ada, mut root) = (gateway.signed_in("ada@example.org").await, operator(&gateway).await);
        let (id, _) = made(&mut ada, wish("Release notes")).await;
        Agent::register(&gateway).await;
        assert_eq!(names(&mut root, "?all=true").await.len(), 2);
        assert!(root.get("/account/clients?all=true").await.body.contains("Release notes"));
        let (status, said) = read(&mut ada, "/auth/clients?all=true").await;
        assert_eq!((status, &said["error"]), (StatusCode::NOT_FOUND, &json!("client.not_yours")));
        assert_eq!(ada.get("/account/clients?all=true").await.status, StatusCode::NOT_FOUND);
        assert_eq!(ada.get(&format!("/account/clients/{id}/trust")).await.status, StatusCode::NOT_FOUND);
        done(&mut root, "/auth/clients/update", json!({ "client_id": id, "client_name": "Renamed" })).await;
        assert_eq!(names(&mut ada, "").await, ["Renamed"]);
        // An operator's agent is none.
        let person = gateway.person_with("two@example.org", "admin").await;
        let agent = Connected::of(&gateway, &person, "clients:read clients:write admin", None).await;
        let reply = agent.modern().call("delete_client", json!({ "client_id": id })).await;
        assert_eq!(reply.body["result"]["structuredContent"]["error"], "client.unknown", "{}", reply.body);
        // Nor is whoever was one.
        let (went_well, said) = gateway.configured_program(&["user", "set-scopes", "--email", "root@example.org", "--scope", ""]).await;
        assert!(went_well, "{said}");
        assert_eq!(refused(&mut root, "/auth/clients/delete", json!({ "client_id": id })).await.1, "client.unknown");
        done(&mut ada, "/auth/clients/delete", json!({ "client_id": id })).await;
    }
}

on_both_engines! {
    async fn the_pages_make_change_and_delete_and_show_a_secret_once(gateway: TestGateway, setup = by_people()) {
        let (mut ada, mut eve) = (gateway.signed_in("ada@example.org").await, gateway.signed_in("eve@example.org").await);
        assert!(ada.get("/account").await.body.contains("href=\"/account/clients\""));
        let form = ada.get("/account/clients/new").await.form("/account/clients/new");
        let fill = |uris: &'static str| [("name", "Release <notes>"), ("redirect_uris", uris), ("kind", "confidential")];
        let wrong = ada.submit(&form, &fill("http://evil.example/cb")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let said = unescape(&wrong.body);
        assert!(said.contains("use https") && said.contains("http://evil.example/cb</textarea>"), "{said}");
        let page = ada.submit(&form, &fill("https://agent.example/callback\r\n http://localhost/cb \r\n")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        assert!(page.body.contains("blg_cs_") && !page.body.contains("<notes>"), "{}", page.body);
        let list = ada.get("/account/clients").await;
        assert!(!list.body.contains("blg_cs_") && unescape(&list.body).contains("http://localhost/cb"), "{}", list.body);
        let (_, said) = read(&mut ada, "/auth/clients").await;
        let id = said["clients"][0]["client_id"].as_str().expect("an id").to_owned();

        let path = format!("/account/clients/{id}");
        let form = ada.get(&path).await.form(&path);
        let saved = ada.submit(&form, &[("name", "Change log"), ("redirect_uris", HTTPS)]).await;
        assert_eq!((saved.status, saved.location().as_str()), (StatusCode::SEE_OTHER, "/account/clients"));
        let secret = format!("{path}/secret");
        let form = ada.get(&secret).await.form(&secret);
        let page = ada.submit(&form, &[("overlap", "3600")]).await;
        assert!(page.body.contains("blg_cs_") && page.body.contains("The secret before it goes on until"), "{}", page.body);
        for path in [&path, &secret, &format!("{path}/delete"), &format!("{path}/trust")] {
            assert_eq!(eve.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        let delete = format!("{path}/delete");
        let form = ada.get(&delete).await.form(&delete);
        assert_eq!(ada.submit(&form, &[]).await.status, StatusCode::SEE_OTHER);
        assert!(ada.get("/account/clients").await.body.contains("There is no application yet"));
        let forged = ada.post("/account/clients/new", &[("name", "Forged"), ("redirect_uris", HTTPS)]).await;
        assert!(forged.status.is_client_error() && names(&mut ada, "").await.is_empty(), "{}", forged.body);
    }
}

async fn given(modern: &Modern<'_>, tool: &str, arguments: Value) -> Value {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.status, StatusCode::OK, "{tool}: {}", reply.body);
    assert_ne!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    assert!(!reply.body.to_string().contains("blg_cs_"), "a secret: {}", reply.body);
    reply.body["result"]["structuredContent"].clone()
}

async fn code_of(modern: &Modern<'_>, tool: &str, arguments: Value) -> String {
    let reply = modern.call(tool, arguments).await;
    assert_eq!(reply.body["result"]["isError"], true, "{tool}: {}", reply.body);
    reply.body["result"]["structuredContent"]["error"].as_str().unwrap_or_default().to_owned()
}

on_both_engines! {
    async fn agents_make_change_and_delete_what_belongs_to_whom_they_act_for_and_see_no_secret(
        gateway: TestGateway,
        setup = by_people()
    ) {
        const SCOPES: &str = "clients:read clients:write";
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let as_agent = async |person, organization: Option<OrgId>| Connected::of(&gateway, person, SCOPES, organization).await;
        let (alone, there, plain) =
            (as_agent(&ada, None).await, as_agent(&ada, Some(acme.id)).await, as_agent(&bob, Some(acme.id)).await);
        let new = json!({ "name": "Nightly", "redirect_uris": [HTTPS], "confidential": true });
        let own = given(&alone.modern(), "create_client", new.clone()).await;
        let id = own["client_id"].as_str().expect("an id");
        assert_eq!(own["secret_page"], json!(gateway.at(&format!("/account/clients/{id}/secret"))));
        let of_acme = given(&there.modern(), "create_client", new.clone()).await;
        let theirs = of_acme["client_id"].as_str().expect("an id");
        for (agent, seen) in [(&alone, id), (&there, theirs)] {
            let listed = given(&agent.modern(), "list_my_clients", json!({})).await;
            let ids: Vec<_> = listed["clients"].as_array().expect("a list").iter().map(|one| &one["client_id"]).collect();
            assert_eq!(ids, [&json!(seen)]);
        }
        // Nobody reaches what is not of whom they act for.
        for (agent, other) in [(&alone, theirs), (&there, id), (&alone, "cli_nowhere")] {
            for tool in ["update_client", "delete_client"] {
                assert_eq!(code_of(&agent.modern(), tool, json!({ "client_id": other })).await, "client.unknown", "{tool}");
            }
        }
        // For whoever may not manage those of the organization they act for there are no such tools.
        for tool in ["list_my_clients", "create_client", "update_client", "delete_client"] {
            let reply = plain.modern().call(tool, json!({ "client_id": theirs })).await;
            assert_eq!(reply.body["error"]["message"], format!("Unknown tool: {tool}"), "{}", reply.body);
        }
        let bad = json!({ "name": "Nightly", "redirect_uris": ["http://evil.example"] });
        assert_eq!(code_of(&alone.modern(), "create_client", bad).await, "invalid_redirect_uri");

        let change = json!({ "client_id": id, "name": "Daily", "redirect_uris": ["http://localhost/cb"] });
        let changed = given(&alone.modern(), "update_client", change).await;
        assert_eq!((&changed["client_name"], &changed["redirect_uris"]), (&json!("Daily"), &json!(["http://localhost/cb"])));
        assert_eq!(given(&alone.modern(), "delete_client", json!({ "client_id": id })).await["connections_ended"], 0);
        assert_eq!(given(&alone.modern(), "list_my_clients", json!({})).await["clients"], json!([]));
        // Reading alone changes nothing.
        let reader = Connected::of(&gateway, &ada, "clients:read", None).await;
        assert_eq!(reader.modern().call("create_client", new).await.status, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn what_is_public_of_a_client_is_told_to_who_is_signed_in(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let path = format!("/auth/clients/public?client_id={}", agent.client_id);
        let (status, said) = read(&mut ada, &path).await;
        assert_eq!((status, &said["client_name"]), (StatusCode::OK, &json!("Suite agent")));
        let members: Vec<&String> = said.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["client_host", "client_id", "client_name", "client_uri"]);
        assert_eq!(read(&mut ada, "/auth/clients/public?client_id=cli_nobody").await.0, StatusCode::NOT_FOUND);
        assert_eq!(read(&mut gateway.browser(), &path).await.0, StatusCode::UNAUTHORIZED);
    }
}
