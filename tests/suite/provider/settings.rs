//! Settings of providers.

use belgie::config::RawConfig;
use belgie_oauth_client::{OAuthClientPlugin, Provider, ProviderSettings, Standard};
use reqwest::StatusCode;
use url::Url;

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
        ("client_id = \"x\"\ntoken_encryption_secret = \"y\"", "tokens are sealed with the secret of this host"),
    ] {
        let found = problems(&format!("[plugins.oauth-client.acme]\n{table}"));
        assert!(found.contains(complaint), "{table}: {found}");
    }
    assert!(problems("[plugins.microsoft]\nclient_id = \"x\"\ntenant = \"../evil\"").contains("it is no tenant"));
    assert!(problems("[plugins.apple]\nclient_id = \"x\"").contains("nothing to sign it with"));
    assert_eq!(problems("[plugins.google]\nclient_id = \"x\"\n[plugins.github]\nclient_id = \"y\""), "");
}

#[test]
fn everything_that_is_wrong_about_signing_in_is_said_at_once_each_with_what_to_do() {
    let text = "
[mail]
transport = \"smtp\"
from = \"nobody\"
smtp_user = \"belgie\"
smtp_security = \"ssl\"
[sign_in]
require_verified_email = \"yes, please\"
[plugins.google]
client_id = \"1234.apps.googleusercontent.com\"
client_secret_file = \"/nowhere/google.secret\"
hosted_domian = \"acme.example\"
[plugins.microsoft]
client_secret = \"alone\"
tenant = \"acme\"
[plugins.github]
client_id = \"x\"
state_strategy = \"redis\"
timeout_seconds = 3600
[plugins.apple]
client_id = \"org.example.service\"
team_id = \"TEAM123456\"
key_id = \"KEY1234567\"
private_key = \"no key\"
[plugins.oauth-client.acme]
discovery_url = \"http://id.acme.example/.well-known/openid-configuration\"
scopes = \"openid email\"
use_pkce = false
[plugins.oauth-client.other]
client_id = \"y\"
response_type = \"token\"
encrypt_tokens = false
";
    let found = problems(text);
    for (path, remedy) in [
        ("mail.from", "Belgie <belgie@example.com>"),
        ("mail.smtp_host", "the name of the mail server"),
        ("mail.smtp_user", "give both, or neither"),
        ("mail.smtp_security", "starttls"),
        ("sign_in.require_verified_email", "auto"),
        ("plugins.google.client_secret_file", ""),
        ("plugins.google.hosted_domian", "did you mean `hosted_domain`?"),
        ("plugins.microsoft.client_id", "or take the secret out"),
        ("plugins.microsoft.tenant", "use common, organizations, consumers"),
        ("plugins.github.state_strategy", "cookie"),
        ("plugins.github.timeout_seconds", "60"),
        ("plugins.apple.private_key", ".p8"),
        ("plugins.oauth-client.acme.client_id", "the id the provider gave you"),
        ("plugins.oauth-client.acme.discovery_url", "use an https address"),
        ("plugins.oauth-client.acme.scopes", ""),
        ("plugins.oauth-client.acme.use_pkce", "danger_weak_flow"),
        ("plugins.oauth-client.other.response_type", "code"),
        ("plugins.oauth-client.other.encrypt_tokens", "take it out"),
        ("plugins.oauth-client.other.discovery_url", "authorization_endpoint"),
    ] {
        let block = found.split("\n\n").find(|block| block.starts_with(&format!("{path}\n")));
        let block = block.unwrap_or_else(|| panic!("nothing about {path}: {found}"));
        let to_do = block.split("to do: ").nth(1).unwrap_or_default();
        assert!(!to_do.is_empty() && to_do.contains(remedy), "{path}: {block}");
    }
    assert!(!found.contains("no key") && !found.contains("alone"), "a secret is shown: {found}");
}

#[test]
fn a_microsoft_tenant_of_strangers_is_not_trusted_with_addresses() {
    let table = "[plugins.microsoft]\nclient_id = \"x\"\ntrusted_for_account_linking = true\n";
    let strangers = ["common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"];
    let strangers = strangers.map(|tenant| format!("{table}tenant = \"{tenant}\""));
    for text in strangers.iter().map(String::as_str).chain([table]) {
        let found = problems(text);
        assert!(found.contains("plugins.microsoft.trusted_for_account_linking"), "{text}: {found}");
        assert!(found.contains("name one tenant of your own"), "{text}: {found}");
    }
    for tenant in ["contoso.example", "11111111-2222-3333-4444-555555555555"] {
        assert_eq!(problems(&format!("{table}tenant = \"{tenant}\"")), "");
    }
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

#[test]
fn who_may_come_in_is_read_from_signed_claims_or_the_boot_stops() {
    for table in [
        "[plugins.google]\nclient_id = \"x\"\nscopes = [\"email\"]\nhosted_domain = \"example.org\"",
        "[plugins.microsoft]\nclient_id = \"x\"\nscopes = [\"User.Read\"]",
    ] {
        let found = problems(table);
        assert!(found.contains("scopes") && found.contains("add \"openid\""), "{table}: {found}");
        assert_eq!(problems(&table.replace("scopes = [", "scopes = [\"openid\", ")), "");
    }
    assert_eq!(problems("[plugins.google]\nclient_id = \"x\"\nscopes = [\"email\"]"), "", "nothing is restricted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_that_nothing_signed_would_name_stops_the_boot() {
    let dir = tempfile::tempdir().expect("a folder");
    let build = |scopes: &[&str]| {
        let mut settings = ProviderSettings::new("acme", "Acme");
        settings.client_ids = vec!["x".to_owned()];
        settings.discovery_url = Url::parse("https://idp.example/.well-known/openid-configuration").ok();
        settings.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        settings.hosted_domain = Some("example.org".to_owned());
        let engine = OAuthClientPlugin::default().provider(Provider::new(settings, Standard, ""));
        let text = format!("data_dir = {:?}\nbase_url = \"http://127.0.0.1:8080\"", dir.path().join("data"));
        belgie::Belgie::builder(RawConfig::from_text(&text)).plugin(engine).build()
    };
    let Err(error) = build(&["email"]).await else { panic!("the gateway started") };
    assert!(error.to_string().contains("add \"openid\""), "{error}");
    build(&["openid", "email"]).await.map_or_else(|error| panic!("{error}"), drop);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_would_go_to_another_site_stop_the_boot() {
    let dir = tempfile::tempdir().expect("a folder");
    let build = |target: &str| {
        let text = format!(
            "data_dir = {:?}\nbase_url = \"http://127.0.0.1:8080\"\n[plugins.google]\nclient_id = \"x\"\n\
             default_error_redirect_url = \"{target}\"",
            dir.path().join("data")
        );
        belgie::Belgie::builder(RawConfig::from_text(&text)).build()
    };
    let Err(error) = build("https://evil.example/").await else { panic!("the gateway started") };
    assert!(error.to_string().contains("default_error_redirect_url"), "{error}");
    for good in ["/welcome", "http://127.0.0.1:8080/welcome"] {
        build(good).await.map_or_else(|error| panic!("{error}"), drop);
    }
}

#[test]
fn a_generic_provider_may_be_set_up_by_variables_once_its_table_is_there() {
    let check = |text: &str| {
        let mut raw = RawConfig::from_text(text);
        raw.environment = [
            ("BELGIE_OAUTH_CLIENT_ACME_CLIENT_ID", "from-a-variable"),
            ("BELGIE_OAUTH_CLIENT_ACME_DISCOVERY_URL", "https://idp.example/.well-known/openid-configuration"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        match belgie::Belgie::builder(raw).check() {
            Ok(checked) => checked.config().effective().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Err(error) => error.to_string(),
        }
    };
    assert!(check("[plugins.oauth-client.acme]").contains("from-a-variable"));
    let said = check("");
    assert!(said.contains("BELGIE_OAUTH_CLIENT_ACME_CLIENT_ID") && said.contains("no setting has this"), "{said}");
}
