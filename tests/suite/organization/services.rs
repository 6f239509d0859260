//! Services of organizations: tokens with no person behind them.

use std::process::Stdio;
use std::time::Duration;

use belgie_api::{ToolSet, access, tool};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Actor, at, done, join, known, organizations, owned_by, read, refused};
use crate::on_both_engines;
use crate::support::{Browser, EventStream, Modern, Reply, Setup, TestGateway, unescape};

/// A program of an organization.
struct Program {
    client: Client,
    url: String,
    token: String,
    id: String,
}

impl Program {
    async fn made(gateway: &TestGateway, browser: &mut Browser, organization: &str, body: Value) -> Self {
        let said = done(browser, &at(organization, "/services/create"), body).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            client: Client::new(),
            url: gateway.mcp_url(),
            token: text(&said["token"]),
            id: text(&said["service"]["id"]),
        }
    }

    fn modern(&self) -> Modern<'_> {
        Modern { client: &self.client, url: &self.url, token: Some(&self.token) }
    }

    async fn whoami(&self) -> Reply {
        self.modern().call("whoami", json!({})).await
    }

    async fn is_refused(&self) {
        let reply = self.whoami().await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{:?}", reply.body);
    }
}

fn wish(name: &str, role: &str, scope: &str) -> Value {
    json!({ "name": name, "role": role, "scope": scope, "ttl_seconds": 3600 })
}

on_both_engines! {
    async fn a_service_acts_for_its_organization_with_nobody_behind_it(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let program = Program::made(&gateway, &mut of_ada, "acme", wish("Nightly", "admin", "org:read")).await;
        assert!(program.token.starts_with("blg_svc_"), "a kind of its own");
        for _ in 0..2 {
            let seen = program.whoami().await.body["result"]["structuredContent"].clone();
            assert_eq!((&seen["organization"]["id"], &seen["organization"]["roles"]), (&json!(acme.id), &json!(["admin"])));
            assert_eq!((&seen["service"]["id"], &seen["service"]["name"]), (&json!(program.id), &json!("Nightly")));
            assert_eq!((&seen["user"]["email"], &seen["scopes"]), (&json!(""), &json!(["org:read"])));
            assert_eq!((&seen["client"]["id"], &seen["grant"]), (&json!(program.id), &Value::Null));
            assert_ne!(seen["user"]["id"], json!(ada.id), "not whoever made it");
        }
        // What it may see it sees, and what a person answers for it does not do.
        let members = program.modern().call("list_members", json!({})).await;
        assert_eq!(members.body["result"]["structuredContent"]["members"][0]["email"], "ada@example.org", "{}", members.body);
        let own = program.modern().call("list_my_organizations", json!({})).await;
        let expected = json!([{ "id": acme.id, "slug": "acme", "name": "The acme", "roles": ["admin"], "joined_at": null }]);
        assert_eq!(own.body["result"]["structuredContent"]["organizations"], expected, "{}", own.body);
        let elsewhere = program.modern().call("list_members", json!({ "organization": "rose" })).await;
        assert_eq!(elsewhere.body["result"]["structuredContent"]["error"], "organization.unknown");
        let manager = Program::made(&gateway, &mut of_ada, "acme", wish("Manager", "admin", "org:read org:manage")).await;
        let listed = manager.modern().send("tools/list", json!({})).await;
        assert!(listed.tool_names().contains(&"list_members") && !listed.tool_names().contains(&"invite_member"));
        let invited = manager.modern().call("invite_member", json!({ "email": "new@example.org" })).await;
        assert_eq!(invited.body["error"]["message"], "Unknown tool: invite_member", "{}", invited.body);
        // It reaches both endpoints of its organization, and no other.
        let at = |path: &str| Program { client: Client::new(), url: gateway.at(path), token: program.token.clone(), id: String::new() };
        assert_eq!(at("/o/acme/mcp").whoami().await.status, StatusCode::OK);
        at("/o/rose/mcp").is_refused().await;
        let spoiled = Program { token: program.token.replace("blg_svc_", "blg_pat_"), ..at("/mcp") };
        spoiled.is_refused().await;
    }
}

on_both_engines! {
    async fn rules_see_what_a_service_is(
        gateway: TestGateway,
        setup = Setup::default()
            .config("[[access]]\ntools = ['people']\nwhen = \"caller.service.id == ''\"\n\n[[access]]\ntools = ['admins']\nroles = ['admin']\n")
            .build(|builder| {
                async fn ran() -> String {
                    "ran".to_owned()
                }
                let set = ["people", "admins", "anybody"].into_iter();
                builder.tools(set.fold(ToolSet::new(()), |set, name| set.tool(tool(name, "Runs"), access(), ran)))
            })
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let plain = Program::made(&gateway, &mut of_ada, "acme", wish("Plain", "member", "")).await;
        let admin = Program::made(&gateway, &mut of_ada, "acme", wish("Admin", "admin", "")).await;
        for (program, name, runs) in
            [(&plain, "people", false), (&plain, "admins", false), (&plain, "anybody", true), (&admin, "admins", true)]
        {
            let reply = program.modern().call(name, json!({})).await;
            assert_eq!(reply.text() == "ran", runs, "{name}: {}", reply.body);
            let list = program.modern().send("tools/list", json!({})).await;
            assert_eq!(list.tool_names().contains(&name), runs, "{name}");
        }
        let connections = plain.modern().call("list_my_connections", json!({})).await;
        assert_eq!(connections.status, StatusCode::FORBIDDEN, "without the scope");
    }
}

on_both_engines! {
    async fn a_service_ends_at_once_by_hand_by_its_date_and_with_its_organization(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let first = Program::made(&gateway, &mut of_ada, "acme", wish("First", "member", "")).await;
        let second = Program::made(&gateway, &mut of_ada, "acme", wish("Second", "member", "")).await;
        let listen = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(first.modern().request("subscriptions/listen", listen.clone())).await;
        stream.next().await.expect("an acknowledgement");
        done(&mut of_ada, &at("acme", "/services/revoke"), json!({ "service": first.id })).await;
        first.is_refused().await;
        stream.rest().await;
        assert_eq!(second.whoami().await.status, StatusCode::OK);
        let (_, listed) = read(&mut of_ada, &at("acme", "/services")).await;
        let listed = listed["services"].as_array().cloned().expect("a list");
        assert_eq!(listed.len(), 1);
        assert_eq!((&listed[0]["name"], &listed[0]["roles"]), (&json!("Second"), &json!(["member"])));
        assert!(listed[0]["last_used_at"].is_string() && !listed[0].to_string().contains("blg_svc_"), "{listed:?}");
        let again = refused(&mut of_ada, &at("acme", "/services/revoke"), json!({ "service": first.id })).await;
        assert_eq!(again, (StatusCode::NOT_FOUND, "organization.unknown_service".to_owned()));

        let short = Program::made(&gateway, &mut of_ada, "acme", json!({ "name": "Short", "ttl_seconds": 60 })).await;
        assert_eq!(short.whoami().await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(61));
        short.is_refused().await;

        let mut stream = EventStream::open(second.modern().request("subscriptions/listen", listen)).await;
        stream.next().await.expect("an acknowledgement");
        organizations(&gateway).delete(&Actor::host(), acme.id).await.expect("deleted");
        second.is_refused().await;
        stream.rest().await;
    }
}

on_both_engines! {
    async fn nobody_gives_a_service_more_than_they_have(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, eve.id, "member").await;
        let role = json!({ "name": "maker", "permissions": ["token:create", "token:read", "token:revoke", "member:read"] });
        done(&mut of_ada, &at("acme", "/roles/create"), role).await;
        join(&gateway, acme.id, bob.id, "maker").await;
        let create = at("acme", "/services/create");
        let (status, _) = refused(&mut of_eve, &create, wish("Mine", "member", "")).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "a member makes none");
        for (body, code) in [
            (wish("Own", "owner", ""), "organization.owners_are_people"),
            (wish("Own", "admin", ""), "organization.beyond_you"),
            (wish("Own", "nosuch", ""), "organization.unknown_role"),
            (wish("Own", "member", "admin"), "organization.unknown_scope"),
            (wish("Own", "member", "nosuch:scope"), "organization.unknown_scope"),
            (wish("Own", "member", "\""), "organization.malformed_scope"),
            (wish("", "member", ""), "organization.invalid_service_name"),
            (wish("turned \u{202e} round", "member", ""), "organization.invalid_service_name"),
            (json!({ "name": "Own", "ttl_seconds": 0 }), "organization.invalid_lifetime"),
            (json!({ "name": "Own", "ttl_seconds": 366 * 24 * 3600 }), "organization.invalid_lifetime"),
            (json!({ "name": "Own", "ttl_seconds": u64::MAX }), "organization.invalid_lifetime"),
        ] {
            let (_, said) = refused(&mut of_bob, &create, body.clone()).await;
            assert_eq!(said, code, "{body}");
        }
        let own = Program::made(&gateway, &mut of_bob, "acme", wish("Own", "maker", "")).await;
        // Its role cannot go while it has it, and what a role allows it allows at once.
        let roles = at("acme", "/roles/delete");
        organizations(&gateway).remove_member(&Actor::host(), acme.id, bob.id).await.expect("removed");
        assert_eq!(own.whoami().await.status, StatusCode::OK, "it is the organization's, and not its maker's");
        let (_, said) = refused(&mut of_ada, &roles, json!({ "name": "maker" })).await;
        assert_eq!(said, "organization.role_in_use");
        let narrowed = json!({ "name": "maker", "permissions": ["member:read"] });
        done(&mut of_ada, &at("acme", "/roles/update"), narrowed).await;
        let seen = own.whoami().await.body["result"]["structuredContent"]["organization"]["permissions"].clone();
        assert_eq!(seen, json!(["member:read"]));
        // Whoever may less than a service does not end it, and nobody ends that of another organization.
        let high = Program::made(&gateway, &mut of_ada, "acme", wish("High", "admin", "")).await;
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "ender", "permissions": ["token:revoke", "token:read"] })).await;
        join(&gateway, acme.id, bob.id, "ender").await;
        let (_, said) = refused(&mut of_bob, &at("acme", "/services/revoke"), json!({ "service": high.id })).await;
        assert_eq!(said, "organization.beyond_you");
        owned_by(&gateway, bob.id, "rose").await;
        let (_, said) = refused(&mut of_bob, &at("rose", "/services/revoke"), json!({ "service": high.id })).await;
        assert_eq!(said, "organization.unknown_service");
        assert_eq!(read(&mut of_bob, &at("rose", "/services")).await.1["services"], json!([]));
        assert_eq!(high.whoami().await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn the_token_is_shown_once_to_whoever_is_there(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let form = of_ada.get("/organizations/acme/new-service").await.form("/organizations/acme/new-service");
        let wrong = of_ada.submit(&form, &[("name", "Nightly"), ("role", "member"), ("scope", "nosuch:scope"), ("days", "30")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("Nightly") && unescape(&wrong.body).contains("cannot have one of these scopes"));
        let made = of_ada.submit(&form, &[("name", "Nightly"), ("role", "member"), ("scope", "org:read"), ("days", "30")]).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        let at_token = made.body.find("blg_svc_").expect("the token");
        let token: String = made.body[at_token..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
        let program = Program { client: Client::new(), url: gateway.mcp_url(), token, id: String::new() };
        assert_eq!(program.whoami().await.status, StatusCode::OK);
        let page = of_ada.get("/organizations/acme/services").await;
        assert!(page.body.contains("Nightly") && !page.body.contains("blg_svc_"), "never again: {}", page.body);
        let answer = of_ada.submit(&page.form("/organizations/acme/services"), &[]).await;
        assert_eq!(answer.location(), "/organizations/acme/services?done=service-ended");
        program.is_refused().await;
        // Nothing of the token is stored but its hash, and nothing of it is on record.
        let acts = gateway.gateway.identity().acts(Some(ada.id), 50).await.expect("the record");
        for action in ["organization.service_created", "organization.service_revoked"] {
            let act = acts.iter().find(|act| act.action == action).expect("it is on record");
            assert!(!act.details.to_string().contains("blg_svc_") && act.details["name"] == "Nightly", "{}", act.details);
        }
        // Who was there long ago proves it first.
        gateway.clock.advance(Duration::from_secs(3600));
        let (status, said) = refused(&mut of_ada, &at("acme", "/services/create"), wish("Late", "member", "")).await;
        assert_eq!((status, said.as_str()), (StatusCode::FORBIDDEN, "session.not_fresh"));
        let away = of_ada.get("/organizations/acme/new-service").await;
        assert!(away.location().starts_with("/auth/confirm"), "{}", away.location());
    }
}

on_both_engines! {
    async fn the_record_names_the_service_and_the_list_whoever_made_it(
        gateway: TestGateway,
        setup = Setup::default().with_public_address()
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let program = Program::made(&gateway, &mut of_ada, "acme", wish("Nightly", "admin", "org:read org:manage")).await;
        program.whoami().await;
        program.modern().call("invite_member", json!({ "email": "new@example.org" })).await;
        let (_, said) = read(&mut of_ada, &at("acme", &format!("/audit?client={}", program.id))).await;
        let entries = said["entries"].as_array().expect("entries");
        let told: Vec<_> = entries.iter().map(|entry| (entry["type"].as_str(), entry["outcome"].as_str())).collect();
        assert_eq!(told.len(), 2, "two calls: {said}");
        assert!(told.contains(&(Some("decision"), Some("refused"))), "{said}");
        for entry in entries {
            assert_eq!(entry["service"], json!({ "id": program.id, "name": "Nightly" }), "{entry}");
            assert_eq!(entry["actor"], Value::Null, "nobody stands behind it: {entry}");
        }
        let page = unescape(&of_ada.get("/organizations/acme/audit").await.body);
        assert!(page.contains("The service <bdi>Nightly</bdi>") && !page.contains("<code>usr_"), "{page}");
        let (ok, listed) = belgie(&gateway, &["audit", "list", "--org", "acme", "--client", &program.id]).await;
        assert!(ok && listed[0]["service"]["name"] == "Nightly", "{listed}");
        // Who made it stands beside it, everywhere it is listed.
        let (_, services) = read(&mut of_ada, &at("acme", "/services")).await;
        assert_eq!(services["services"][0]["created_by"], json!(ada.id));
        let page = unescape(&of_ada.get("/organizations/acme/services").await.body);
        assert!(page.contains("by <bdi>ada@example.org</bdi>"), "{page}");
        let (_, listed) = belgie(&gateway, &["token", "list", "--org", "acme"]).await;
        assert_eq!(listed["services"][0]["created_by"], json!(ada.id));
        organizations(&gateway).add_member(&Actor::host(), acme.id, known(&gateway, "bob@example.org").await.0.id, &["owner".parse().expect("a role")].into()).await.expect("another owner");
        gateway.gateway.identity().delete_by(ada.id, belgie::identity::By::Host).await.expect("deleted");
        let (_, listed) = belgie(&gateway, &["token", "list", "--org", "acme"]).await;
        assert_eq!(listed["services"][0]["created_by"], Value::Null, "the account is gone, the service is not");
    }
}

async fn belgie(gateway: &TestGateway, arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--json").stdin(Stdio::null()).arg("--config").arg(gateway.config_file());
    let output = command.output().await.expect("the program runs");
    (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

on_both_engines! {
    async fn the_operator_makes_lists_and_ends_them_at_the_command_line(
        gateway: TestGateway,
        setup = Setup::default().with_public_address()
    ) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let create = ["token", "create", "--org", "acme", "--service", "Nightly", "--role", "admin", "--scope", "org:read", "--ttl", "600"];
        let (ok, said) = belgie(&gateway, &create).await;
        assert!(ok, "{said}");
        let text = |name: &str| said[name].as_str().expect("a text").to_owned();
        let program = Program { client: Client::new(), url: gateway.mcp_url(), token: text("token"), id: text("id") };
        let seen = program.whoami().await;
        assert_eq!(seen.body["result"]["structuredContent"]["service"]["name"], "Nightly", "{}", seen.body);
        let (ok, listed) = belgie(&gateway, &["token", "list", "--org", "acme"]).await;
        assert!(ok && listed["services"][0]["id"] == program.id && !listed.to_string().contains("blg_svc_"), "{listed}");
        let (ok, said) = belgie(&gateway, &["token", "revoke", &program.id]).await;
        assert!(ok && said["revoked"] == true, "{said}");
        let refused = async || program.whoami().await.status == StatusCode::UNAUTHORIZED;
        tokio::time::timeout(crate::support::PATIENCE, async { while !refused().await {} }).await.expect("in time");
        let (ok, said) = belgie(&gateway, &["token", "revoke", &program.id]).await;
        assert!(!ok && said["error"] == "token.unknown", "{said}");
        for (more, code) in [
            (["--org", "nowhere", "--role", "member"], "organization.unknown"),
            (["--org", "acme", "--role", "owner"], "organization.owners_are_people"),
            (["--org", "acme", "--role", "nosuch"], "organization.unknown_role"),
        ] {
            let base = ["token", "create", "--service", "X", "--scope", "org:read", "--ttl", "600"];
            let (ok, said) = belgie(&gateway, &[&base[..], &more[..]].concat()).await;
            assert!(!ok && said["error"] == code, "{more:?}: {said}");
        }
    }
}
