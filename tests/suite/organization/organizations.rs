//! Organizations themselves.

use belgie_organization::{Actor, NewOrganization};
use reqwest::StatusCode;
use serde_json::json;

use super::{at, call, done, join, known, organizations, owned_by, read, refused};
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

const CREATE: &str = "/auth/organization/create";
const CHECK: &str = "/auth/organization/check-slug";

on_both_engines! {
    async fn somebody_makes_an_organization_and_owns_it(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let metadata = json!({ "region": "eu" });
        let made = done(&mut browser, CREATE, json!({ "name": " Acme  Research ", "metadata": metadata })).await;
        assert_eq!((&made["slug"], &made["name"]), (&json!("acme-research"), &json!("Acme Research")));
        assert_eq!(made["metadata"], metadata);
        let (_, list) = read(&mut browser, "/auth/organization/list").await;
        assert_eq!(list["organizations"][0]["slug"], "acme-research");
        assert_eq!(list["organizations"][0]["roles"], json!(["owner"]));
        let (_, details) = read(&mut browser, &at("acme-research", "")).await;
        assert_eq!((&details["member_count"], &details["roles"]), (&json!(1), &json!(["owner"])));
        assert!(details["permissions"].as_array().expect("a list").contains(&json!("organization:delete")));
        let id = made["id"].as_str().expect("an id").parse().expect("an id");
        let context = organizations(&gateway).membership(ada.id, id).await.expect("an answer").expect("a member");
        assert!(context.roles.contains("owner") && context.permissions.contains("member:add"));
        assert_eq!(context.slug, "acme-research");
    }
}

on_both_engines! {
    async fn what_is_no_organization_is_refused(gateway: TestGateway) {
        let (_, mut browser) = known(&gateway, "ada@example.org").await;
        for (body, code) in [
            (json!({ "name": " " }), "organization.invalid_name"),
            (json!({ "name": "株式会社" }), "organization.invalid_slug"),
            (json!({ "name": "A", "slug": "a_b" }), "organization.invalid_slug"),
            (json!({ "name": "A", "slug": "invitation" }), "organization.slug_taken"),
            (json!({ "name": "A", "slug": "acme", "logo": "javascript:alert(1)" }), "organization.invalid_logo"),
            (json!({ "name": "A", "slug": "acme", "metadata": [1] }), "organization.invalid_metadata"),
            (json!({ "name": "A", "slug": "acme", "owner": "me" }), "invalid_request"),
        ] {
            assert_eq!(refused(&mut browser, CREATE, body.clone()).await.1, code, "{body}");
        }
        assert_eq!(done(&mut browser, CHECK, json!({ "slug": "acme" })).await["taken"], false);
    }
}

on_both_engines! {
    async fn a_logo_can_be_put_there_and_taken_away(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let picture = "data:image/png;base64,iVBORw0KGgo=";
        for logo in [json!("https://acme.example/logo.png"), json!(picture), json!(null)] {
            let said = done(&mut browser, &at("acme", "/update"), json!({ "logo": logo })).await;
            assert_eq!(said["logo"], logo);
        }
        let said = done(&mut browser, &at("acme", "/update"), json!({ "logo_url": picture })).await;
        assert_eq!(said["logo"], picture);
        let said = done(&mut browser, &at("acme", "/update"), json!({ "metadata": { "a": 1 } })).await;
        assert_eq!((&said["logo"], &said["metadata"]), (&json!(picture), &json!({ "a": 1 })));
    }
}

on_both_engines! {
    async fn a_slug_is_never_given_to_another_organization(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        assert_eq!(done(&mut of_bob, CHECK, json!({ "slug": "ACME" })).await["taken"], true);
        assert_eq!(done(&mut of_bob, CHECK, json!({ "slug": "new" })).await["taken"], true, "a reserved word");
        done(&mut of_ada, &at("acme", "/update"), json!({ "slug": "Acme-Two" })).await;
        // The old one leads people on, and stays with the organization.
        let page = of_ada.get("/organizations/acme").await;
        assert_eq!((page.status, page.location().as_str()), (StatusCode::SEE_OTHER, "/organizations/acme-two"));
        let (_, by_id) = read(&mut of_ada, &at(&acme.id.to_string(), "")).await;
        assert_eq!(by_id["organization"]["slug"], "acme-two");
        let taken = (StatusCode::CONFLICT, "organization.slug_taken".to_owned());
        let wish = json!({ "name": "Mine", "slug": "acme" });
        assert_eq!(refused(&mut of_bob, CREATE, wish.clone()).await, taken);
        done(&mut of_ada, &at("acme-two", "/update"), json!({ "slug": "acme" })).await;
        done(&mut of_ada, &at("acme", "/update"), json!({ "slug": "acme" })).await;
        done(&mut of_ada, &at("acme", "/delete"), json!({})).await;
        for slug in ["acme", "acme-two"] {
            assert_eq!(refused(&mut of_bob, CREATE, json!({ "name": "Mine", "slug": slug })).await, taken);
            assert_eq!(done(&mut of_ada, CHECK, json!({ "slug": slug })).await["taken"], true);
        }
    }
}

on_both_engines! {
    async fn a_slug_it_had_before_does_nothing(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let settings = of_ada.get("/organizations/acme/settings").await;
        done(&mut of_ada, &at("acme", "/update"), json!({ "slug": "apex" })).await;
        let unknown = (StatusCode::NOT_FOUND, "organization.unknown".to_owned());
        for (act, body) in [
            ("/update", json!({ "name": "Another" })),
            ("/invite", json!({ "email": "new@example.org", "role": "member" })),
            ("/roles/create", json!({ "name": "clerk" })),
            ("/delete", json!({})),
        ] {
            assert_eq!(refused(&mut of_ada, &at("acme", act), body).await, unknown, "{act}");
        }
        assert_eq!(read(&mut of_ada, &at("acme", "")).await.0, StatusCode::NOT_FOUND);
        let form = settings.form("/organizations/acme/settings");
        assert_eq!(of_ada.submit(&form, &[("name", "Another")]).await.status, StatusCode::NOT_FOUND);
        let (ok, said) = gateway.program(&["org", "delete", "acme"]).await;
        assert!(!ok, "{said}");
        let found = organizations(&gateway).find(acme.id).await.expect("an answer").expect("still there");
        assert_eq!((found.slug.as_str(), found.name.as_str()), ("apex", "The acme"));
    }
}

on_both_engines! {
    async fn one_person_takes_only_so_many_slugs_in_a_day(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_new_slugs_per_user_per_day = 3")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_bob) = known(&gateway, "bob@example.org").await;
        let many = (StatusCode::CONFLICT, "organization.too_many_slugs".to_owned());
        done(&mut of_ada, CREATE, json!({ "name": "one" })).await;
        done(&mut of_ada, &at("one", "/delete"), json!({})).await;
        done(&mut of_ada, CREATE, json!({ "name": "two" })).await;
        done(&mut of_ada, &at("two", "/update"), json!({ "slug": "three" })).await;
        assert_eq!(refused(&mut of_ada, CREATE, json!({ "name": "four" })).await, many);
        assert_eq!(refused(&mut of_ada, &at("three", "/update"), json!({ "slug": "four" })).await, many);
        // Back to a name it had is no new one, a taken one is taken first, and others are not held up.
        done(&mut of_ada, &at("three", "/update"), json!({ "slug": "two" })).await;
        assert_eq!(refused(&mut of_ada, CREATE, json!({ "name": "one" })).await.1, "organization.slug_taken");
        done(&mut of_bob, CREATE, json!({ "name": "four" })).await;
        owned_by(&gateway, ada.id, "by-the-host").await;
        gateway.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
        let new = NewOrganization { name: "five".to_owned(), ..NewOrganization::default() };
        organizations(&gateway).create(&Actor::user(ada.id), new).await.expect("the next day");
    }
}

on_both_engines! {
    async fn nobody_is_in_a_deleted_organization(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let invitation = super::invite(&mut of_ada, "acme", "eve@example.org").await;
        let lent = organizations(&gateway);
        assert!(lent.membership(bob.id, acme.id).await.expect("an answer").is_some());
        done(&mut of_ada, &at("acme", "/delete"), json!({})).await;
        for user in [ada.id, bob.id] {
            assert!(lent.membership(user, acme.id).await.expect("an answer").is_none());
            assert!(lent.list_for(user).await.expect("a list").is_empty());
        }
        assert_eq!(read(&mut of_bob, &at("acme", "")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(refused(&mut of_ada, &at("acme", "/delete"), json!({})).await.0, StatusCode::NOT_FOUND);
        let (_, mine) = read(&mut of_eve, "/auth/organization/invitations").await;
        assert_eq!(mine, json!({ "invitations": [] }));
        let late = refused(&mut of_eve, &super::invitation(&invitation, "/accept"), json!({})).await;
        assert_eq!(late.1, "organization.unknown_invitation");

        gateway.clock.advance(std::time::Duration::from_secs(31 * 24 * 3600));
        lent.purge().await.expect("tidy");
        assert!(lent.check_slug("acme").await.expect("an answer"), "the slug outlives the row");
    }
}

on_both_engines! {
    async fn a_stale_session_deletes_nothing_and_hands_nothing_on(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        gateway.clock.advance(std::time::Duration::from_secs(3 * 3600));
        let stale = (StatusCode::FORBIDDEN, "session.not_fresh".to_owned());
        assert_eq!(refused(&mut of_ada, &at("acme", "/delete"), json!({})).await, stale);
        assert_eq!(refused(&mut of_ada, &at("acme", "/transfer-ownership"), json!({ "member": bob.id })).await, stale);
        let owner = json!({ "member": bob.id, "role": "owner" });
        assert_eq!(refused(&mut of_ada, &at("acme", "/members/set-roles"), owner).await, stale, "making an owner is as good");
        let invited = json!({ "email": "eve@example.org", "role": "owner" });
        assert_eq!(refused(&mut of_ada, &at("acme", "/invite"), invited).await, stale);
        let page = format!("/organizations/acme/members/{}", bob.id);
        let answer = of_ada.fill(&page, &page, &[("role", "owner")]).await;
        assert!(answer.location().starts_with("/auth/confirm?return_to=%2Forganizations%2Facme%2Fmembers"), "{}", answer.location());
        done(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "role": "member" })).await;
        done(&mut of_ada, &at("acme", "/update"), json!({ "name": "Still here" })).await;
    }
}

on_both_engines! {
    async fn the_operator_says_who_makes_organizations_and_how_many(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_organizations_per_user = 2")
    ) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        for name in ["one", "two"] {
            done(&mut browser, CREATE, json!({ "name": name })).await;
        }
        assert_eq!(refused(&mut browser, CREATE, json!({ "name": "three" })).await.1, "organization.too_many");
        owned_by(&gateway, ada.id, "by-the-host").await;
        done(&mut browser, &at("one", "/delete"), json!({})).await;
        assert_eq!(refused(&mut browser, CREATE, json!({ "name": "three" })).await.1, "organization.too_many");
        done(&mut browser, &at("two", "/delete"), json!({})).await;
        done(&mut browser, CREATE, json!({ "name": "three" })).await;
    }
}

on_both_engines! {
    async fn making_organizations_can_be_left_to_the_operator(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nallow_user_to_create_organization = false")
    ) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let closed = (StatusCode::FORBIDDEN, "organization.creation_closed".to_owned());
        assert_eq!(refused(&mut browser, CREATE, json!({ "name": "Mine" })).await, closed);
        owned_by(&gateway, ada.id, "acme").await;
        assert_eq!(call(&mut browser, &at("acme", "/update"), json!({ "name": "Mine" })).await.0, StatusCode::OK);
    }
}

on_both_engines! {
    async fn only_who_could_choose_a_slug_is_told_whether_it_is_taken(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nallow_user_to_create_organization = false")
    ) {
        let closed = (StatusCode::FORBIDDEN, "organization.creation_closed".to_owned());
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        for slug in ["acme", "free", "new"] {
            for browser in [&mut of_bob, &mut of_eve] {
                assert_eq!(refused(browser, CHECK, json!({ "slug": slug })).await, closed, "{slug}");
            }
            // Whoever renames one learns the same by trying.
            assert_eq!(done(&mut of_ada, CHECK, json!({ "slug": slug })).await["taken"], slug != "free");
        }
        // A role of the organization's own opens it, in one of several, and for as long as it is theirs.
        let globex = owned_by(&gateway, ada.id, "globex").await;
        let permissions = vec!["organization:update".to_owned()];
        let lent = organizations(&gateway);
        lent.create_role(&Actor::host(), globex.id, &"clerk".parse().expect("a role"), permissions).await.expect("a role");
        join(&gateway, globex.id, bob.id, "clerk").await;
        assert_eq!(done(&mut of_bob, CHECK, json!({ "slug": "acme" })).await["taken"], true);
        done(&mut of_ada, &at("globex", "/delete"), json!({})).await;
        assert_eq!(refused(&mut of_bob, CHECK, json!({ "slug": "acme" })).await, closed);
    }
}

on_both_engines! {
    async fn one_person_asks_only_so_often_whether_slugs_are_taken(
        gateway: TestGateway,
        setup = Setup::default().without_generous_limits().config("[limits]\nmanage_per_minute = 3")
    ) {
        let (_, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_bob) = known(&gateway, "bob@example.org").await;
        for slug in ["acme", "rose", "no slug"] {
            assert_ne!(call(&mut of_ada, CHECK, json!({ "slug": slug })).await.0, StatusCode::TOO_MANY_REQUESTS, "{slug}");
        }
        for slug in ["acme", "no slug"] {
            assert_eq!(call(&mut of_ada, CHECK, json!({ "slug": slug })).await.0, StatusCode::TOO_MANY_REQUESTS, "{slug}");
        }
        assert_eq!(done(&mut of_bob, CHECK, json!({ "slug": "acme" })).await["taken"], false, "others ask for themselves");
    }
}
