//! `[[access]]` itself: mistakes, and what is hardly meant.

use std::process::Command;

use belgie::Belgie;
use belgie::config::RawConfig;
use serde_json::Value;

use super::Both;
use crate::on_both_engines;
use crate::support::{Connected, Engine, Places, Setup};

fn check(lines: &str) -> (bool, Value) {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("belgie.toml"), lines).expect("a writable folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    let output = command.args(["check", "--json"]).current_dir(dir.path()).output().expect("the program runs");
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("the folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["belgie.toml"], "a check leaves nothing behind");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.success(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON, not {text:?}")))
}

#[test]
fn every_mistake_is_named_with_its_place_at_once() {
    let (ok, said) = check(
        "
[[access]]
tools = []
deny = true

[[access]]
tools = ['who am i']
scopes = ['two words', 'nobody:explains']

[[access]]
tools = ['whoami']

[[access]]
tools = ['whoami']
organizations = ['Acme Inc']
permissions = ['delete']
roles = [' owner']
teams = ['']
when = 'caller.mail == 1'

[[access]]
tool = ['whoami']
when = 'arguments.amount <'
",
    );
    assert!(!ok);
    let problems = said["problems"].as_array().expect("problems");
    let found: Vec<&str> = problems.iter().filter_map(|problem| problem["path"].as_str()).collect();
    for path in [
        "access[0].tools",
        "access[1].tools[0]",
        "access[1].scopes[0]",
        "access[1].scopes",
        "access[2].tools",
        "access[3].organizations[0]",
        "access[3].permissions[0]",
        "access[3].roles[0]",
        "access[3].teams[0]",
        "access[3].when",
        "access[4].tools",
        "access[4].tool",
        "access[4].when",
    ] {
        assert!(found.contains(&path), "{path} is not in {said:#}");
    }
    assert!(problems.iter().all(|problem| problem["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty())));
    let text = said.to_string();
    for words in ["did you mean `tools`", "there is no `caller.mail`", "nobody explains the scope `nobody:explains`"] {
        assert!(text.contains(words), "{words}: {said:#}");
    }
}

#[test]
fn an_empty_list_never_means_everybody() {
    for key in ["scopes", "organizations", "roles", "permissions", "teams", "plans", "entitlements"] {
        for beside in ["", "when = 'true'\n", "deny = true\n", "scopes = ['connections:read']\n"] {
            if key == "scopes" && beside.starts_with("scopes") {
                continue;
            }
            let (ok, said) = check(&format!("[[access]]\ntools = ['whoami']\n{beside}{key} = []\n"));
            let path = format!("access[0].{key}");
            let problems = said["problems"].as_array().cloned().unwrap_or_default();
            let found = problems.iter().find(|problem| problem["path"] == path.as_str());
            let words = found.and_then(|problem| problem["message"].as_str()).unwrap_or_default();
            assert!(!ok && words.contains("the list is empty"), "{key} {beside}: {said}");
        }
    }
}

on_both_engines! {
    async fn roles_and_permissions_count_in_whatever_case_they_are_written(engine: Engine) {
        let file = "[[access]]\ntools = ['echo']\nroles = ['EDITOR']\n\n[[access]]\ntools = ['add']\nroles = ['Editor']\n\
            deny = true\n\n[[access]]\ntools = ['slow']\npermissions = ['Notes:Edit']\n";
        let places = Places::new();
        let inside = places.clone();
        let gateway = Setup::default().config(file).build(move |builder| inside.alone(builder)).start(engine).await;
        let ada = super::editor(&gateway, &places).await;
        let agent = Connected::of(&gateway, &ada, "", Some(places.id("acme"))).await;
        let both = Both::of(&agent).await;
        assert_eq!(both.lists("echo").await, [true, true]);
        assert_eq!(both.lists("add").await, [false, false], "who is denied it is denied it");
        assert_eq!(both.lists("slow").await, [true, true]);
    }
}

#[test]
fn what_is_for_nothing_is_warned_of() {
    let entry = |name: &str| format!("[[access]]\ntools = ['{name}', 'whoami']\ndeny = true\n");
    let (ok, said) = check(&format!("{}{}", entry("who*"), entry("export_*")));
    assert!(ok, "{said}");
    let warnings = said["warnings"].as_array().expect("warnings");
    assert_eq!(warnings.len(), 1, "{said}");
    let warning = warnings[0].as_str().expect("a sentence");
    assert!(warning.contains("access[1].tools") && warning.contains("`export_*`"), "{warning}");
    let (ok, said) = check("");
    assert!(ok && said["warnings"].as_array().is_some_and(Vec::is_empty), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_runs_warns_of_it_too() {
    let lines = "[[access]]\ntools = ['echo', 'exports']\ndeny = true\nwhen = 'caller.user.email_verified'\n";
    let gateway = Setup::default().config(lines).start(Engine::Sqlite).await;
    let warnings = gateway.gateway.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("`exports`"), "{warnings:?}");
    let shown = "access\n  access[0]  echo exports  denied to, when caller.user.email_verified\n";
    assert!(gateway.gateway.surface().ends_with(shown), "{}", gateway.gateway.surface());
}

#[test]
fn the_entries_that_the_documents_show_are_right() {
    for (name, text) in [
        ("README.md", include_str!("../../../README.md")),
        ("belgie.toml", include_str!("../../../examples/belgie.toml")),
    ] {
        let lines = text.lines().map(|line| line.strip_prefix("#     ").unwrap_or(line));
        let from = lines.skip_while(|line| *line != "[[access]]");
        let entries: Vec<&str> = from.take_while(|line| !line.starts_with("```") && !line.starts_with("# ")).collect();
        assert!(entries.len() > 5, "{name} shows entries");
        // Their scopes belong to tools that are not here.
        let entries = entries.join("\n").replace("notes:write", "connections:read");
        Belgie::builder(RawConfig::from_text(&entries)).check().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
