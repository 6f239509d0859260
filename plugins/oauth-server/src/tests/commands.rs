use std::time::Duration;

use belgie_api::axum::http::StatusCode;
use belgie_api::command::Output;
use belgie_api::plugin::Plugin;
use belgie_api::settings::{Ledger, Section};
use belgie_api::{Event, Failure};

use super::support::{Bench, CALLBACK, RESOURCE, VERIFIER, tokens};
use crate::OAuthServer;

async fn run(bench: &Bench, line: &[&str]) -> Result<Output, Failure> {
    let command = bench.plugin.commands().into_iter().find(|command| command.command.get_name() == line[0]).unwrap();
    let matches = command.command.clone().try_get_matches_from(line).unwrap();
    (command.run)(bench.host.clone(), matches).await
}

#[tokio::test]
async fn the_operator_makes_lists_and_deletes_clients() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let made = run(&bench, &["client", "create", "--name", "Mine", "--redirect-uri", CALLBACK]).await.unwrap().json;
        let client = made["client_id"].as_str().unwrap();
        assert_eq!(made.get("client_secret"), None);
        let secret = run(
            &bench,
            &["client", "create", "--name", "S", "--redirect-uri", "https://s.example/cb", "--confidential"],
        )
        .await
        .unwrap();
        assert!(secret.text.contains(secret.json["client_secret"].as_str().unwrap()));
        let bad = run(&bench, &["client", "create", "--name", "S", "--redirect-uri", "http://s.example/cb"])
            .await
            .unwrap_err();
        assert_eq!(bad.code(), "invalid_redirect_uri");

        let (access, refresh) = bench.connect(&ada, client).await;
        let found = bench.verify(&access).await.unwrap();
        let code = bench.allow(&ada, client, &[]).await;
        let listed = run(&bench, &["client", "list"]).await.unwrap().json;
        assert_eq!(listed["clients"].as_array().unwrap().len(), 2);
        assert!(!listed.to_string().contains("blg_cs_"));

        let gone = run(&bench, &["client", "revoke", client]).await.unwrap().json;
        assert_eq!(gone["grants_revoked"], 1);
        assert!(bench.heard(&Event::GrantRevoked { grant: found.grant.unwrap() }));
        assert!(bench.heard(&Event::ClientDeleted { client: found.client.id }));
        assert!(bench.verify(&access).await.is_none());
        assert_eq!(bench.refresh(client, &refresh).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(bench.redeem(client, &code).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(run(&bench, &["client", "revoke", client]).await.unwrap_err().code(), "client.unknown");
    }
}

#[tokio::test]
async fn the_operator_makes_lists_and_ends_personal_tokens() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let mail = ["--email", "ada@belgie.example"];
        let line = [
            "token",
            "create",
            mail[0],
            mail[1],
            "--scope",
            "notes:read notes:write",
            "--ttl",
            "60",
            "--name",
            "Nightly",
        ];
        let made = run(&bench, &line).await.unwrap();
        let token = made.json["token"].as_str().unwrap();
        assert!(token.starts_with("blg_pat_") && made.text.contains(token));
        assert_eq!(made.json["scopes"], serde_json::json!(["notes:read", "notes:write"]));
        assert_eq!(made.json["resource"], RESOURCE);
        assert!(made.json["expires_at"].is_string());
        let found = bench.verify(token).await.unwrap();
        assert_eq!(
            (found.holder.clone(), found.client.id.as_str(), found.client.name.as_str()),
            (belgie_api::Holder::Person(ada.user().id), "personal", "Nightly")
        );
        assert_eq!(found.audience, [RESOURCE]);

        let listed = run(&bench, &["token", "list", mail[0], mail[1]]).await.unwrap().json;
        assert_eq!(listed["tokens"][0]["id"], made.json["id"]);
        assert!(!listed.to_string().contains("blg_pat_"));
        // Nobody refreshes what no client was given.
        let client = bench.register().await;
        assert_eq!(bench.refresh(&client, token).await.error(), "invalid_grant");
        assert_eq!(bench.refresh("personal", token).await.status, StatusCode::UNAUTHORIZED);

        let id = made.json["id"].as_str().unwrap();
        run(&bench, &["token", "revoke", id]).await.unwrap();
        assert!(bench.verify(token).await.is_none());
        assert!(bench.heard(&Event::GrantRevoked { grant: found.grant.unwrap() }));
        let short = run(&bench, &["token", "create", mail[0], mail[1], "--scope", "notes:read", "--ttl", "60"])
            .await
            .unwrap()
            .json;
        bench.clock.advance(std::time::Duration::from_secs(60));
        assert!(bench.verify(short["token"].as_str().unwrap()).await.is_none());
    }
}

#[tokio::test]
async fn the_operator_is_told_what_exists() {
    for bench in Bench::every().await {
        bench.sign_up("ada@belgie.example").await;
        let table: &[(&[&str], &str, &str)] = &[
            (
                &["--email", "ada@belgie.example", "--scope", "notes:delete"],
                "token.unknown_scope",
                "notes:read, notes:write, admin",
            ),
            (
                &["--email", "ada@belgie.example", "--scope", "offline_access"],
                "token.unknown_scope",
                "notes:read, notes:write, admin",
            ),
            (&["--email", "ada@belgie.example", "--scope", "admin"], "token.scope_not_held", ""),
            (&["--email", "ada@belgie.example", "--scope", " "], "token.no_scope", "notes:read, notes:write, admin"),
            (&["--email", "nobody@belgie.example", "--scope", "notes:read"], "token.no_such_user", ""),
            (
                &["--email", "ada@belgie.example", "--scope", "notes:read", "--resource", "https://evil.example"],
                "token.unknown_resource",
                RESOURCE,
            ),
        ];
        for (arguments, code, hint) in table {
            let line = [&["token", "create", "--ttl", "60"], *arguments].concat();
            let failure = run(&bench, &line).await.unwrap_err();
            assert_eq!(failure.code(), *code);
            assert!(failure.remedy().unwrap_or_default().contains(hint), "{failure:?}");
        }
        for id in ["x", "tok_00000000000000000000000000000000"] {
            assert_eq!(run(&bench, &["token", "revoke", id]).await.unwrap_err().code(), "token.unknown");
        }
        let command =
            bench.plugin.commands().into_iter().find(|command| command.command.get_name() == "token").unwrap().command;
        for ttl in ["0", "31536001", "-1"] {
            let ttl = format!("--ttl={ttl}");
            let line = ["token", "create", "--email", "ada@belgie.example", "--scope", "notes:read", &ttl];
            assert!(command.clone().try_get_matches_from(line).is_err());
        }
        command.debug_assert();
    }
}

#[test]
fn settings_are_checked() {
    let read = |text: &str| {
        let ledger = Ledger::new(std::collections::BTreeMap::new());
        let mut section = Section::new("plugins.oauth-server", toml::from_str(text).unwrap(), &ledger);
        let mut plugin = OAuthServer::default();
        plugin.configure(&mut section);
        section.finish();
        (plugin.settings, ledger.verdict().err().map(|problems| problems.to_string()).unwrap_or_default())
    };
    let (settings, problems) =
        read("code_ttl_seconds = 30\nregistration_open = false\ndanger_allow_loopback_clients = true");
    assert_eq!(problems, "");
    assert_eq!(
        (settings.code_ttl.as_secs(), settings.registration_open, settings.allow_loopback_clients),
        (30, false, true)
    );
    assert!(read("code_ttl_seconds = 601").1.contains("code_ttl_seconds"));
    assert!(read("acess_token_ttl_seconds = 60").1.contains("access_token_ttl_seconds"));
    assert!(read("refresh_token_ttl_seconds = 60").1.contains("refresh_token_ttl_seconds"));
    for wrong in ["access_token_ttl_seconds = 60", "access_token_ttl_seconds = 300\nrefresh_grace_seconds = 300"] {
        assert!(read(wrong).1.contains("make it less than access_token_ttl_seconds"), "{wrong}");
    }
    assert_eq!(read("access_token_ttl_seconds = 60\nrefresh_grace_seconds = 59").1, "");
}

/// Where the answers of a client go that can be trusted.
const WEB: &str = "https://agent.example/cb";

#[tokio::test]
async fn a_trusted_client_that_was_cut_off_is_asked_about_however_long_ago_that_was() {
    for bench in Bench::every().await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let made = run(&bench, &["client", "create", "--name", "Ours", "--redirect-uri", WEB]).await.unwrap().json;
        let client = made["client_id"].as_str().unwrap();
        run(&bench, &["client", "trust", client]).await.unwrap();
        let at = [("redirect_uri", WEB)];
        let code = bench.ask(Some(&ada), client, &at).await.sent("code").unwrap();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", &code),
            ("redirect_uri", WEB),
            ("code_verifier", VERIFIER),
        ];
        let (access, _) = tokens(&bench.post("/token", &pairs, None).await);
        let grant = bench.verify(&access).await.unwrap().grant.unwrap().to_string();
        bench.post("/account/connections/revoke", &[("connection_id", &grant)], Some(&ada)).await;
        // Until nothing is known of it but that it was.
        bench.clock.advance(Duration::from_secs(91 * 86_400));
        bench.run_jobs().await;
        let ada = bench.sign_in(ada.user()).await;
        let asked = bench.ask(Some(&ada), client, &at).await;
        assert_eq!(asked.status, StatusCode::OK, "{:?}", asked.headers);
        assert_eq!(asked.json()["context"]["is_new_client"], true, "the grant is forgotten");
        let handle = asked.json()["context"]["request"].as_str().unwrap().to_owned();
        bench.post("/authorize", &[("request", &handle), ("decision", "allow")], Some(&ada)).await;
        assert!(bench.ask(Some(&ada), client, &at).await.sent("code").is_some(), "she let it in by hand");
    }
}
