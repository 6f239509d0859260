//! The operator reads, exports and simulates at the command line.

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::on_both_engines;
use crate::organization::{known, owned_by};
use crate::support::{Connected, Setup, TestGateway};

async fn belgie(gateway: &TestGateway, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--config").arg(gateway.config_file()).stdin(Stdio::null());
    command.output().await.expect("the program runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn listed(gateway: &TestGateway, arguments: &[&str]) -> Vec<Value> {
    let (ok, said) = gateway.program(&[&["audit", "list"], arguments].concat()).await;
    assert!(ok, "{arguments:?}: {said}");
    said.as_array().cloned().unwrap_or_default()
}

on_both_engines! {
    async fn the_operator_narrows_the_record_and_takes_it_along(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let other = Connected::new(&gateway, "bob@example.org").await;
        agent.call().await;
        agent.modern().call("step_up", json!({})).await;
        other.call().await;
        gateway.gateway.archive().flush().await.expect("written");
        let id = acme.id.to_string();
        let client = other.agent.client_id.clone();
        for (arguments, expected) in [
            (vec!["--only", "decisions"], 3),
            (vec!["--only", "decisions", "--org", "acme"], 2),
            (vec!["--only", "decisions", "--org", &id], 2),
            (vec!["--only", "decisions", "--user", "bob@example.org"], 1),
            (vec!["--only", "decisions", "--client", &client], 1),
            (vec!["--tool", "echo"], 2),
            (vec!["--denied"], 1),
            (vec!["--only", "acts", "--org", "acme"], 3),
            (vec!["--org", "acme", "--since", "1h"], 5),
            (vec!["--org", "acme", "--until", "2020-01-01"], 0),
            (vec!["--org", "acme", "--limit", "1"], 1),
        ] {
            assert_eq!(listed(&gateway, &arguments).await.len(), expected, "{arguments:?}");
        }
        let denied = &listed(&gateway, &["--denied"]).await[0];
        assert_eq!((&denied["decision"], &denied["target"]), (&json!("scope_missing"), &json!("step_up")));
        let people = text(&belgie(&gateway, &["audit", "list", "--denied"]).await);
        assert!(people.contains("tool.call") && people.contains("scope_missing"), "{people}");
        for wrong in [["--org", "nowhere"], ["--since", "yesterday"], ["--only", "x"], ["--user", "nobody@example.org"]] {
            let (ok, said) = gateway.program(&[&["audit", "list"], &wrong[..]].concat()).await;
            assert!(!ok && (said["hint"].is_string() || wrong[0] == "--only"), "{wrong:?}: {said}");
        }
        let exported = text(&belgie(&gateway, &["audit", "export", "--org", "acme"]).await);
        let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|line| line["organization"] == id), "{exported}");
        assert_eq!(lines[0]["action"], "organization.created", "oldest first");
        let late = text(&belgie(&gateway, &["audit", "export", "--org", "acme", "--until", "2020-01-01"]).await);
        assert_eq!(late, "");
        let all = text(&belgie(&gateway, &["audit", "export"]).await);
        assert!(all.lines().count() > 5, "{all}");
    }
}

on_both_engines! {
    async fn the_operator_simulates_a_changed_file(gateway: TestGateway, setup = Setup::default().config("# rules\n[audit]\nretention_days = 90")) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.call().await;
        gateway.gateway.archive().flush().await.expect("written");
        let same = belgie(&gateway, &["simulate", "--demo-tools", "--fail-on-change"]).await;
        assert!(same.status.success(), "{}", text(&same));
        assert!(text(&same).contains("1 decisions on record: 1 would be the same, 0 would be others."), "{}", text(&same));

        // Even a file that would keep nothing takes nothing away.
        gateway.clock.advance(std::time::Duration::from_hours(72));
        let changed = gateway.config_file().with_file_name("changed.toml");
        let rules = "[[access]]\ntools = ['echo']\nscopes = ['demo:step-up']\n[audit]\nretention_days = 1";
        let now = std::fs::read_to_string(gateway.config_file()).expect("the file");
        std::fs::write(&changed, now.replace("# rules\n[audit]\nretention_days = 90", rules)).expect("written");
        let simulate = async |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
            command.args(["simulate", "--demo-tools", "--config"]).arg(&changed).args(more).stdin(Stdio::null());
            command.output().await.expect("the program runs")
        };
        let told = simulate(&[]).await;
        assert!(told.status.success());
        let words = text(&told);
        assert!(words.contains("would be refused: ada@example.org  tool.call echo  allowed -> scope_missing  once"), "{words}");
        assert_eq!(simulate(&["--fail-on-change"]).await.status.code(), Some(1));
        let said: Value = serde_json::from_slice(&simulate(&["--json"]).await.stdout).expect("JSON");
        assert_eq!((&said["changed"], &said["changes"][0]["after"]), (&json!(1), &json!("scope_missing")));
        assert_eq!(said["changes"][0]["user"], ada.person.id.to_string());
        let none = simulate(&["--json", "--until", "2020-01-01"]).await;
        let none: Value = serde_json::from_slice(&none.stdout).expect("JSON");
        assert_eq!(none["decisions"], 0);
        assert_eq!(listed(&gateway, &["--tool", "echo"]).await.len(), 1);
    }
}

on_both_engines! {
    async fn who_reads_no_further_than_they_like_is_no_mistake(gateway: TestGateway) {
        gateway.person("ada@example.org").await;
        for arguments in [&["audit", "list"][..], &["audit", "list", "--json"], &["audit", "export"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
            command.args(arguments).arg("--config").arg(gateway.config_file()).stdin(Stdio::null());
            let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
            // As `head` does when it has seen enough.
            drop(process.stdout.take());
            let ended = process.wait_with_output().await.expect("it ends");
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success() && !said.contains("panicked"), "{arguments:?}: {said}");
        }
    }
}
