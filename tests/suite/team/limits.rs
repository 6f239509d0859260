//! Limits, and two at once.

use belgie_api::UserId;
use belgie_organization::{Actor, read_roles};
use belgie_team::NewTeam;
use reqwest::StatusCode;
use serde_json::json;

use super::{at, done, enter, join, known, organizations, owned_by, refused, team_of, teams, who_is_in};
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

const TWO: &str = "[plugins.team]\nmaximum_teams_per_organization = 2\nmaximum_members_per_team = 2";

fn wish(slug: &str) -> NewTeam {
    NewTeam { name: slug.to_owned(), slug: Some(slug.to_owned()), lead: None }
}

on_both_engines! {
    async fn an_organization_has_as_many_teams_and_a_team_as_many_members_as_the_operator_says(
        gateway: TestGateway,
        setup = Setup::default().config(TWO)
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        let create = at("acme", "create", "");
        for name in ["One", "Two"] {
            done(&mut of_ada, &create, json!({ "name": name })).await;
        }
        let third = refused(&mut of_ada, &create, json!({ "name": "Three" })).await;
        assert_eq!(third, (StatusCode::FORBIDDEN, "team.too_many".to_owned()));
        let host = teams(&gateway).create(&Actor::host(), acme.id, wish("three")).await.expect_err("a refusal");
        assert_eq!(host.code(), "team.too_many", "limits hold for everybody");
        teams(&gateway).create(&Actor::user(ada.id), rose.id, wish("three")).await.expect("another organization's");
        done(&mut of_ada, &at("acme", "one", "/delete"), json!({})).await;
        done(&mut of_ada, &create, json!({ "name": "Three" })).await;

        let mut people = Vec::new();
        for name in ["bob", "eve"] {
            let user = gateway.person(&format!("{name}@example.org")).await;
            join(&gateway, acme.id, user.id, "member").await;
            people.push(user.id);
        }
        let add = at("acme", "two", "/members/add");
        done(&mut of_ada, &add, json!({ "member": people[0] })).await;
        let full = refused(&mut of_ada, &add, json!({ "member": people[1] })).await;
        assert_eq!(full, (StatusCode::FORBIDDEN, "team.full".to_owned()));
        done(&mut of_ada, &add, json!({ "member": people[0] })).await;
        done(&mut of_ada, &at("acme", "two", "/members/remove"), json!({ "member": people[0] })).await;
        done(&mut of_ada, &add, json!({ "member": people[1] })).await;
    }
}

on_both_engines! {
    async fn without_a_limit_there_is_none(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        for number in 0..30 {
            team_of(&gateway, acme.id, &format!("team-{number}")).await;
        }
        assert_eq!(teams(&gateway).list(&Actor::user(ada.id), acme.id, 0).await.expect("a list").teams.len(), 30);
    }
}

#[test]
fn wrong_limits_stop_the_boot() {
    for wrong in ["maximum_members_per_team = 0", "maximum_teams_per_organization = 'many'", "maximum = 3"] {
        let text = format!("data_dir = '/nowhere'\n[plugins.team]\n{wrong}");
        let error = belgie::Belgie::builder(belgie::config::RawConfig::from_text(&text)).check().err();
        assert!(error.expect("a problem").to_string().contains("plugins.team.maximum"), "{wrong}");
    }
}

on_both_engines! {
    async fn the_last_place_in_a_team_is_taken_by_one(gateway: TestGateway, setup = Setup::default().config(TWO)) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await.id;
        let eve = gateway.person("eve@example.org").await.id;
        let lent = teams(&gateway);
        let member = read_roles(["member"]).expect("roles");
        for round in 0..6 {
            let id = owned_by(&gateway, ada.id, &format!("round-{round}")).await.id;
            for user in [bob, eve] {
                join(&gateway, id, user, "member").await;
            }
            let red = team_of(&gateway, id, "red").await.id;
            enter(&gateway, red, ada.id, "lead").await;
            let as_ada = Actor::user(ada.id);
            let add = |user: UserId| lent.add_member(&as_ada, red, user, &member);
            let (one, two) = tokio::join!(add(bob), add(eve));
            assert!(one.is_ok() != two.is_ok(), "round {round}: {one:?} {two:?}");
            assert_eq!(who_is_in(&gateway, red).await.len(), 2);
            // So is the last team an organization can have, and a slug that two want.
            let create = |slug: &'static str| lent.create(&as_ada, id, wish(slug));
            let (one, two) = tokio::join!(create("blue"), create("green"));
            assert!(one.is_ok() != two.is_ok(), "round {round}: {one:?} {two:?}");
            lent.delete(&as_ada, one.or(two).expect("one of them").id).await.expect("deleted");
            let (one, two) = tokio::join!(create("blue"), create("blue"));
            assert!(one.is_ok() != two.is_ok(), "round {round}: {one:?} {two:?}");
        }
    }
}

on_both_engines! {
    async fn nobody_is_in_a_team_of_an_organization_they_are_leaving(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let member = read_roles(["member"]).expect("roles");
        let (lent, of_organizations) = (teams(&gateway), organizations(&gateway));
        let as_ada = Actor::user(ada.id);
        for round in 0..8 {
            let bob = gateway.person(&format!("bob{round}@example.org")).await.id;
            let id = owned_by(&gateway, ada.id, &format!("round-{round}")).await.id;
            join(&gateway, id, bob, "member").await;
            let red = team_of(&gateway, id, "red").await.id;
            let added = lent.add_member(&as_ada, red, bob, &member);
            let gone = match round % 2 {
                0 => tokio::join!(added, of_organizations.remove_member(&as_ada, id, bob)).1,
                _ => tokio::join!(added, gateway.gateway.identity().delete(bob)).1.map(drop),
            };
            gone.expect("gone");
            assert!(who_is_in(&gateway, red).await.is_empty(), "round {round}");
        }
    }
}

on_both_engines! {
    async fn a_team_that_is_being_deleted_takes_nobody_in(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await.id;
        let member = read_roles(["member"]).expect("roles");
        let lent = teams(&gateway);
        let as_ada = Actor::user(ada.id);
        let id = owned_by(&gateway, ada.id, "acme").await.id;
        join(&gateway, id, bob, "member").await;
        for round in 0..6 {
            let red = team_of(&gateway, id, &format!("red-{round}")).await.id;
            let (added, deleted) = tokio::join!(lent.add_member(&as_ada, red, bob, &member), lent.delete(&as_ada, red));
            deleted.expect("deleted");
            if let Err(failure) = added {
                assert_eq!(failure.code(), "team.unknown", "round {round}");
            }
            assert!(lent.list_for(bob).await.expect("a list").is_empty(), "round {round}");
        }
    }
}
