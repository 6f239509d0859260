//! What stops the boot, and what it says.

use belgie::config::RawConfig;
use belgie::{Belgie, BootError, Builder};
use belgie_api::{ToolSet, access, tool};

fn builder(dir: &tempfile::TempDir, more: &str) -> Builder {
    Belgie::builder(RawConfig::from_text(&format!("data_dir = {:?}\n{more}", dir.path().join("data"))))
}

async fn refusal(builder: Builder) -> String {
    match builder.build().await {
        Ok(_) => panic!("the gateway started"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_settings_the_readme_shows_are_right() {
    let dir = tempfile::tempdir().expect("a folder");
    let readme = include_str!("../../README.md");
    let section = readme.split("## People sign in").nth(1).expect("the section");
    let block = |language: &str| {
        let after = section.split(&format!("```{language}\n")).nth(1).expect("a block");
        after.split("```").next().unwrap_or_default().to_owned()
    };
    let mut raw = RawConfig::from_text(&format!("data_dir = {:?}\n{}", dir.path().join("data"), block("toml")));
    for line in block("sh").lines().filter(|line| line.starts_with("BELGIE_")) {
        let (name, _) = line.split_once('=').expect("a variable");
        raw.environment.insert(name.to_owned(), "kX3v9Qm2LrT7wYb1NfHs8DzGc5JpVe0A".to_owned());
    }
    assert_eq!(raw.environment.len(), 5, "the variables of the section");
    Belgie::builder(raw).check().unwrap_or_else(|error| panic!("{error}"));
}

async fn nothing() -> String {
    String::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tools_of_one_name_stop_the_boot() {
    let dir = tempfile::tempdir().expect("a folder");
    let set = || ToolSet::new(()).tool(tool("export", "Exports"), access(), nothing);
    let said = refusal(builder(&dir, "").tools(set()).tools(set())).await;
    assert!(said.contains("export"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_with_a_scope_nobody_explains_stops_the_boot() {
    let dir = tempfile::tempdir().expect("a folder");
    let set = ToolSet::new(()).tool(tool("export", "Exports"), access().scope("notes:read"), nothing);
    let said = refusal(builder(&dir, "").tools(set)).await;
    assert!(said.contains("notes:read"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_beyond_loopback_wants_https_and_a_strong_secret() {
    let dir = tempfile::tempdir().expect("a folder");
    let Err(BootError::Config(problems)) = builder(&dir, "[server]\nlisten = \"0.0.0.0:8080\"").check() else {
        panic!("the gateway would have listened");
    };
    let said = problems.to_string();
    assert!(said.contains("base_url") && said.contains("secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_the_configuration_is_said_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let text =
        "site_nam = \"x\"\n[session]\nmax_age_seconds = \"long\"\n[plugins.oauth-server]\nacces_token_ttl_seconds = 1";
    let Err(BootError::Config(problems)) = builder(&dir, text).check() else {
        panic!("the gateway would have started");
    };
    let said = problems.to_string();
    for word in ["site_nam", "site_name", "session.max_age_seconds", "acces_token_ttl_seconds"] {
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_operators_takes_the_place_of_ours_and_a_misspelt_one_stops_the_boot() {
    let pages = tempfile::tempdir().expect("a folder");
    let own = "{% extends \"base.html\" %}{% block content %}<h1>Welcome to the Acme door</h1>{% endblock %}";
    std::fs::write(pages.path().join("home.html"), own).expect("a page");
    let setting = format!("templates_dir = {:?}", pages.path());
    let gateway = crate::support::Setup::default().top(&setting).start(crate::support::Engine::Sqlite).await;
    assert!(gateway.browser().get("/").await.body.contains("Welcome to the Acme door"));

    std::fs::write(pages.path().join("hoem.html"), own).expect("a page");
    let dir = tempfile::tempdir().expect("a folder");
    let said = refusal(builder(&dir, &setting)).await;
    assert!(said.contains("hoem.html"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_dropped_lets_go_of_everything() {
    let dir = tempfile::tempdir().expect("a folder");
    let google = "[plugins.google]\nclient_id = \"a\"\nclient_secret = \"b\"";
    let gateway = builder(&dir, google).build().await.unwrap_or_else(|error| panic!("{error}"));
    // Plugins hold the host, and the host knows of plugins.
    let news = std::sync::Arc::downgrade(gateway.host().db().bus());
    gateway.shutdown().await;
    drop(gateway);
    assert_eq!(news.strong_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_of_the_file_that_do_not_fit_together_stop_the_boot() {
    let scope = |name: &str, more: &str| format!("[[scope]]\nname = \"{name}\"\ndescription = \"Does it\"\n{more}\n");
    for (more, words) in [
        ("implies = [\"b\"]", "implies `b`, which nobody explains"),
        ("implies = [\"admin\"]", "cannot imply `admin`"),
        ("resources = [\"https://api.example\"]", "`https://api.example`, which is not known; known are: "),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let said = refusal(builder(&dir, &scope("a", more))).await;
        assert!(said.contains(words), "{words} in {said}");
    }
    let dir = tempfile::tempdir().expect("a folder");
    let text = "[[scope]]\nname = \"a b\"\n[[scope]]\nname = \"c\"\ndescription = \"d\"\nresources = [\"here\"]";
    let Err(BootError::Config(problems)) = builder(&dir, text).check() else {
        panic!("the gateway would have started")
    };
    let said = problems.to_string();
    for word in ["scope[0].name", "scope[0].description", "scope[1].resources"] {
        assert!(said.contains(word), "{word} in {said}");
    }

    // An endpoint of ours may be named by its whole address.
    let dir = tempfile::tempdir().expect("a folder");
    let own = scope("own:use", "resources = [\"http://127.0.0.1:8080/mcp\"]");
    let rule = format!("{own}[[access]]\ntools = [\"export\"]\nscopes = [\"own:use\"]\n");
    let set = ToolSet::new(()).tool(tool("export", "Exports"), access().scope("own:use"), nothing);
    builder(&dir, &rule).tools(set).build().await.unwrap_or_else(|error| panic!("{error}"));

    // A rule for a tool of ours cannot ask for what is had elsewhere alone.
    let elsewhere = scope("api:read", "resources = [\"https://api.example\"]");
    let known = "[plugins.oauth-server]\nresources = [\"https://api.example\"]\n";
    let dir = tempfile::tempdir().expect("a folder");
    let rule = format!("{elsewhere}[[access]]\ntools = [\"export\"]\nscopes = [\"api:read\"]\n{known}");
    let Err(BootError::Config(problems)) = builder(&dir, &rule).check() else {
        panic!("the gateway would have started")
    };
    assert!(problems.to_string().contains("api:read"), "{problems}");
    let set = ToolSet::new(()).tool(tool("export", "Exports"), access().scope("api:read"), nothing);
    let said = refusal(builder(&dir, &format!("{elsewhere}{known}")).tools(set)).await;
    assert!(said.contains("nobody explains for the endpoints of this host"), "{said}");
    builder(&dir, &format!("{elsewhere}{known}")).build().await.unwrap_or_else(|error| panic!("{error}"));
}
