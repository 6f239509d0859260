//! Roles that an organization makes itself.

use reqwest::StatusCode;
use serde_json::json;

use super::{at, done, join, known, organizations, owned_by, read, refused};
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

const OWN: &str = "[plugins.organization]\npermissions = [\"notes:write\", \"notes:read\"]";

on_both_engines! {
    async fn a_role_of_ones_own_opens_what_it_says_and_closes_it_at_once(
        gateway: TestGateway,
        setup = Setup::default().config(OWN)
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let made = json!({ "name": "Recruiter", "permissions": ["Invitation:Create", "member:read", "role:read", "notes:write"] });
        let made = done(&mut of_ada, &at("acme", "/roles/create"), made).await;
        assert_eq!(made["permissions"], json!(["invitation:create", "member:read", "notes:write", "role:read"]));
        join(&gateway, acme.id, bob.id, "recruiter").await;
        super::invite(&mut of_bob, "acme", "new@example.org").await;
        let lent = organizations(&gateway);
        let context = lent.membership(bob.id, acme.id).await.expect("an answer").expect("a member");
        assert_eq!(context.permissions.into_iter().collect::<Vec<_>>(), ["invitation:create", "member:read", "notes:write", "role:read"]);
        let owner = lent.membership(ada.id, acme.id).await.expect("an answer").expect("a member");
        assert!(owner.permissions.contains("notes:read"), "owners have what the application declares");

        done(&mut of_ada, &at("acme", "/roles/update"), json!({ "name": "recruiter", "permissions": [] })).await;
        let invite = json!({ "email": "more@example.org", "role": "member" });
        assert_eq!(refused(&mut of_bob, &at("acme", "/invite"), invite).await.1, "organization.forbidden");
        let (_, roles) = read(&mut of_ada, &at("acme", "/roles")).await;
        let names: Vec<_> = roles["roles"].as_array().expect("a list").iter().map(|role| role["name"].clone()).collect();
        assert_eq!(names, ["owner", "admin", "member", "recruiter"]);
    }
}

on_both_engines! {
    async fn nobody_gives_more_than_they_hold(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let admin = gateway.person("admin@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let permissions = [
            "member:read", "role:read", "member:update", "member:remove", "role:create", "role:update", "role:delete",
            "invitation:create",
        ];
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "manager", "permissions": permissions })).await;
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "editor", "permissions": ["team:create"] })).await;
        join(&gateway, acme.id, bob.id, "manager").await;
        join(&gateway, acme.id, admin.id, "admin").await;
        let beyond = (StatusCode::FORBIDDEN, "organization.beyond_you".to_owned());
        let tries = [
            ("/members/set-roles", json!({ "member": bob.id, "role": "admin" })),
            ("/members/set-roles", json!({ "member": bob.id, "role": ["manager", "editor"] })),
            ("/members/set-roles", json!({ "member": admin.id, "role": "member" })),
            ("/members/remove", json!({ "member": admin.id })),
            ("/roles/create", json!({ "name": "mine", "permissions": ["organization:update"] })),
            ("/roles/update", json!({ "name": "manager", "permissions": ["organization:update"] })),
            ("/roles/update", json!({ "name": "editor", "permissions": [] })),
            ("/roles/delete", json!({ "name": "editor" })),
            ("/invite", json!({ "email": "puppet@example.org", "role": "admin" })),
        ];
        for (act, body) in tries {
            assert_eq!(refused(&mut of_bob, &at("acme", act), body.clone()).await, beyond, "{act} {body}");
        }
        let owner = json!({ "email": "puppet@example.org", "role": "owner" });
        assert_eq!(refused(&mut of_bob, &at("acme", "/invite"), owner).await.1, "organization.owners_only");
        done(&mut of_bob, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "role": ["manager", "member"] })).await;
    }
}

on_both_engines! {
    async fn a_role_in_use_stays_and_three_are_the_same_everywhere(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let clerk = json!({ "name": "clerk" });
        done(&mut of_ada, &at("acme", "/roles/create"), clerk.clone()).await;
        for (act, body, code) in [
            ("/roles/create", clerk.clone(), "organization.role_taken"),
            ("/roles/create", json!({ "name": "ADMIN" }), "organization.role_taken"),
            ("/roles/update", json!({ "name": "member", "permissions": ["role:read"] }), "organization.fixed_role"),
            ("/roles/delete", json!({ "name": "owner" }), "organization.fixed_role"),
            ("/roles/delete", json!({ "name": "nobody" }), "organization.unknown_role"),
            ("/roles/update", json!({ "name": "clerk", "permissions": ["notes:write"] }), "organization.unknown_permission"),
            ("/roles/update", json!({ "name": "clerk", "permissions": ["organization:delete"] }), "organization.unknown_permission"),
            ("/roles/create", json!({ "name": "two words" }), "invalid_request"),
        ] {
            assert_eq!(refused(&mut of_ada, &at("acme", act), body.clone()).await.1, code, "{act} {body}");
        }
        let invited = json!({ "email": "eve@example.org", "role": ["clerk", "member"] });
        let invitation = done(&mut of_ada, &at("acme", "/invite"), invited).await["id"].as_str().expect("an id").to_owned();
        let in_use = (StatusCode::CONFLICT, "organization.role_in_use".to_owned());
        assert_eq!(refused(&mut of_ada, &at("acme", "/roles/delete"), clerk.clone()).await, in_use);
        done(&mut of_ada, &super::invitation(&invitation, "/cancel"), json!({})).await;
        join(&gateway, acme.id, bob.id, "clerk").await;
        assert_eq!(refused(&mut of_ada, &at("acme", "/roles/delete"), clerk.clone()).await, in_use);
        done(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "role": "member" })).await;
        done(&mut of_ada, &at("acme", "/roles/delete"), clerk).await;
    }
}

on_both_engines! {
    async fn a_role_that_allows_nothing_is_given_and_taken_by_administrators_alone(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (admin, mut of_admin) = known(&gateway, "admin@example.org").await;
        let signer = gateway.person("signer@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let permissions =
            ["member:read", "role:read", "member:update", "member:remove", "role:create", "role:update", "role:delete", "invitation:create"];
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "manager", "permissions": permissions })).await;
        // What an operator's rules open for this name, nothing here shows.
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "approver" })).await;
        for (user, role) in [(bob.id, "manager"), (admin.id, "admin"), (signer.id, "approver")] {
            join(&gateway, acme.id, user, role).await;
        }
        let beyond = (StatusCode::FORBIDDEN, "organization.beyond_you".to_owned());
        // Making a name gives it to nobody.
        done(&mut of_bob, &at("acme", "/roles/create"), json!({ "name": "treasurer" })).await;
        for (act, body) in [
            ("/members/set-roles", json!({ "member": bob.id, "role": ["manager", "approver"] })),
            ("/members/set-roles", json!({ "member": bob.id, "role": ["manager", "treasurer"] })),
            ("/members/set-roles", json!({ "member": signer.id, "role": "member" })),
            ("/members/remove", json!({ "member": signer.id })),
            ("/invite", json!({ "email": "puppet@example.org", "role": "approver" })),
            ("/invite", json!({ "email": "puppet@example.org", "role": "treasurer" })),
            ("/roles/update", json!({ "name": "approver", "permissions": ["member:read"] })),
            ("/roles/delete", json!({ "name": "treasurer" })),
        ] {
            assert_eq!(refused(&mut of_bob, &at("acme", act), body.clone()).await, beyond, "{act} {body}");
        }
        let offered = of_bob.get(&format!("/organizations/acme/members/{}", bob.id)).await.body;
        assert!(offered.contains("manager") && !offered.contains("approver"), "{offered}");
        done(&mut of_bob, &at("acme", "/invite"), json!({ "email": "new@example.org", "role": ["member", "manager"] })).await;
        let both = json!({ "member": bob.id, "role": ["manager", "approver"] });
        done(&mut of_admin, &at("acme", "/members/set-roles"), both).await;
        done(&mut of_bob, &at("acme", "/members/set-roles"), json!({ "member": signer.id, "role": "member" })).await;
    }
}
