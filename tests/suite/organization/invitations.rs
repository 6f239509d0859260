//! Invitations.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{at, done, invitation, invite, join, known, owned_by, prove, read, refused, roles_of};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway};

const MINE: &str = "/auth/organization/invitations";

on_both_engines! {
    async fn an_invitation_is_accepted_once_by_its_recipient_in_any_spelling(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let body = json!({ "email": " EVE@Example.ORG ", "role": ["member", "Admin"] });
        let sent = done(&mut of_ada, &at("acme", "/invite"), body).await;
        assert_eq!((&sent["email"], &sent["status"]), (&json!("eve@example.org"), &json!("pending")));
        let id = sent["id"].as_str().expect("an id").to_owned();
        let (_, mine) = read(&mut of_eve, MINE).await;
        assert_eq!(mine["invitations"][0]["organization_name"], "The acme");
        assert_eq!(mine["invitations"][0]["inviter"], "ada@example.org");
        assert_eq!(read(&mut of_eve, &invitation(&id, "")).await.1["status"], "pending");
        let member = done(&mut of_eve, &invitation(&id, "/accept"), json!({})).await;
        assert_eq!(member["roles"], json!(["admin", "member"]));
        assert_eq!(roles_of(&mut of_ada, "acme", eve.id).await, Some(json!(["admin", "member"])));
        let over = (StatusCode::CONFLICT, "organization.invitation_over".to_owned());
        for act in ["/accept", "/reject"] {
            assert_eq!(refused(&mut of_eve, &invitation(&id, act), json!({})).await, over);
        }
        assert_eq!(refused(&mut of_ada, &invitation(&id, "/cancel"), json!({})).await, over);
        assert_eq!(refused(&mut of_ada, &invitation(&id, "/resend"), json!({})).await, over);
        assert_eq!(read(&mut of_eve, MINE).await.1, json!({ "invitations": [] }));
        let (_, all) = read(&mut of_ada, &at("acme", "/invitations?all=true")).await;
        assert_eq!(all["invitations"][0]["status"], "accepted");
        assert_eq!(read(&mut of_ada, &at("acme", "/invitations")).await.1, json!({ "invitations": [] }));
    }
}

on_both_engines! {
    async fn an_unproven_address_neither_sees_nor_accepts_an_invitation(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let id = invite(&mut of_ada, "acme", "eve@example.org").await;
        // Whoever came first with the address, perhaps not its owner.
        let eve = gateway.person("eve@example.org").await;
        let mut of_eve = gateway.browser();
        of_eve.sign_in("eve@example.org", PASSWORD).await;
        assert_eq!(read(&mut of_eve, MINE).await.1, json!({ "invitations": [] }));
        assert_eq!(read(&mut of_eve, &invitation(&id, "")).await.0, StatusCode::NOT_FOUND);
        let unproven = (StatusCode::FORBIDDEN, "organization.email_unverified".to_owned());
        for act in ["/accept", "/reject"] {
            assert_eq!(refused(&mut of_eve, &invitation(&id, act), json!({})).await, unproven);
        }
        assert_eq!(roles_of(&mut of_ada, "acme", eve.id).await, None);
        prove(&gateway, &eve).await;
        done(&mut of_eve, &invitation(&id, "/accept"), json!({})).await;
    }
}

on_both_engines! {
    async fn an_invitation_ends_after_its_time(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\ninvitation_expires_in_seconds = 3600")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let id = invite(&mut of_ada, "acme", "eve@example.org").await;
        gateway.clock.advance(Duration::from_secs(3601));
        let over = (StatusCode::CONFLICT, "organization.invitation_over".to_owned());
        for act in ["/accept", "/reject"] {
            assert_eq!(refused(&mut of_eve, &invitation(&id, act), json!({})).await, over);
        }
        assert_eq!(read(&mut of_eve, &invitation(&id, "")).await.1["status"], "expired");
        assert_eq!(read(&mut of_eve, MINE).await.1, json!({ "invitations": [] }));
        // It stands in nobody's way.
        let next = invite(&mut of_ada, "acme", "eve@example.org").await;
        done(&mut of_eve, &invitation(&next, "/accept"), json!({})).await;
    }
}

on_both_engines! {
    async fn the_usual_time_is_two_days(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let id = invite(&mut of_ada, "acme", "eve@example.org").await;
        gateway.clock.advance(Duration::from_secs(172_800 - 60));
        done(&mut of_eve, &invitation(&id, "/accept"), json!({})).await;
    }
}

on_both_engines! {
    async fn sending_again_ends_the_earlier_invitation(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let first = invite(&mut of_ada, "acme", "eve@example.org").await;
        let twice = json!({ "email": "Eve@example.org", "role": "member" });
        let invited = (StatusCode::CONFLICT, "organization.already_invited".to_owned());
        assert_eq!(refused(&mut of_ada, &at("acme", "/invite"), twice).await, invited);
        let again = json!({ "email": "eve@example.org", "role": "admin", "resend": true });
        let second = done(&mut of_ada, &at("acme", "/invite"), again).await["id"].as_str().expect("an id").to_owned();
        let third = done(&mut of_ada, &invitation(&second, "/resend"), json!({})).await;
        assert_eq!(third["roles"], json!(["admin"]));
        for id in [&first, &second] {
            let over = refused(&mut of_eve, &invitation(id, "/accept"), json!({})).await;
            assert_eq!(over.1, "organization.invitation_over");
        }
        let (_, mine) = read(&mut of_eve, MINE).await;
        assert_eq!((mine["invitations"].as_array().map(Vec::len), &mine["invitations"][0]["id"]), (Some(1), &third["id"]));
        done(&mut of_eve, &invitation(third["id"].as_str().expect("an id"), "/accept"), json!({})).await;
    }
}

on_both_engines! {
    async fn an_invitation_is_declined_by_its_recipient_and_taken_back_by_its_organization(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (_, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let over = (StatusCode::CONFLICT, "organization.invitation_over".to_owned());
        let declined = invite(&mut of_ada, "acme", "eve@example.org").await;
        assert_eq!(refused(&mut of_bob, &invitation(&declined, "/reject"), json!({})).await.0, StatusCode::NOT_FOUND);
        done(&mut of_eve, &invitation(&declined, "/reject"), json!({})).await;
        assert_eq!(refused(&mut of_eve, &invitation(&declined, "/accept"), json!({})).await, over);
        let canceled = invite(&mut of_ada, "acme", "eve@example.org").await;
        done(&mut of_ada, &invitation(&canceled, "/cancel"), json!({})).await;
        assert_eq!(refused(&mut of_eve, &invitation(&canceled, "/accept"), json!({})).await, over);
        assert_eq!(refused(&mut of_ada, &invitation(&canceled, "/cancel"), json!({})).await, over);
        let (_, all) = read(&mut of_ada, &at("acme", "/invitations?all=true")).await;
        let states: Vec<_> = all["invitations"].as_array().expect("a list").iter().map(|i| i["status"].clone()).collect();
        assert_eq!(states, ["canceled", "rejected"]);

        join(&gateway, acme.id, eve.id, "member").await;
        let member = refused(&mut of_ada, &at("acme", "/invite"), json!({ "email": "EVE@example.org", "role": "admin" })).await;
        assert_eq!(member, (StatusCode::CONFLICT, "organization.already_member".to_owned()));
        let nonsense = json!({ "email": "no address", "role": "member" });
        assert_eq!(refused(&mut of_ada, &at("acme", "/invite"), nonsense).await.1, "organization.invalid_email");
    }
}

on_both_engines! {
    async fn whoever_is_removed_takes_their_invitations_along(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        let id = invite(&mut of_bob, "acme", "eve@example.org").await;
        done(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": bob.id })).await;
        let over = refused(&mut of_eve, &invitation(&id, "/accept"), json!({})).await;
        assert_eq!(over.1, "organization.invitation_over");
    }
}

on_both_engines! {
    async fn what_was_offered_ends_with_the_power_to_offer_it(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (_, mut of_dan) = known(&gateway, "dan@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "owner").await;
        let over = (StatusCode::CONFLICT, "organization.invitation_over".to_owned());
        let offer = async |browser: &mut Browser, email: &str, role: &str| {
            let body = json!({ "email": email, "role": role });
            done(browser, &at("acme", "/invite"), body).await["id"].as_str().expect("an id").to_owned()
        };
        let as_owner = offer(&mut of_bob, "eve@example.org", "owner").await;
        let as_member = offer(&mut of_bob, "dan@example.org", "member").await;
        done(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "role": "member" })).await;
        assert_eq!(refused(&mut of_eve, &invitation(&as_owner, "/accept"), json!({})).await, over);
        assert_eq!(refused(&mut of_dan, &invitation(&as_member, "/accept"), json!({})).await, over, "nor can a member offer that");

        // An owner who hands the organization on stays an administrator: they may still have offered that.
        let as_owner = offer(&mut of_ada, "eve@example.org", "owner").await;
        let as_admin = offer(&mut of_ada, "fay@example.org", "admin").await;
        done(&mut of_ada, &at("acme", "/transfer-ownership"), json!({ "member": bob.id })).await;
        assert_eq!(refused(&mut of_eve, &invitation(&as_owner, "/accept"), json!({})).await, over);
        assert_eq!(read(&mut of_ada, &invitation(&as_admin, "")).await.1["status"], "pending");
        let as_admin = offer(&mut of_ada, "eve@example.org", "admin").await;
        done(&mut of_bob, &at("acme", "/members/set-roles"), json!({ "member": ada.id, "role": "member" })).await;
        assert_eq!(refused(&mut of_eve, &invitation(&as_admin, "/accept"), json!({})).await, over);
    }
}

on_both_engines! {
    async fn a_role_that_changes_takes_back_what_could_not_be_offered_any_more(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (_, mut of_dan) = known(&gateway, "dan@example.org").await;
        let (_, mut of_fay) = known(&gateway, "fay@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let over = (StatusCode::CONFLICT, "organization.invitation_over".to_owned());
        let clerk = |permissions: &[&str]| json!({ "name": "clerk", "permissions": permissions });
        let recruiter = |permissions: &[&str]| json!({ "name": "recruiter", "permissions": permissions });
        done(&mut of_ada, &at("acme", "/roles/create"), clerk(&["member:read"])).await;
        done(&mut of_ada, &at("acme", "/roles/create"), recruiter(&["member:read", "invitation:create", "role:read"])).await;
        join(&gateway, acme.id, bob.id, "member,recruiter,clerk").await;
        let offer = async |browser: &mut Browser, email: &str, role: &str| {
            let body = json!({ "email": email, "role": role });
            done(browser, &at("acme", "/invite"), body).await["id"].as_str().expect("an id").to_owned()
        };
        let by_owner = offer(&mut of_ada, "eve@example.org", "member").await;
        let by_recruiter = offer(&mut of_bob, "dan@example.org", "member").await;
        let for_fay = offer(&mut of_bob, "fay@example.org", "clerk").await;
        // What changes nothing of the power to offer takes nothing back.
        done(&mut of_ada, &at("acme", "/roles/update"), recruiter(&["member:read", "invitation:create"])).await;
        done(&mut of_fay, &invitation(&for_fay, "/accept"), json!({})).await;
        done(&mut of_ada, &at("acme", "/roles/update"), recruiter(&["member:read"])).await;
        assert_eq!(refused(&mut of_dan, &invitation(&by_recruiter, "/accept"), json!({})).await, over);
        done(&mut of_eve, &invitation(&by_owner, "/accept"), json!({})).await;
    }
}

on_both_engines! {
    async fn only_so_many_invitations_are_open(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_pending_invitations_per_organization = 2")
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let first = invite(&mut of_ada, "acme", "one@example.org").await;
        invite(&mut of_ada, "acme", "two@example.org").await;
        let third = json!({ "email": "three@example.org", "role": "member" });
        let many = refused(&mut of_ada, &at("acme", "/invite"), third.clone()).await;
        assert_eq!(many.1, "organization.too_many_invitations");
        done(&mut of_ada, &invitation(&first, "/resend"), json!({})).await;
        gateway.clock.advance(Duration::from_secs(172_801));
        done(&mut of_ada, &at("acme", "/invite"), third).await;
    }
}

on_both_engines! {
    async fn letters_are_limited_by_whoever_invites_and_by_recipient(
        gateway: TestGateway,
        setup = Setup::default().with_mail().without_generous_limits()
            .config("[limits]\nmails_per_minute = 100\nmails_per_recipient_per_hour = 4")
    ) {
        let ada = gateway.person("ada@example.org").await;
        prove(&gateway, &ada).await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", PASSWORD).await;
        owned_by(&gateway, ada.id, "acme").await;
        let again = json!({ "email": "victim@example.org", "role": "member", "resend": true });
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(super::call(&mut of_ada, &at("acme", "/invite"), again.clone()).await.0.as_u16());
        }
        assert_eq!(statuses, [201, 201, 429], "one who invites gets half of what a recipient bears");
        assert_eq!(gateway.letters_to("victim@example.org").await.len(), 2);
    }
}
