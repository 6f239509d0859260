//! What the operator does at the command line.

use serde_json::{Value, json};

use super::{done as sent, join, known, owned_by, read, who_is_in};
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

async fn done(gateway: &TestGateway, arguments: &[&str]) -> Value {
    let (ok, said) = gateway.program(arguments).await;
    assert!(ok, "{arguments:?}: {said}");
    said
}

async fn refused(gateway: &TestGateway, arguments: &[&str]) -> String {
    let (ok, said) = gateway.program(arguments).await;
    assert!(!ok, "{arguments:?}: {said}");
    said["error"].as_str().unwrap_or_default().to_owned()
}

on_both_engines! {
    async fn the_operator_makes_fills_and_deletes_teams(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        assert_eq!(done(&gateway, &["team", "list", "acme"]).await, json!({ "teams": [] }));
        let made = done(&gateway, &["team", "create", "acme", "--name", "Red Team", "--lead", "Ada@example.org"]).await;
        assert_eq!(made["slug"], "red-team");
        let id = made["id"].as_str().expect("an id");
        assert_eq!(refused(&gateway, &["team", "create", "acme", "--name", "Red team"]).await, "team.slug_taken");
        let empty = done(&gateway, &["team", "create", "acme", "--name", "Blue", "--slug", "b2"]).await;
        assert!(who_is_in(&gateway, empty["id"].as_str().expect("an id").parse().expect("a team")).await.is_empty());
        let add = ["team", "add-member", "acme", "red-team", "--email", "bob@example.org"];
        assert_eq!(done(&gateway, &add).await["roles"], json!(["member"]));
        let set = ["team", "set-roles", acme.slug.as_str(), id, "--email", "bob@example.org", "--role", "lead, reviewer"];
        assert_eq!(done(&gateway, &set).await["roles"], json!(["lead", "reviewer"]));
        let members = done(&gateway, &["team", "members", "acme", "red-team"]).await;
        assert_eq!((&members["members"][0]["email"], &members["members"][1]["roles"]), (&json!("ada@example.org"), &json!(["lead", "reviewer"])));
        let renamed = done(&gateway, &["team", "rename", "acme", "red-team", "--name", "Crimson"]).await;
        assert_eq!(renamed["name"], "Crimson");
        let list = done(&gateway, &["team", "list", "acme"]).await;
        assert_eq!((&list["teams"][1]["slug"], &list["teams"][1]["member_count"]), (&json!("red-team"), &json!(2)));
        let out = ["team", "remove-member", "acme", "red-team", "--email", "bob@example.org"];
        assert_eq!(done(&gateway, &out).await["removed"], true);
        assert_eq!(refused(&gateway, &out).await, "team.unknown_member");
        let nobody = ["team", "add-member", "acme", "red-team", "--email", "nobody@example.org"];
        assert_eq!(refused(&gateway, &nobody).await, "team.unknown_user");
        gateway.person("eve@example.org").await;
        let outside = ["team", "add-member", "acme", "red-team", "--email", "eve@example.org"];
        assert_eq!(refused(&gateway, &outside).await, "team.not_in_organization");
        done(&gateway, &["team", "delete", "acme", "red-team"]).await;
        assert_eq!(refused(&gateway, &["team", "members", "acme", "red-team"]).await, "team.unknown");
        assert_eq!(refused(&gateway, &["team", "list", "nowhere"]).await, "organization.unknown");
        assert_eq!(read(&mut of_ada, "/auth/organization/teams").await.1, json!({ "teams": [] }));
    }
}

on_both_engines! {
    async fn the_command_line_keeps_the_operators_limits_and_tells_teams(
        gateway: TestGateway,
        setup = Setup::default()
            .config("[plugins.team]\nmaximum_members_per_team = 1\n[plugins.organization]\nmaximum_members_per_organization = 2")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        gateway.person("eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        // The settings of the file count on both engines: both commands are given it.
        let file = gateway.config_file();
        let file = file.to_str().expect("a path");
        let with_file = |arguments: &[&'static str]| [arguments.to_vec(), vec!["--config"]].concat();
        let run = async |arguments: &[&'static str]| {
            let words = with_file(arguments);
            let mut words: Vec<&str> = words.clone();
            words.push(file);
            match gateway.engine() {
                crate::support::Engine::Sqlite => gateway.program(&words).await,
                crate::support::Engine::Postgres(_) => gateway.program(arguments).await,
            }
        };
        let (ok, full) = run(&["org", "add-member", "acme", "--email", "eve@example.org", "--role", "member"]).await;
        assert_eq!((ok, &full["error"]), (false, &json!("organization.full")));
        run(&["team", "create", "acme", "--name", "Red", "--lead", "bob@example.org"]).await;
        let (ok, full) = run(&["team", "add-member", "acme", "red", "--email", "ada@example.org"]).await;
        assert_eq!((ok, &full["error"]), (false, &json!("team.full")));
        let id = super::teams(&gateway).resolve(acme.id, "red").await.expect("a team");
        assert_eq!(who_is_in(&gateway, id).await.len(), 1);
        // What happens to an organization there happens to its teams.
        assert!(run(&["org", "remove-member", "acme", "--email", "bob@example.org"]).await.0);
        assert!(who_is_in(&gateway, id).await.is_empty());
        assert!(run(&["org", "delete", "acme"]).await.0);
        assert!(super::teams(&gateway).find(id).await.expect("an answer").is_none());
        sent(&mut of_ada, "/auth/organization/create", json!({ "name": "Another" })).await;
    }
}
