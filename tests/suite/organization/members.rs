//! Members.

use belgie_organization::{Actor, read_roles};
use reqwest::StatusCode;
use serde_json::json;

use super::{at, done, join, known, organizations, owned_by, read, refused, roles_of};
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

on_both_engines! {
    async fn members_are_listed_found_by_address_and_removed(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        // Once more changes nothing.
        for roles in ["Member, ADMIN", "member"] {
            let (lent, roles) = (organizations(&gateway), read_roles([roles]).expect("roles"));
            let added = lent.add_member(&Actor::user(ada.id), acme.id, bob.id, &roles).await.expect("a member");
            assert_eq!(added.roles, read_roles(["admin", "member"]).expect("roles"));
        }
        let (_, list) = read(&mut of_bob, &at("acme", "/members")).await;
        let emails: Vec<_> = list["members"].as_array().expect("a list").iter().map(|m| m["email"].clone()).collect();
        assert_eq!(emails, ["ada@example.org", "bob@example.org"]);
        done(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": "BOB@example.org" })).await;
        assert_eq!(read(&mut of_bob, &at("acme", "")).await.0, StatusCode::NOT_FOUND);
        let gone = refused(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": bob.id })).await;
        assert_eq!(gone, (StatusCode::NOT_FOUND, "organization.unknown_member".to_owned()));
    }
}

on_both_engines! {
    async fn nobody_is_put_into_an_organization_unasked(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        // Whoever knows the id of a stranger learns no address and no name by it, and is not among their choices at consent.
        let add = json!({ "user_id": eve.id, "role": "member" });
        let asked = of_ada.raw().post(of_ada.address(&at("acme", "/members/add"))).header("sec-fetch-site", "same-origin");
        let page = of_ada.send(asked.json(&add)).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{}", page.body);
        assert_eq!(roles_of(&mut of_ada, "acme", eve.id).await, None);
        assert_eq!(read(&mut of_eve, "/auth/organization/list").await.1, json!({ "organizations": [] }));
        assert_eq!(read(&mut of_ada, &at("acme", "")).await.1["member_count"], 1);
    }
}

on_both_engines! {
    async fn nobody_becomes_an_owner_of_more_than_one_may(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_organizations_per_user = 1")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, bob.id, "of-bob").await;
        owned_by(&gateway, eve.id, "of-eve").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let many = (StatusCode::CONFLICT, "organization.too_many".to_owned());
        let promote = json!({ "member": bob.id, "role": "owner" });
        assert_eq!(refused(&mut of_ada, &at("acme", "/members/set-roles"), promote).await, many);
        assert_eq!(refused(&mut of_ada, &at("acme", "/transfer-ownership"), json!({ "member": bob.id })).await, many);
        assert_eq!(roles_of(&mut of_ada, "acme", bob.id).await, Some(json!(["member"])));
        let offer = json!({ "email": "eve@example.org", "role": "owner" });
        let offered = done(&mut of_ada, &at("acme", "/invite"), offer).await["id"].as_str().expect("an id").to_owned();
        let accept = super::invitation(&offered, "/accept");
        assert_eq!(refused(&mut of_eve, &accept, json!({})).await, many);
        // It is still good when there is room again.
        done(&mut of_eve, &at("of-eve", "/delete"), json!({})).await;
        done(&mut of_eve, &accept, json!({})).await;
        let owner = read_roles(["owner"]).expect("roles");
        let lent = organizations(&gateway);
        lent.set_roles(&Actor::host(), acme.id, bob.id, &owner).await.expect("what the host does is not refused");
        // Whoever is an owner of it stays one.
        let more = json!({ "member": bob.id, "role": ["owner", "admin"] });
        done(&mut of_ada, &at("acme", "/members/set-roles"), more).await;
    }
}

on_both_engines! {
    async fn a_member_has_several_roles_and_one_at_least(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "Editor" })).await;
        let path = at("acme", "/members/set-roles");
        let set = done(&mut of_ada, &path, json!({ "member": bob.id, "role": "member,EDITOR , admin" })).await;
        assert_eq!(set["roles"], json!(["admin", "editor", "member"]));
        assert_eq!(roles_of(&mut of_ada, "acme", bob.id).await, Some(json!(["admin", "editor", "member"])));
        for (role, code) in [
            (json!([]), "organization.no_role"),
            (json!(" , "), "organization.no_role"),
            (json!("two words"), "organization.invalid_role"),
            (json!("juggler"), "organization.unknown_role"),
        ] {
            assert_eq!(refused(&mut of_ada, &path, json!({ "member": bob.id, "role": role })).await.1, code);
        }
        let context = organizations(&gateway).membership(bob.id, acme.id).await.expect("an answer").expect("a member");
        assert_eq!(context.roles.into_iter().collect::<Vec<_>>(), ["admin", "editor", "member"]);
    }
}

on_both_engines! {
    async fn the_last_owner_can_neither_leave_nor_be_removed_nor_stop_being_one(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        let last = (StatusCode::CONFLICT, "organization.last_owner".to_owned());
        assert_eq!(refused(&mut of_ada, &at("acme", "/leave"), json!({})).await, last);
        assert_eq!(refused(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": ada.id })).await, last);
        let lower = json!({ "member": ada.id, "role": "admin" });
        assert_eq!(refused(&mut of_ada, &at("acme", "/members/set-roles"), lower.clone()).await, last);
        let host = organizations(&gateway).remove_member(&Actor::host(), acme.id, ada.id).await;
        assert_eq!(host.expect_err("a refusal").code(), last.1, "the operator keeps to it as well");

        done(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "role": "owner" })).await;
        done(&mut of_bob, &at("acme", "/members/set-roles"), lower).await;
        done(&mut of_ada, &at("acme", "/leave"), json!({})).await;
        assert_eq!(refused(&mut of_bob, &at("acme", "/leave"), json!({})).await, last);
    }
}

on_both_engines! {
    async fn an_owner_hands_the_organization_on(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let path = at("acme", "/transfer-ownership");
        let to_self = refused(&mut of_ada, &path, json!({ "member": ada.id })).await;
        assert_eq!(to_self.1, "organization.already_owner");
        done(&mut of_ada, &path, json!({ "member": "bob@example.org" })).await;
        assert_eq!(roles_of(&mut of_bob, "acme", bob.id).await, Some(json!(["member", "owner"])));
        assert_eq!(roles_of(&mut of_bob, "acme", ada.id).await, Some(json!(["admin"])));
        assert_eq!(refused(&mut of_ada, &path, json!({ "member": ada.id })).await.1, "organization.owners_only");
    }
}

on_both_engines! {
    async fn an_organization_can_be_full(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_members_per_organization = 2")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let invitation = super::invite(&mut of_ada, "acme", "eve@example.org").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let full = (StatusCode::CONFLICT, "organization.full".to_owned());
        let accept = super::invitation(&invitation, "/accept");
        assert_eq!(refused(&mut of_eve, &accept, json!({})).await, full);
        // The invitation is still good when there is room again.
        done(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": bob.id })).await;
        done(&mut of_eve, &accept, json!({})).await;
        let member = read_roles(["member"]).expect("roles");
        let late = organizations(&gateway).add_member(&Actor::host(), acme.id, bob.id, &member).await;
        assert_eq!(late.expect_err("a refusal").code(), full.1);
    }
}
