//! What organizations are to the people in them: an account that goes, data taken along.

use belgie_organization::Actor;
use serde_json::{Value, json};

use super::{at, done, invite, join, known, organizations, owned_by, read, refused, roles_of};
use crate::on_both_engines;
use crate::support::TestGateway;

const DELETE: &str = "/account/delete";

on_both_engines! {
    async fn the_only_owner_of_others_hands_on_before_the_account_goes(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let refused = of_ada.fill(DELETE, DELETE, &[("email", "ada@example.org")]).await;
        assert!(refused.status.is_client_error(), "{}", refused.status);
        assert!(refused.body.contains("only owner of") && refused.body.contains("The acme"), "{}", refused.body);
        assert!(of_ada.is_signed_in().await);
        let by_operator = gateway.gateway.identity().delete(ada.id).await.expect_err("a refusal");
        assert_eq!(by_operator.code(), "organization.sole_owner");

        done(&mut of_ada, &at("acme", "/transfer-ownership"), json!({ "member": bob.id })).await;
        let gone = of_ada.fill(DELETE, DELETE, &[("email", "ada@example.org")]).await;
        assert!(gone.body.contains("Your account is deleted"), "{}", gone.body);
        assert_eq!(roles_of(&mut of_bob, "acme", ada.id).await, None);
        assert_eq!(read(&mut of_bob, &at("acme", "")).await.1["member_count"], 1);
    }
}

on_both_engines! {
    async fn an_organization_nobody_else_is_in_goes_with_the_account(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let alone = owned_by(&gateway, ada.id, "alone").await;
        let shared = owned_by(&gateway, bob.id, "shared").await;
        join(&gateway, shared.id, ada.id, "admin").await;
        let id = invite(&mut of_ada, "shared", "eve@example.org").await;
        gateway.gateway.identity().delete(ada.id).await.expect("it may go");
        let lent = organizations(&gateway);
        assert!(lent.find(alone.id).await.expect("an answer").is_none());
        assert!(lent.check_slug("alone").await.expect("an answer"));
        assert_eq!(roles_of(&mut of_bob, "shared", ada.id).await, None);
        let late = refused(&mut of_eve, &super::invitation(&id, "/accept"), json!({})).await;
        assert_eq!(late.1, "organization.invitation_over");
        let (_, all) = read(&mut of_bob, &at("shared", "/invitations?all=true")).await;
        assert!(all["invitations"][0]["inviter_id"].is_null(), "{all}");
    }
}

on_both_engines! {
    async fn an_account_that_is_gone_is_added_to_nothing(gateway: TestGateway) {
        let ada = gateway.person("ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        gateway.gateway.identity().delete(bob.id).await.expect("it may go");
        let roles = belgie_organization::read_roles(["member"]).expect("roles");
        let late = organizations(&gateway).add_member(&Actor::host(), acme.id, bob.id, &roles).await;
        assert_eq!(late.expect_err("a refusal").code(), "organization.unknown_user");
        let new = belgie_organization::NewOrganization { name: "Late".to_owned(), ..Default::default() };
        let late = organizations(&gateway).create_for(bob.id, new).await;
        assert_eq!(late.expect_err("a refusal").code(), "organization.unknown_user");
    }
}

on_both_engines! {
    async fn an_export_tells_of_organizations_and_invitations(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        invite(&mut of_ada, "acme", "eve@example.org").await;
        let export = |page: crate::support::Page| -> Value {
            serde_json::from_str::<Value>(&page.body).expect("JSON")["data"]["organization"].clone()
        };
        let of_the_owner = export(of_ada.get("/account/export").await);
        assert_eq!(of_the_owner["memberships"][0]["slug"], "acme");
        let of_the_guest = export(of_eve.get("/account/export").await);
        assert_eq!(of_the_guest["invitations"][0]["organization"], "The acme");
    }
}

on_both_engines! {
    async fn every_act_is_on_record(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let made = done(&mut of_ada, "/auth/organization/create", json!({ "name": "Acme" })).await;
        let id = made["id"].as_str().expect("an id").parse().expect("an id");
        let member = belgie_organization::read_roles(["member"]).expect("roles");
        organizations(&gateway).add_member(&Actor::user(ada.id), id, bob.id, &member).await.expect("a member");
        done(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "role": "admin" })).await;
        done(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": bob.id })).await;
        let acts = gateway.gateway.identity().acts(Some(ada.id), 100).await.expect("the record");
        let acts: Vec<_> = acts.into_iter().map(|act| act.action).collect();
        assert_eq!(acts, ["organization.member_removed", "organization.roles_set", "organization.member_added", "organization.created"]);
    }
}
