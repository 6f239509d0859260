//! The operator at the command line.

use std::collections::BTreeSet;

use belgie_organization::NewOrganization;
use serde_json::{Value, json};

use super::{known, organizations, owned_by, roles_of};
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
