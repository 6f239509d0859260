//! GitHub and Apple, as far as they differ.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{assert_refused, open, people, prove, through, with_idp};
use crate::support::idp::{CLIENT, SECRET, SigningKey, param};
use crate::support::{Engine, Idp, Setup};

fn github(idp: &Idp) -> Setup {
    open(&format!(
        "[plugins.github]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\nauthorization_endpoint = \"{}\"\n\
         token_endpoint = \"{}\"\nuserinfo_endpoint = \"{}\"\n",
        idp.at("/authorize"),
        idp.at("/token"),
        idp.at("/user"),
    ))
}

with_idp! {
    async fn an_address_of_github_counts_when_github_has_checked_it(gateway, idp, setup = github) {
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        let start = "/auth/provider/github/start";
        idp.ways().person = json!({ "id": 7, "login": "ada", "email": "ada@example.org" });
        let mut browser = gateway.browser();
        assert_eq!(param(&browser.get(start).await.location(), "scope"), "read:user user:email");
        let page = through(&mut browser, &idp, start).await;
        assert_refused(&mut browser, &page, "account_not_linked").await;
        idp.ways().emails = json!([{ "email": "ada@example.org", "primary": true, "verified": true }]);
        through(&mut browser, &idp, start).await;
        assert!(browser.is_signed_in().await);
        assert_eq!(people(&gateway).await.len(), 1);
        let (_, answer) = super::read(&mut browser, "/auth/provider/github/account-info").await;
        assert_eq!((&answer["provider_account_id"], &answer["user"]["name"]), (&json!("7"), &json!("ada")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apple_gets_a_secret_that_is_signed_for_this_one_request() {
    let (idp, key) = (Idp::start().await, SigningKey::new("KEY1234567", Algorithm::ES256));
    idp.ways().takes_any_secret = true;
    let url = idp.at("/.well-known/openid-configuration");
    let setup = open(&format!(
        "[plugins.apple]\nclient_id = \"{CLIENT}\"\nteam_id = \"TEAM123456\"\nkey_id = \"KEY1234567\"\n\
         discovery_url = \"{url}\"\nprivate_key = \"\"\"\n{}\"\"\"\n",
        key.pem()
    ));
    let gateway = setup.start(Engine::Sqlite).await;
    let mut browser = gateway.browser();
    let location = browser.get("/auth/provider/apple/start").await.location();
    assert_eq!(
        (param(&location, "response_mode"), param(&location, "scope")),
        ("form_post".into(), "openid email name".into())
    );
    let form = browser.raw().post(gateway.at("/auth/provider/apple/callback")).form(&idp.agree(&location));
    let back = gateway.browser().send(form).await.location();
    assert_eq!(browser.get(&back).await.status, StatusCode::SEE_OTHER);
    assert!(browser.is_signed_in().await);

    let secret = idp.last("/token").0["client_secret"].clone();
    let jwk = serde_json::from_value(key.jwk()).expect("a key");
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&[idp.at("")]);
    let signed = decode::<Value>(&secret, &DecodingKey::from_jwk(&jwk).expect("a key"), &rules).expect("genuine");
    assert_eq!(signed.header.kid.as_deref(), Some("KEY1234567"));
    assert_eq!((&signed.claims["iss"], &signed.claims["sub"]), (&json!("TEAM123456"), &json!(CLIENT)));
    let life = signed.claims["exp"].as_i64().expect("an end") - signed.claims["iat"].as_i64().expect("a beginning");
    assert_eq!(life, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_of_providers_may_be_files() {
    let (idp, key, dir) =
        (Idp::start().await, SigningKey::new("k", Algorithm::ES256), tempfile::tempdir().expect("a folder"));
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let (secret, pem) = (write("secret", &format!("{SECRET}\n")), write("key.p8", key.pem()));
    let table =
        idp.table("").replace(&format!("client_secret = \"{SECRET}\""), &format!("client_secret_file = {secret:?}"));
    let apple = format!(
        "[plugins.apple]\nclient_id = \"{CLIENT}\"\nteam_id = \"T\"\nkey_id = \"k\"\ndiscovery_url = \"{}\"\n\
         private_key_file = {pem:?}\n",
        idp.at("/.well-known/openid-configuration")
    );
    let gateway = open(&format!("{table}{apple}")).start(Engine::Sqlite).await;
    super::arrived(&gateway, &idp).await;
    assert_eq!(idp.last("/token").0["client_secret"], SECRET);

    idp.ways().takes_any_secret = true;
    let mut browser = gateway.browser();
    let location = browser.get("/auth/provider/apple/start").await.location();
    let form = browser.raw().post(gateway.at("/auth/provider/apple/callback")).form(&idp.agree(&location));
    let back = gateway.browser().send(form).await.location();
    browser.get(&back).await;
    assert_eq!(idp.last("/token").0["client_secret"].split('.').count(), 3, "it was signed with the key of the file");
}
