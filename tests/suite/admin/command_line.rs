//! The same acts from the command line beside the gateway.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::on_both_engines;
use crate::support::{Connected, Engine, TestGateway};

pub async fn belgie(gateway: &TestGateway, arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(arguments).arg("--json").stdin(Stdio::null());
    match gateway.engine() {
        Engine::Sqlite => command.arg("--data-dir").arg(gateway.data_dir()),
        Engine::Postgres(_) => command.arg("--config").arg(gateway.config_file()),
    };
    let output = command.output().await.expect("the program runs");
    (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

on_both_engines! {
    async fn the_operator_of_the_machine_bans_unbans_and_reads_the_record(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let (ok, said) = belgie(&gateway, &["user", "ban", "--email", "ada@example.org", "--reason", "spam"]).await;
        assert!(ok && said["banned"] == true, "{said}");
        // News of other processes come within a second.
        let begin = std::time::Instant::now();
        while ada.call().await.status != StatusCode::UNAUTHORIZED {
            assert!(begin.elapsed() < std::time::Duration::from_secs(1), "still let in");
        }
        let (_, said) = belgie(&gateway, &["user", "unban", "--email", "ada@example.org"]).await;
        assert_eq!(said["was_banned"], true);
        belgie(&gateway, &["user", "set-scopes", "--email", "ada@example.org", "--scope", "admin notes:read"]).await;
        let (_, said) = belgie(&gateway, &["user", "verify", "--email", "ada@example.org"]).await;
        assert_eq!(said["email_verified"], true);
        let (_, acts) = belgie(&gateway, &["audit", "list", "--user", "ada@example.org"]).await;
        let (_, limited) = belgie(&gateway, &["audit", "list", "--limit", "1"]).await;
        assert_eq!(limited, json!([acts[0].clone()]));
        let actions: Vec<_> = acts.as_array().expect("a list").iter().map(|act| act["action"].clone()).collect();
        assert_eq!(actions, ["user.verified", "user.scopes_set", "user.unbanned", "user.banned"]);
        assert!(acts.as_array().expect("a list").iter().all(|act| act["actor"].is_null()));
        assert_eq!(acts[3]["details"]["reason"], "spam");

        for arguments in [
            ["user", "delete", "--email", "ada@example.org"].as_slice(),
            &["user", "set-scopes", "--email", "ada@example.org", "--scope", ""],
            &["user", "ban", "--email", "ada@example.org"],
        ] {
            let (ok, said) = belgie(&gateway, arguments).await;
            assert!(!ok && said["error"] == "admin.last", "{said}");
        }
    }
}
