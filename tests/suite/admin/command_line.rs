//! The same acts from the command line beside the gateway.

use reqwest::StatusCode;
use serde_json::json;

use crate::on_both_engines;
use crate::support::{Connected, TestGateway};

on_both_engines! {
    async fn the_operator_of_the_machine_bans_unbans_and_reads_the_record(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.is_let_in().await;
        let (ok, said) = gateway.program(&["user", "ban", "--email", "ada@example.org", "--reason", "spam"]).await;
        assert!(ok && said["banned"] == true, "{said}");
        // News of other processes come within a second.
        let begin = std::time::Instant::now();
        while ada.call().await.status != StatusCode::UNAUTHORIZED {
            assert!(begin.elapsed() < std::time::Duration::from_secs(1), "still let in");
        }
        let (_, said) = gateway.program(&["user", "unban", "--email", "ada@example.org"]).await;
        assert_eq!(said["was_banned"], true);
        gateway.program(&["user", "set-scopes", "--email", "ada@example.org", "--scope", "admin notes:read"]).await;
        let (_, said) = gateway.program(&["user", "verify", "--email", "ada@example.org"]).await;
        assert_eq!(said["email_verified"], true);
        let (_, acts) = gateway.program(&["audit", "list", "--only", "acts", "--user", "ada@example.org"]).await;
        let (_, limited) = gateway.program(&["audit", "list", "--limit", "1"]).await;
        assert_eq!(limited, json!([acts[0].clone()]));
        let actions: Vec<_> = acts.as_array().expect("a list").iter().map(|act| act["action"].clone()).collect();
        assert_eq!(actions[..4], ["user.verified", "user.scopes_set", "user.unbanned", "user.banned"]);
        assert!(acts.as_array().expect("a list")[..4].iter().all(|act| act["actor"].is_null()));
        assert_eq!(acts[3]["details"]["reason"], "spam");

        for arguments in [
            ["user", "delete", "--email", "ada@example.org"].as_slice(),
            &["user", "set-scopes", "--email", "ada@example.org", "--scope", ""],
            &["user", "ban", "--email", "ada@example.org"],
        ] {
            let (ok, said) = gateway.program(arguments).await;
            assert!(!ok && said["error"] == "admin.last", "{said}");
        }
    }
}
