use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use secrecy::ExposeSecret;

use super::{BaseUrl, Cidr, Config, Engine, Overrides, Problems, RawConfig, SameSite, Secure, strength};
use belgie_api::settings::environment_name;

mod reference;
mod secrets;
mod words;

const STRONG: &str = "kX3v9Qm2LrT7wYb1NfHs8DzGc5JpVe0A";

fn raw(text: &str, variables: &[(&str, &str)]) -> RawConfig {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    RawConfig { environment, ..RawConfig::from_text(text) }
}

fn load(text: &str) -> Config {
    Config::load(RawConfig::from_text(text)).unwrap()
}

fn refused(text: &str, variables: &[(&str, &str)]) -> Problems {
    Config::draft(raw(text, variables)).unwrap().finish(&["oauth-server"]).unwrap_err()
}

fn paths(problems: &Problems) -> Vec<&str> {
    problems.iter().map(|problem| problem.path.as_str()).collect()
}

#[test]
fn nothing_given_is_a_gateway_for_this_machine() {
    let config = Config::load(RawConfig::default()).unwrap();
    assert_eq!(config.base_url.issuer(), "http://127.0.0.1:8080");
    assert!(config.base_url_is_derived);
    assert!(config.secret.is_none());
    assert_eq!(config.database.engine, Engine::Sqlite);
    assert_eq!(config.database.url.expose_secret(), "sqlite:./belgie-data/belgie.db");
    assert!(config.database.migrate_on_start);
    assert_eq!(config.session.max_age, Duration::from_hours(7 * 24));
    assert_eq!((config.cookie.same_site, config.cookie.secure), (SameSite::Lax, Secure::Auto));
    assert_eq!(config.session_cookie_name(), "belgie_session");
    assert_eq!(config.allowed_hosts(), ["127.0.0.1"]);
    assert_eq!(config.allowed_origins(), ["http://127.0.0.1:8080"]);
}

#[test]
fn all_problems_of_all_sections_are_reported_at_once() {
    let problems = refused(
        "site_nam = 'x'
        [server]
        listen = 'here'
        [session]
        max_age_seconds = 'long'
        [cookie]
        same_site = 'none'
        [urls]
        signin_redirect = 'https://evil.example'
        [mcp]
        allowed_origins = ['https://ok.example', 'null']
        [plugins.oauth-sever]
        key = 1",
        &[("BELGIE_LOG_FROMAT", "json"), ("BELGIE_LOG_FILTER", "info,=,=")],
    );
    assert_eq!(
        paths(&problems),
        [
            "server.listen",
            "session.max_age_seconds",
            "cookie.same_site",
            "urls.signin_redirect",
            "mcp.allowed_origins[1]",
            "BELGIE_LOG_FILTER",
            "site_nam",
            "plugins.oauth-sever",
            "BELGIE_LOG_FROMAT",
        ],
        "{problems}"
    );
    let text = problems.to_string();
    assert!(text.contains("did you mean `site_name`?"), "{text}");
    assert!(text.contains("did you mean `BELGIE_LOG_FORMAT`?"), "{text}");
    assert!(text.contains("known are oauth-server"), "{text}");
}

#[test]
fn listening_beyond_this_machine_needs_https_and_a_strong_secret() {
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:80"] {
        let server = format!("[server]\nlisten = '{listen}'");
        assert_eq!(paths(&refused(&server, &[])), ["server.listen", "server.listen"]);

        let plain = [("BELGIE_BASE_URL", "http://localhost:8080"), ("BELGIE_SECRET", STRONG)];
        assert_eq!(paths(&refused(&server, &plain)), ["server.listen"]);

        let no_secret = [("BELGIE_BASE_URL", "https://mcp.example.com")];
        assert_eq!(paths(&refused(&server, &no_secret)), ["server.listen"]);

        let weak = [("BELGIE_BASE_URL", "https://mcp.example.com"), ("BELGIE_SECRET", "changeme")];
        assert_eq!(paths(&refused(&server, &weak)), ["BELGIE_SECRET"]);

        let good = [("BELGIE_BASE_URL", "https://mcp.example.com"), ("BELGIE_SECRET", STRONG)];
        let config = Config::load(raw(&server, &good)).unwrap();
        assert_eq!(config.allowed_hosts(), ["mcp.example.com"]);
        assert_eq!(config.session_cookie_name(), "__Host-belgie_session");
    }
    let problems = refused("[server]\nlisten = '0.0.0.0:1'\ndanger_insecure_listen = true", &[]);
    assert!(paths(&problems).contains(&"server.danger_insecure_listen"), "there is no such switch");
}

#[test]
fn a_base_url_that_cannot_be_read_is_one_problem_even_when_listening_beyond() {
    let variables = [("BELGIE_BASE_URL", "https://mcp.example.com/path"), ("BELGIE_SECRET", STRONG)];
    assert_eq!(paths(&refused("[server]\nlisten = '0.0.0.0:80'", &variables)), ["BELGIE_BASE_URL"]);
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for good in ["http://localhost:3000/", "http://127.0.0.9", "http://[::1]:8080", "http://app.localhost"] {
        load(&format!("base_url = '{good}'"));
    }
    let problems = refused("base_url = 'http://mcp.example.com'", &[]);
    assert_eq!(paths(&problems), ["base_url"]);
    assert!(problems.to_string().contains("https://"));
}

#[test]
fn a_derived_base_url_follows_the_listener() {
    let mut config = load("[server]\nlisten = '[::1]:0'");
    config.bound_to("[::1]:4321".parse().unwrap());
    assert_eq!(config.base_url.issuer(), "http://[::1]:4321");
    assert_eq!(config.allowed_hosts(), ["[::1]"]);
    let mut config = load("base_url = 'https://a.example'");
    config.bound_to("127.0.0.1:4321".parse().unwrap());
    assert_eq!(config.base_url.issuer(), "https://a.example");
}

#[test]
fn the_names_of_the_seeds_variables_still_work() {
    let variables = [
        ("BELGIE_SESSION_MAX_AGE", "7200"),
        ("BELGIE_SESSION_UPDATE_AGE", "60"),
        ("BELGIE_COOKIE_NAME", "sid"),
        ("BELGIE_COOKIE_SECURE", "true"),
        ("BELGIE_COOKIE_HTTP_ONLY", "true"),
        ("BELGIE_COOKIE_SAME_SITE", "strict"),
        ("BELGIE_COOKIE_DOMAIN", "example.com"),
        ("BELGIE_URLS_SIGNIN_REDIRECT", "/dashboard"),
        ("BELGIE_URLS_SIGNOUT_REDIRECT", "/bye"),
        ("BELGIE_BASE_URL", "https://mcp.example.com"),
        ("BELGIE_SECRET", STRONG),
    ];
    let config = Config::draft(raw("", &variables)).unwrap().finish(&[]).unwrap();
    assert_eq!(config.session.max_age, Duration::from_hours(2));
    assert_eq!(config.session.update_age, Duration::from_mins(1));
    assert_eq!((config.cookie.same_site, config.cookie.secure), (SameSite::Strict, Secure::Always));
    assert_eq!(config.session_cookie_name(), "sid", "a cookie with a domain cannot have the prefix");
    assert_eq!(config.urls.signin_redirect, "/dashboard");
    assert_eq!(paths(&refused("", &[("BELGIE_COOKIE_HTTP_ONLY", "false")])), ["BELGIE_COOKIE_HTTP_ONLY"]);
    assert_eq!(paths(&refused("[cookie]\nsecure = false", &[])), ["cookie.secure"]);
}

#[test]
fn the_ages_of_a_session_must_fit_each_other() {
    let problems = refused("[session]\nmax_age_seconds = 3_000_000\nupdate_age_seconds = 3_000_000", &[]);
    assert_eq!(paths(&problems), ["session.update_age_seconds", "session.max_age_seconds"]);
}

#[test]
fn a_cookie_domain_must_contain_the_host() {
    load("base_url = 'https://a.example.com'\n[cookie]\ndomain = '.example.com'");
    for bad in ["other.com", "ample.com", "com", "127.0.0.1"] {
        let text = format!("base_url = 'https://a.example.com'\n[cookie]\ndomain = '{bad}'");
        assert_eq!(paths(&refused(&text, &[])), ["cookie.domain"], "{bad}");
    }
}

#[test]
fn the_command_line_wins() {
    let overrides =
        Overrides { data_dir: Some("/srv/a?b".into()), listen: Some("127.0.0.1:9".to_owned()), ..Overrides::default() };
    let config = Config::load(RawConfig { overrides, ..raw("data_dir = 'x'", &[("BELGIE_DATA_DIR", "y")]) }).unwrap();
    assert_eq!(config.server.listen, SocketAddr::from(([127, 0, 0, 1], 9)));
    assert_eq!(config.database.url.expose_secret(), "sqlite:/srv/a%3Fb/belgie.db");
    let overrides = Overrides { listen: Some("nine".to_owned()), ..Overrides::default() };
    let problems = Config::load(RawConfig { overrides, ..RawConfig::default() }).unwrap_err();
    assert_eq!(paths(&problems), ["--listen"]);
}

#[test]
fn secrets_are_never_shown() {
    let text = format!(
        "secret = '{STRONG}'\n[database]\nurl = 'postgres://belgie:hunter2@db.example/belgie?password=hunter2'"
    );
    let raw = raw(&text, &[("BELGIE_OAUTH_SERVER_KEY", "hunter2")]);
    let raw_debug = format!("{raw:?}");
    let draft = Config::draft(raw).unwrap();
    let mut section = draft.plugins().section("oauth-server");
    assert_eq!(section.secret("key").unwrap().expose_secret(), "hunter2");
    section.finish();
    let config = draft.finish(&["oauth-server"]).unwrap();
    assert_eq!(config.database.engine, Engine::Postgres);
    assert!(!config.database.migrate_on_start);
    assert!(config.database.url.expose_secret().contains("hunter2"));
    let printed: Vec<String> = config.effective().iter().map(ToString::to_string).collect();
    let all = format!("{raw_debug} {config:?} {}", printed.join("\n"));
    assert!(!all.contains("hunter2") && !all.contains(STRONG), "{all}");
    assert!(all.contains("secret = (secret)  # file"), "{all}");
    assert!(all.contains("database.url = \"postgres://belgie:***@db.example/belgie\"  # file"), "{all}");
    assert!(all.contains("plugins.oauth-server.key = (secret)  # environment BELGIE_OAUTH_SERVER_KEY"), "{all}");
}

#[test]
fn a_file_that_is_not_toml_is_pointed_at_without_quoting_it() {
    let problems = Config::load(RawConfig::from_text("a = 1\nsecret = 'hunter2' x")).unwrap_err();
    assert_eq!(problems.iter().count(), 1);
    let text = problems.to_string();
    assert!(text.starts_with("belgie.toml:2:"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_named_file_must_exist() {
    let overrides = Overrides { config: Some("/nowhere/belgie.toml".into()), ..Overrides::default() };
    let problems = RawConfig::gather([], overrides).unwrap_err();
    assert_eq!(paths(&problems), ["/nowhere/belgie.toml"]);
    let variable = ("BELGIE_CONFIG".into(), "/nowhere/else.toml".into());
    let problems = RawConfig::gather([variable], Overrides::default()).unwrap_err();
    assert_eq!(paths(&problems), ["/nowhere/else.toml"]);
}

#[test]
fn a_plugin_reads_its_table_and_leftovers_are_reported() {
    let draft = Config::draft(raw(
        "[plugins.oauth-server]\nclient_limit = 3\nclient_limt = 4",
        &[("BELGIE_OAUTH_SERVER_CLIENT_LIMIT", "5"), ("BELGIE_OAUTH_SERVER_OTHER", "1")],
    ))
    .unwrap();
    let mut section = draft.plugins().section("oauth-server");
    assert_eq!(section.integer("client_limit", 1..=10, 1), 5);
    section.finish();
    let problems = draft.finish(&["oauth-server"]).unwrap_err();
    assert_eq!(paths(&problems), ["plugins.oauth-server.client_limt", "BELGIE_OAUTH_SERVER_OTHER"]);
    let problems = Config::draft(RawConfig::default()).unwrap().finish(&["session"]).unwrap_err();
    assert_eq!(paths(&problems), ["plugins.session"]);
}
