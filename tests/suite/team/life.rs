//! A team from its making to its end.

use belgie_organization::Actor;
use reqwest::StatusCode;
use serde_json::json;

use super::{at, done, enter, join, known, organizations, owned_by, read, refused, team_of, teams, who_is_in};
use crate::on_both_engines;
use crate::support::{TestGateway, unescape};

on_both_engines! {
    async fn somebody_makes_a_team_leads_it_renames_it_and_deletes_it(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let create = at("acme", "create", "");
        let made = done(&mut of_ada, &create, json!({ "name": "  Research &\tDevelopment " })).await;
        assert_eq!((&made["slug"], &made["name"]), (&json!("research-development"), &json!("Research & Development")));
        assert_eq!(made["organization_id"], json!(acme.id));
        let (_, shown) = read(&mut of_ada, &at("acme", "research-development", "")).await;
        assert_eq!((&shown["roles"], &shown["member_count"]), (&json!(["lead"]), &json!(1)));
        let taken = refused(&mut of_ada, &create, json!({ "name": "Another", "slug": "Research-Development" })).await;
        assert_eq!(taken, (StatusCode::CONFLICT, "team.slug_taken".to_owned()));
        for (body, code) in [
            (json!({ "name": "" }), "team.invalid_name"),
            (json!({ "name": "x".repeat(101) }), "team.invalid_name"),
            (json!({ "name": "株式会社" }), "team.invalid_slug"),
            (json!({ "name": "Fine", "slug": "not fine" }), "team.invalid_slug"),
            (json!({ "name": "Fine", "slug": "new" }), "team.slug_taken"),
            (json!({ "name": "Fine", "lead": ada.id }), "invalid_request"),
        ] {
            assert_eq!(refused(&mut of_ada, &create, body.clone()).await.1, code, "{body}");
        }
        done(&mut of_ada, &create, json!({ "name": "Design", "slug": "design" })).await;
        let (_, list) = read(&mut of_ada, "/auth/organization/acme/teams").await;
        let names: Vec<_> = list["teams"].as_array().expect("a list").iter().map(|team| team["name"].clone()).collect();
        assert_eq!(names, ["Design", "Research & Development"], "by name");

        let renamed = done(&mut of_ada, &at("acme", "design", "/update"), json!({ "name": "Looks" })).await;
        assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Looks"), &json!("design")), "rules may name it");
        assert_eq!(refused(&mut of_ada, &at("acme", "design", "/update"), json!({ "name": " " })).await.1, "team.invalid_name");
        done(&mut of_ada, &at("acme", "design", "/delete"), json!({})).await;
        assert_eq!(read(&mut of_ada, &at("acme", "design", "")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(refused(&mut of_ada, &at("acme", "design", "/delete"), json!({})).await.1, "team.unknown");
        let again = done(&mut of_ada, &create, json!({ "name": "Design" })).await;
        assert_ne!(again["id"], renamed["id"], "the address is free again");
    }
}

on_both_engines! {
    async fn members_are_added_found_changed_and_leave(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await;
        let added = done(&mut of_ada, &at("acme", "red", "/members/add"), json!({ "email": " BOB@example.org" })).await;
        assert_eq!((&added["user_id"], &added["roles"]), (&json!(bob.id), &json!(["member"])));
        // Adding once more changes nothing, whatever it says.
        let twice = json!({ "member": bob.id, "role": ["lead", "Reviewer"] });
        assert_eq!(done(&mut of_ada, &at("acme", "red", "/members/add"), twice).await["roles"], json!(["member"]));
        let set = json!({ "member": "bob@example.org", "roles": "Reviewer, member" });
        let set = done(&mut of_ada, &at("acme", "red", "/members/set-roles"), set).await;
        assert_eq!(set["roles"], json!(["member", "reviewer"]));
        assert_eq!(refused(&mut of_ada, &at("acme", "red", "/members/set-roles"), json!({ "member": bob.id, "role": [] })).await.1, "organization.no_role");
        assert_eq!(refused(&mut of_ada, &at("acme", "red", "/members/remove"), json!({ "member": ada.id })).await.1, "team.unknown_member");

        let (_, members) = read(&mut of_bob, &at("acme", "red", "/members")).await;
        assert_eq!((members["members"].as_array().map(Vec::len), &members["members"][0]["email"]), (Some(1), &json!("bob@example.org")));
        let (_, mine) = read(&mut of_bob, "/auth/organization/teams").await;
        assert_eq!((&mine["teams"][0]["slug"], &mine["teams"][0]["organization_id"]), (&json!("red"), &json!(acme.id)));
        let export = of_bob.get("/account/export").await.body;
        assert!(export.contains("\"team\"") && export.contains(&red.id.to_string()), "{export}");
        done(&mut of_bob, &at("acme", "red", "/leave"), json!({})).await;
        assert!(who_is_in(&gateway, red.id).await.is_empty());
        assert_eq!(read(&mut of_bob, &at("acme", "red", "/members")).await.0, StatusCode::FORBIDDEN);
        assert_eq!(read(&mut of_bob, "/auth/organization/acme").await.0, StatusCode::OK, "the organization stays");
    }
}

on_both_engines! {
    async fn fifty_members_are_shown_at_a_time(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let red = team_of(&gateway, acme.id, "red").await;
        let host = gateway.gateway.host();
        for number in 0..52 {
            let new = belgie_api::ports::NewUser { email: format!("p{number}@example.org"), ..Default::default() };
            let mut tx = host.db().begin().await.expect("a transaction");
            let user = host.accounts().create(&mut tx, &new, "import").await.expect("an answer").expect("an account");
            tx.commit(host.now()).await.expect("it happened");
            join(&gateway, acme.id, user.id, "member").await;
            enter(&gateway, red.id, user.id, "member").await;
        }
        for (page, count) in [(0, 50), (1, 2), (2, 0)] {
            let (_, said) = read(&mut of_ada, &at("acme", "red", &format!("/members?page={page}"))).await;
            assert_eq!(said["members"].as_array().map(Vec::len), Some(count), "page {page}");
        }
        assert_eq!(read(&mut of_ada, &at("acme", "red", "/members?sort=name")).await.0, StatusCode::BAD_REQUEST);
        let page = of_ada.get("/organizations/acme/teams/red").await.body;
        assert!(page.contains("52 members") && page.contains("?page=1"), "{page}");
    }
}

on_both_engines! {
    async fn whoever_is_out_of_the_organization_is_out_of_its_teams(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (dan, _) = known(&gateway, "dan@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        let other = team_of(&gateway, rose.id, "red").await.id;
        for user in [bob.id, eve.id, dan.id] {
            for organization in [acme.id, rose.id] {
                join(&gateway, organization, user, "member").await;
            }
            for team in [red, blue, other] {
                enter(&gateway, team, user, "member").await;
            }
        }
        done(&mut of_ada, "/auth/organization/acme/members/remove", json!({ "member": bob.id })).await;
        done(&mut of_eve, "/auth/organization/acme/leave", json!({})).await;
        gateway.gateway.identity().delete(dan.id).await.expect("deleted");
        assert!(who_is_in(&gateway, red).await.is_empty() && who_is_in(&gateway, blue).await.is_empty());
        assert_eq!(who_is_in(&gateway, other).await.len(), 2, "another organization's teams stay as they are");
        // Coming back to the organization does not bring the teams back.
        join(&gateway, acme.id, bob.id, "member").await;
        assert!(who_is_in(&gateway, red).await.is_empty());
    }
}

on_both_engines! {
    async fn the_teams_of_an_organization_go_with_it(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, bob.id, "rose").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, ada.id, "lead").await;
        let blue = team_of(&gateway, rose.id, "blue").await.id;
        enter(&gateway, blue, bob.id, "lead").await;
        done(&mut of_ada, "/auth/organization/acme/delete", json!({})).await;
        let lent = teams(&gateway);
        assert!(lent.find(red).await.expect("an answer").is_none());
        assert!(lent.list_for(ada.id).await.expect("a list").is_empty());
        // An account that is alone in an organization takes both along.
        gateway.gateway.identity().delete(bob.id).await.expect("deleted");
        assert!(lent.find(blue).await.expect("an answer").is_none());
        assert!(organizations(&gateway).find(rose.id).await.expect("an answer").is_none());
    }
}

on_both_engines! {
    async fn what_is_done_to_teams_is_on_record(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        done(&mut of_ada, &at("acme", "create", ""), json!({ "name": "Red" })).await;
        done(&mut of_ada, &at("acme", "red", "/members/add"), json!({ "member": bob.id })).await;
        done(&mut of_ada, &at("acme", "red", "/members/set-roles"), json!({ "member": bob.id, "role": "lead" })).await;
        done(&mut of_bob, &at("acme", "red", "/members/remove"), json!({ "member": ada.id })).await;
        done(&mut of_bob, &at("acme", "red", "/leave"), json!({})).await;
        done(&mut of_ada, &at("acme", "red", "/update"), json!({ "name": "Crimson" })).await;
        done(&mut of_ada, &at("acme", "red", "/delete"), json!({})).await;
        let acts = gateway.gateway.identity().acts(None, 50).await.expect("the record");
        let of_teams: Vec<_> = acts.iter().filter(|act| act.action.starts_with("team.")).map(|act| (act.action.as_str(), act.actor_id)).collect();
        let (by_ada, by_bob) = (Some(ada.id), Some(bob.id));
        assert_eq!(of_teams, [
            ("team.deleted", by_ada), ("team.renamed", by_ada), ("team.left", by_bob), ("team.member_removed", by_bob),
            ("team.roles_set", by_ada), ("team.member_added", by_ada), ("team.created", by_ada),
        ]);
        let (_, record) = read(&mut of_ada, "/auth/organization/acme/audit?limit=20").await;
        let told: Vec<_> = record["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["action"].as_str()).collect();
        assert!(told.starts_with(&["team.deleted", "team.renamed", "team.left"]), "on the organization's own: {told:?}");
    }
}

on_both_engines! {
    async fn nothing_is_active_the_address_names_organization_and_team(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        for slug in ["acme", "rose"] {
            let id = owned_by(&gateway, ada.id, slug).await.id;
            enter(&gateway, team_of(&gateway, id, "red").await.id, ada.id, "lead").await;
        }
        // Two tabs of one session work in two organizations, in whichever order.
        for slug in ["acme", "rose", "acme"] {
            let (status, shown) = read(&mut of_ada, &at(slug, "red", "")).await;
            assert_eq!((status, &shown["team"]["name"]), (StatusCode::OK, &json!("The red")), "{slug}");
            let page = unescape(&of_ada.get(&format!("/organizations/{slug}/teams/red")).await.body);
            assert!(page.contains(&format!("href=\"/organizations/{slug}\"")), "{page}");
        }
        let (_, session) = read(&mut of_ada, "/auth/session").await;
        let text = session.to_string();
        assert!(!text.contains("organization") && !text.contains("team"), "{text}");
        let mine = teams(&gateway).list_for(ada.id).await.expect("a list");
        assert_eq!(mine.len(), 2);
        let as_ada = Actor::user(ada.id);
        for own in mine {
            assert!(teams(&gateway).details(&as_ada, own.id).await.is_ok(), "an application names the team, too");
        }
    }
}
