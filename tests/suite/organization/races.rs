//! Two at once.

use belgie_organization::{Actor, NewInvitation, NewOrganization, read_roles};
use serde_json::json;

use super::{at, call, invitation, join, known, organizations, owned_by, read};
use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

on_both_engines! {
    async fn two_owners_who_remove_each_other_at_once_leave_one(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let lent = organizations(&gateway);
        for round in 0..8 {
            let slug = format!("round-{round}");
            let id = owned_by(&gateway, ada.id, &slug).await.id;
            join(&gateway, id, bob.id, "owner").await;
            let (first, second) = match round % 4 {
                0 => (("/members/remove", json!({ "member": bob.id })), ("/members/remove", json!({ "member": ada.id }))),
                1 => (("/leave", json!({})), ("/leave", json!({}))),
                2 => (
                    ("/members/set-roles", json!({ "member": bob.id, "role": "member" })),
                    ("/members/set-roles", json!({ "member": ada.id, "role": "member" })),
                ),
                _ => (("/leave", json!({})), ("/members/remove", json!({ "member": ada.id }))),
            };
            let (first_path, second_path) = (at(&slug, first.0), at(&slug, second.0));
            let (one, two) =
                tokio::join!(call(&mut of_ada, &first_path, first.1), call(&mut of_bob, &second_path, second.1));
            let won = [&one, &two].iter().filter(|(status, _)| status.is_success()).count();
            assert_eq!(won, 1, "round {round}: {one:?} {two:?}");
            let mut owners = 0;
            for user in [ada.id, bob.id] {
                let context = lent.membership(user, id).await.expect("an answer");
                owners += usize::from(context.is_some_and(|context| context.roles.contains("owner")));
            }
            assert_eq!(owners, 1, "round {round}");
        }
    }
}

on_both_engines! {
    async fn an_account_that_goes_while_its_co_owner_leaves_leaves_an_owner(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let lent = organizations(&gateway);
        for round in 0..6 {
            let bob = gateway.person(&format!("bob{round}@example.org")).await;
            let worker = gateway.person(&format!("worker{round}@example.org")).await;
            let id = owned_by(&gateway, ada.id, &format!("round-{round}")).await.id;
            join(&gateway, id, bob.id, "owner").await;
            join(&gateway, id, worker.id, "member").await;
            let as_ada = Actor::user(ada.id);
            let (left, gone) = tokio::join!(lent.leave(&as_ada, id), gateway.gateway.identity().delete(bob.id));
            assert!(left.is_ok() != gone.is_ok(), "round {round}: {left:?} {gone:?}");
        }
    }
}

on_both_engines! {
    async fn the_last_place_is_taken_by_one(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_members_per_organization = 2")
    ) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let lent = organizations(&gateway);
        for round in 0..4 {
            let id = owned_by(&gateway, ada.id, &format!("round-{round}")).await.id;
            let mut paths = Vec::new();
            for guest in [&bob, &eve] {
                let roles = read_roles(["member"]).expect("roles");
                let new = NewInvitation { email: guest.email.clone(), roles, resend: false, team: None };
                let sent = lent.invite(&Actor::user(ada.id), id, new).await.expect("invited");
                paths.push(invitation(&sent.id.to_string(), "/accept"));
            }
            let (one, two) = tokio::join!(
                call(&mut of_bob, &paths[0], json!({})),
                call(&mut of_eve, &paths[1], json!({}))
            );
            assert!(one.0.is_success() != two.0.is_success(), "round {round}: {one:?} {two:?}");
        }
    }
}

on_both_engines! {
    async fn one_invitation_is_accepted_once_though_pressed_twice(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, of_eve) = known(&gateway, "eve@example.org").await;
        for round in 0..4 {
            let slug = format!("round-{round}");
            owned_by(&gateway, ada.id, &slug).await;
            let path = invitation(&super::invite(&mut of_ada, &slug, "eve@example.org").await, "/accept");
            let (mut left, mut right) = (of_eve.clone(), of_eve.clone());
            let (one, two) = tokio::join!(call(&mut left, &path, json!({})), call(&mut right, &path, json!({})));
            assert!(one.0.is_success() != two.0.is_success(), "round {round}: {one:?} {two:?}");
            assert_eq!(read(&mut of_ada, &at(&slug, "")).await.1["member_count"], 2);
        }
    }
}

on_both_engines! {
    async fn a_slug_wanted_by_two_at_once_goes_to_one(
        gateway: TestGateway,
        setup = Setup::default().config("[plugins.organization]\nmaximum_organizations_per_user = 1")
    ) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let lent = organizations(&gateway);
        let wish = |name: &str| NewOrganization { name: name.to_owned(), ..NewOrganization::default() };
        let (as_ada, as_bob) = (Actor::user(ada.id), Actor::user(bob.id));
        let (one, two) = tokio::join!(lent.create(&as_ada, wish("Acme")), lent.create(&as_bob, wish("Acme")));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        // Whoever lost has none yet, and of two at once gets one.
        let loser = if one.is_ok() { as_bob } else { as_ada };
        let (one, two) = tokio::join!(lent.create(&loser, wish("First")), lent.create(&loser, wish("Second")));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    }
}
