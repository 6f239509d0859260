use std::time::Duration;

use belgie_api::Event;
use belgie_api::axum::http::StatusCode;
use belgie_api::plugin::Plugin;
use belgie_api::settings::{Ledger, Section};
use serde_json::Value;

use super::support::{Bench, RESOURCE, tokens};
use crate::model::access_token::AccessFormat;
use crate::model::key::KeyAlgorithm;
use crate::{OAuthServer, Settings};

const HOUR: Duration = Duration::from_secs(3600);

fn signing() -> Settings {
    Settings { access_token_format: AccessFormat::Jwt, ..Settings::default() }
}

async fn rotate(bench: &Bench) -> Result<Value, String> {
    run(bench, &["key", "rotate"]).await
}

async fn run(bench: &Bench, line: &[&str]) -> Result<Value, String> {
    let command = bench.plugin.commands().into_iter().find(|command| command.command.get_name() == "key").unwrap();
    let matches = command.command.clone().try_get_matches_from(line).unwrap();
    let answer = (command.run)(bench.host.clone(), matches).await;
    answer.map(|output| output.json["rotated"][0].clone()).map_err(|failure| failure.code().to_owned())
}

async fn published(bench: &Bench) -> Vec<Value> {
    let answer = bench.get("/jwks", None).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.failure);
    answer.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_until_its_last_token_has_ended() {
    for bench in Bench::every_with(signing()).await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let client = bench.register().await;
        let (first, refresh) = bench.connect(&ada, &client).await;
        assert_eq!(rotate(&bench).await.unwrap_err(), "key.too_young");
        bench.clock.advance(Duration::from_secs(600));
        let rotated = rotate(&bench).await.unwrap();
        assert!(bench.heard(&Event::SigningKeysChanged));
        let ids = published(&bench).await;
        for state in ["retired", "current", "next"] {
            assert!(ids.contains(&rotated[state]), "{state}");
        }
        assert!(bench.verify(&first).await.is_some());
        let second = bench.refresh(&client, &refresh).await.json()["access_token"].as_str().unwrap().to_owned();
        assert!(bench.verify(&second).await.is_some());

        // The first token ends an hour after it was made. Others may have clocks of their own, so the key stays a while.
        bench.clock.advance(HOUR);
        bench.run_jobs().await;
        assert!(published(&bench).await.contains(&rotated["retired"]));
        assert!(bench.verify(&first).await.is_none());
        bench.clock.advance(3 * HOUR);
        bench.run_jobs().await;
        let ids = published(&bench).await;
        assert_eq!((ids.len(), ids.contains(&rotated["retired"])), (2, false));
    }
}

#[tokio::test]
async fn a_key_waits_for_tokens_of_longer_lives_than_today() {
    for bench in Bench::every_with(Settings { access_token_ttl: 24 * HOUR, ..signing() }).await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let client = bench.register().await;
        let (token, _) = bench.connect(&ada, &client).await;
        // A node with a shorter life rotates and tidies.
        let today = bench.deaf_node(signing());
        bench.clock.advance(Duration::from_secs(600));
        let retired = rotate(&today).await.unwrap()["retired"].clone();
        bench.clock.advance(23 * HOUR);
        today.run_jobs().await;
        assert!(published(&today).await.contains(&retired));
        assert!(bench.verify(&token).await.is_some());
    }
}

#[tokio::test]
async fn a_node_that_has_not_heard_yet_looks_again_for_a_key_it_does_not_know() {
    for bench in Bench::every_with(signing()).await {
        let ada = bench.sign_up("ada@belgie.example").await;
        let client = bench.register().await;
        let bus = bench.host.db().bus().clone();
        bus.set_live(true);
        let (known, _) = bench.connect(&ada, &client).await;
        assert!(bench.verify(&known).await.is_some());

        let other = bench.deaf_node(signing());
        for _ in 0..2 {
            run(&other, &["key", "rotate", "--now"]).await.unwrap();
        }
        let code = other.allow(&ada, &client, &[]).await;
        let (strange, _) = tokens(&other.redeem(&client, &code).await);
        assert!(bench.verify(&strange).await.is_some(), "two keys further on than this node has heard");
    }
}

#[tokio::test]
async fn the_news_empty_what_is_remembered_of_keys() {
    for bench in Bench::every_with(signing()).await {
        let bus = bench.host.db().bus().clone();
        bus.set_live(true);
        let before = published(&bench).await;
        bench.clock.advance(Duration::from_secs(290));
        let other = bench.deaf_node(signing());
        assert_eq!(rotate(&other).await.unwrap_err(), "key.too_young");
        bench.clock.advance(Duration::from_secs(310));
        published(&bench).await;
        rotate(&other).await.unwrap();
        assert_eq!(published(&bench).await, before, "nobody has told it, and five minutes are not over");
        bus.publish(&Event::SigningKeysChanged);
        assert_eq!(published(&bench).await.len(), 3);
        bus.set_live(false);
        bench.clock.advance(Duration::from_secs(600));
        rotate(&other).await.unwrap();
        assert_eq!(published(&bench).await.len(), 4, "without news nothing is remembered");
    }
}

#[tokio::test]
async fn the_settings_choose_what_tokens_look_like() {
    let read = |text: &str| {
        let ledger = Ledger::new(std::collections::BTreeMap::new());
        let mut plugin = OAuthServer::default();
        let mut section = Section::new("plugins.oauth-server", toml::from_str(text).unwrap(), &ledger);
        plugin.configure(&mut section);
        section.finish();
        (plugin.settings, ledger.verdict().err().map(|problems| problems.to_string()).unwrap_or_default())
    };
    let (settings, _) = read("access_token_format = \"jwt\"\naccess_token_algorithm = \"eddsa\"");
    assert_eq!(settings.algorithms(), [KeyAlgorithm::EdDsa]);
    let (settings, _) = read("");
    assert!(settings.algorithms().is_empty());
    assert!(!settings.signs_for(&[RESOURCE.to_owned()], "https://belgie.example"));
    let (settings, _) = read("access_token_jwt_resources = [\"/mcp\"]");
    assert_eq!(settings.algorithms(), [KeyAlgorithm::Es256]);
    assert!(settings.signs_for(&[RESOURCE.to_owned()], "https://belgie.example"));
    assert!(!settings.signs_for(&[format!("{RESOURCE}/other")], "https://belgie.example"));
    assert!(read("access_token_jwt_resources = [\"mcp\"]").1.contains("access_token_jwt_resources"));
    assert!(read("access_token_format = \"hs256\"").1.contains("access_token_format"));
    assert!(read("access_token_algorithm = \"none\"").1.contains("access_token_algorithm"));
}
