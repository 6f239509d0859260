//! Settings of providers.

use belgie::config::RawConfig;
use reqwest::StatusCode;

use super::{START, open, sign_in, with_idp};
use crate::support::Idp;
use crate::support::idp::param;

fn problems(text: &str) -> String {
    match belgie::Belgie::builder(RawConfig::from_text(text)).check() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_provider_that_cannot_work_stops_the_boot_with_a_remedy() {
    for (table, complaint) in [
        ("", "plugins.oauth-client.acme.client_id"),
        ("client_id = \"x\"", "nothing says where the provider is"),
        ("client_id = \"x\"\ndiscovery_url = \"http://idp.example/\"", "secrets would travel in the clear"),
        ("client_id = \"x\"\nclient_secert = \"y\"", "did you mean `client_secret`?"),
        (
            "client_id = \"x\"\nscopes = [\"openid\"]\nauthorization_endpoint = \"https://a.example/\"\ntoken_endpoint = \"https://a.example/\"",
            "an id_token could not be checked",
        ),
        ("client_id = \"x\"\nencrypt_tokens = false", "tokens are always sealed at rest"),
    ] {
        let found = problems(&format!("[plugins.oauth-client.acme]\n{table}"));
        assert!(found.contains(complaint), "{table}: {found}");
    }
    assert!(problems("[plugins.microsoft]\nclient_id = \"x\"\ntenant = \"../evil\"").contains("it is no tenant"));
    assert!(problems("[plugins.apple]\nclient_id = \"x\"").contains("nothing to sign it with"));
    assert_eq!(problems("[plugins.google]\nclient_id = \"x\"\n[plugins.github]\nclient_id = \"y\""), "");
}

#[test]
fn what_weakens_a_flow_needs_a_second_word() {
    for key in ["use_pkce = false", "use_nonce = false", "code_challenge_method = \"plain\""] {
        let table = format!("[plugins.google]\nclient_id = \"x\"\n{key}");
        assert!(problems(&table).contains("danger_weak_flow"), "{key}");
        assert_eq!(problems(&format!("{table}\ndanger_weak_flow = true")), "");
    }
}

with_idp! {
    async fn a_provider_that_can_do_no_better_gets_a_plain_challenge_or_none(gateway, idp,
        setup = |idp: &Idp| open(&format!("{}{}",
            idp.table("code_challenge_method = \"plain\"\ndanger_weak_flow = true"),
            idp.table_of("bare", "use_pkce = false\nuse_nonce = false\ndanger_weak_flow = true"))))
    {
        let mut browser = gateway.browser();
        assert_eq!(param(&browser.get(START).await.location(), "code_challenge_method"), "plain");
        sign_in(&mut browser, &idp).await;
        assert!(browser.is_signed_in().await);
        let mut browser = gateway.browser();
        let location = browser.get("/auth/provider/bare/start").await.location();
        assert!(!location.contains("code_challenge") && !location.contains("nonce="));
        browser.get(&idp.agree_by_query(&location)).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn a_provider_may_want_headers_and_parameters_of_its_own(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("token_params = { resource = \"calendar\" }\ndiscovery_headers = { x-key = \"quiet\" }")))
    {
        let page = sign_in(&mut gateway.browser(), &idp).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        assert_eq!(idp.last("/token").0["resource"], "calendar");
        for path in ["/.well-known/openid-configuration", "/jwks"] {
            assert_eq!(idp.last(path).1["x-key"], "quiet");
        }
        assert!(!idp.last("/token").1.contains_key("x-key"));
    }
}
