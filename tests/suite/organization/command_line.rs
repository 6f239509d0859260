//! The operator at the command line.

use std::collections::BTreeSet;

use belgie_organization::NewOrganization;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{at, join, known, organizations, owned_by, read, roles_of};
use crate::on_both_engines;
use crate::support::{Browser, Setup, TestGateway};

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
    async fn the_operator_makes_fills_and_deletes_organizations(gateway: TestGateway) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        assert_eq!(done(&gateway, &["org", "list"]).await, json!({ "organizations": [] }));
        let create = ["org", "create", "--name", "Acme", "--owner", "Ada@example.org"];
        let made = done(&gateway, &create).await;
        assert_eq!(made["slug"], "acme");
        assert_eq!(refused(&gateway, &create).await, "organization.slug_taken");
        let nobody = ["org", "create", "--name", "Other", "--owner", "nobody@example.org"];
        assert_eq!(refused(&gateway, &nobody).await, "organization.unknown_user");

        let add = ["org", "add-member", "acme", "--email", "bob@example.org", "--role", "member, admin"];
        assert_eq!(done(&gateway, &add).await["roles"], json!(["admin", "member"]));
        assert_eq!(roles_of(&mut of_ada, "acme", bob.id).await, Some(json!(["admin", "member"])));
        let id = made["id"].as_str().expect("an id");
        let set = ["org", "set-roles", id, "--email", "bob@example.org", "--role", "owner"];
        assert_eq!(done(&gateway, &set).await["roles"], json!(["owner"]));
        let members = done(&gateway, &["org", "members", "acme"]).await;
        assert_eq!(members["members"][1]["email"], "bob@example.org");
        done(&gateway, &["org", "remove-member", "acme", "--email", "bob@example.org"]).await;
        let last = ["org", "remove-member", "acme", "--email", "ada@example.org"];
        assert_eq!(refused(&gateway, &last).await, "organization.last_owner");
        done(&gateway, &["org", "delete", "acme"]).await;
        assert_eq!(refused(&gateway, &["org", "members", "acme"]).await, "organization.unknown");
        assert_eq!(refused(&gateway, &["org", "delete", "nowhere"]).await, "organization.unknown");
    }
}

on_both_engines! {
    async fn the_command_line_lists_what_there_is(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        for slug in ["zebra", "acme"] {
            owned_by(&gateway, ada.id, slug).await;
        }
        let list = done(&gateway, &["org", "list"]).await;
        let slugs: Vec<_> = list["organizations"].as_array().expect("a list").iter().map(|one| one["slug"].clone()).collect();
        assert_eq!(slugs, ["acme", "zebra"]);
    }
}

on_both_engines! {
    async fn a_list_of_organizations_is_whole_however_many_there_are(
        gateway: TestGateway,
        setup = Setup::default().config(
            "[plugins.organization]\nmaximum_organizations_per_user = 500\nmaximum_new_slugs_per_user_per_day = 500"
        )
    ) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        // Three share a name at the end of the first page.
        let name = |number: usize| format!("Number {:03}", if (99..102).contains(&number) { 99 } else { number });
        for number in 0..205 {
            let new = NewOrganization { name: name(number), slug: Some(format!("number-{number:03}")), ..NewOrganization::default() };
            organizations(&gateway).create_for(ada.id, new).await.expect("an organization");
        }
        let list = done(&gateway, &["org", "list"]).await;
        let list = list["organizations"].as_array().expect("a list");
        let names: Vec<_> = list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
        assert_eq!(names, (0..205).map(name).collect::<Vec<_>>());
        let slugs: BTreeSet<_> = list.iter().map(|one| one["slug"].to_string()).collect();
        assert_eq!(slugs.len(), 205, "none comes twice");
    }
}

on_both_engines! {
    async fn the_operator_changes_what_an_organization_is_called_and_shows(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let whole = ["org", "update", "acme", "--name", "Apex", "--slug", "apex", "--logo", "https://apex.example/l.png",
            "--metadata", r#"{"tier":"gold"}"#];
        let changed = done(&gateway, &whole).await;
        for (part, value) in [
            ("name", json!("Apex")), ("slug", json!("apex")), ("logo_url", json!("https://apex.example/l.png")),
            ("metadata", json!({ "tier": "gold" })),
        ] {
            assert_eq!(changed[part], value, "{changed}");
        }
        // What is not named stays; under the old name nothing is done.
        let plain = done(&gateway, &["org", "update", "apex", "--logo", ""]).await;
        assert_eq!((&plain["name"], &plain["logo_url"]), (&json!("Apex"), &Value::Null), "{plain}");
        assert_eq!(plain["metadata"], json!({ "tier": "gold" }));
        for (more, code) in [
            (["--slug", "rose"], "organization.slug_taken"),
            (["--name", " "], "organization.invalid_name"),
            (["--logo", "http://apex.example/l.png"], "organization.invalid_logo"),
            (["--metadata", "[]"], "organization.invalid_metadata"),
            (["--metadata", "{"], "organization.invalid_metadata"),
        ] {
            assert_eq!(refused(&gateway, &[&["org", "update", "apex"][..], &more].concat()).await, code, "{more:?}");
        }
        for nowhere in ["acme", "nowhere"] {
            assert_eq!(refused(&gateway, &["org", "update", nowhere, "--name", "X"]).await, "organization.unknown");
        }
        let (_, record) = read(&mut of_ada, &at("apex", "/audit")).await;
        let acts = record["entries"].as_array().cloned().unwrap_or_default();
        let updates: Vec<_> = acts.iter().filter(|act| act["action"] == "organization.updated").collect();
        assert!(updates.iter().any(|act| act["details"]["slug"]["after"] == "apex"), "{record}");
        assert!(updates.iter().all(|act| act["actor"].is_null()), "nobody but the operator: {record}");
    }
}

on_both_engines! {
    async fn the_operator_makes_changes_and_deletes_roles(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let made = done(&gateway, &["org", "create-role", "acme", "Clerk", "--permissions", "member:read, invitation:read"]).await;
        assert_eq!((&made["name"], &made["permissions"]), (&json!("clerk"), &json!(["invitation:read", "member:read"])));
        join(&gateway, acme.id, bob.id, "clerk").await;
        let sees = async |browser: &mut Browser| read(browser, &at("acme", "/invitations")).await.0 == StatusCode::OK;
        assert!(sees(&mut of_bob).await);
        // At once for whoever has it.
        done(&gateway, &["org", "update-role", "acme", "clerk", "--permissions", ""]).await;
        assert!(!sees(&mut of_bob).await);
        let roles = done(&gateway, &["org", "roles", "acme"]).await;
        let roles: Vec<_> = roles["roles"].as_array().expect("roles").iter().map(|role| role["name"].clone()).collect();
        assert_eq!(roles, ["owner", "admin", "member", "clerk"]);
        for (arguments, code) in [
            (vec!["delete-role", "acme", "clerk"], "organization.role_in_use"),
            (vec!["delete-role", "acme", "admin"], "organization.fixed_role"),
            (vec!["create-role", "acme", "clerk", "--permissions", ""], "organization.role_taken"),
            (vec!["create-role", "acme", "1", "--permissions", ""], "organization.invalid_role"),
            (vec!["create-role", "acme", "burner", "--permissions", "notes:burn"], "organization.unknown_permission"),
            (vec!["create-role", "acme", "heir", "--permissions", "organization:delete"], "organization.unknown_permission"),
            (vec!["update-role", "acme", "nobody", "--permissions", ""], "organization.unknown_role"),
        ] {
            assert_eq!(refused(&gateway, &[vec!["org"], arguments.clone()].concat()).await, code, "{arguments:?}");
        }
        done(&gateway, &["org", "set-roles", "acme", "--email", "bob@example.org", "--role", "member"]).await;
        done(&gateway, &["org", "delete-role", "acme", "clerk"]).await;
        let (_, record) = read(&mut of_ada, &at("acme", "/audit")).await;
        for act in ["organization.role_created", "organization.role_updated", "organization.role_deleted"] {
            assert!(record.to_string().contains(act), "{act}: {record}");
        }
    }
}

on_both_engines! {
    async fn the_operator_invites_sends_again_and_takes_back(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let red = crate::team::team_of(&gateway, acme.id, "red").await.id;
        let configured = async |arguments: &[&str]| {
            let (ok, said) = gateway.configured_program(arguments).await;
            assert!(ok, "{arguments:?}: {said}");
            said
        };
        let invite = ["org", "invite", "acme", "--email", "Guest@example.org", "--role", "admin", "--team", "red"];
        let first = configured(&invite).await;
        assert_eq!((&first["email"], &first["roles"]), (&json!("guest@example.org"), &json!(["admin"])));
        assert_eq!((&first["team_id"], &first["status"]), (&json!(red), &json!("pending")));
        let letter = gateway.letter_to("guest@example.org").await.token();
        assert_eq!(refused(&gateway, &invite).await, "organization.already_invited");
        let ada_again = ["org", "invite", "acme", "--email", "ada@example.org"];
        assert_eq!(refused(&gateway, &ada_again).await, "organization.already_member");
        let elsewhere = ["org", "invite", "acme", "--email", "x@example.org", "--team", "blue"];
        assert_eq!(refused(&gateway, &elsewhere).await, "organization.unknown_team");
        let unheard = ["org", "invite", "acme", "--email", "x@example.org", "--role", "clerk"];
        assert_eq!(refused(&gateway, &unheard).await, "organization.unknown_role");

        let id = first["id"].as_str().expect("an id");
        // Whose it is has to be right, and what is not there is not there.
        for (organization, invitation) in [("rose", id), ("acme", "inv_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b"), ("acme", "inv_1")] {
            for verb in ["resend-invitation", "cancel-invitation"] {
                let code = refused(&gateway, &["org", verb, organization, invitation]).await;
                assert_eq!(code, "organization.unknown_invitation", "{verb} {organization} {invitation}");
            }
        }
        let second = configured(&["org", "resend-invitation", "acme", id]).await;
        assert_eq!((&second["roles"], &second["team_id"]), (&json!(["admin"]), &json!(red)));
        assert_ne!(gateway.letter_to("guest@example.org").await.token(), letter, "a new link");
        assert_eq!(refused(&gateway, &["org", "resend-invitation", "acme", id]).await, "organization.invitation_over");
        let open = done(&gateway, &["org", "invitations", "acme"]).await;
        let ids = |list: &Value| list["invitations"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&open), [second["id"].clone()]);
        let id = second["id"].as_str().expect("an id");
        done(&gateway, &["org", "cancel-invitation", "acme", id]).await;
        assert_eq!(refused(&gateway, &["org", "cancel-invitation", "acme", id]).await, "organization.invitation_over");
        assert_eq!(done(&gateway, &["org", "invitations", "acme"]).await["invitations"], json!([]));
        let all = done(&gateway, &["org", "invitations", "acme", "--all"]).await;
        let ended: Vec<_> = all["invitations"].as_array().expect("a list").iter().map(|one| one["status"].clone()).collect();
        assert_eq!(ended, ["canceled", "canceled"]);
        let again = [&invite[..], &["--resend"]].concat();
        assert_eq!(configured(&again).await["status"], "pending");
    }
}
