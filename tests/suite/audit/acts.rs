//! Acts in organizations and on grants are on record, and on the organization's.

use belgie_api::OrgId;
use belgie_api::ports::{Audit, AuditFilter, AuditRecord, RecordKind, Stretch};
use belgie_organization::{Actor, Role, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::organization::{at, call, done, invite, join, known, organizations, owned_by};
use crate::support::{Connected, TestGateway, Tokens};

/// The acts on record in an organization, oldest first.
pub async fn acts_in(gateway: &TestGateway, id: OrgId) -> Vec<AuditRecord> {
    let wanted = AuditFilter { organization: Some(id), only: Some(RecordKind::Act), ..AuditFilter::default() };
    gateway.gateway.archive().list(&wanted, Stretch::After(None, 1_000)).await.expect("the record").records
}

fn names(acts: &[AuditRecord]) -> Vec<&str> {
    acts.iter().map(|act| act.action.as_str()).collect()
}

on_both_engines! {
    async fn every_act_in_an_organization_is_on_its_record(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let made = done(&mut of_ada, "/auth/organization/create", json!({ "name": "Acme", "slug": "acme" })).await;
        let id: OrgId = made["id"].as_str().expect("an id").parse().expect("an id");
        let other = owned_by(&gateway, ada.id, "rose").await;
        done(&mut of_ada, &at("acme", "/update"), json!({ "name": "Acme Two" })).await;
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "editor", "permissions": ["team:create"] })).await;
        done(&mut of_ada, &at("acme", "/roles/update"), json!({ "name": "editor", "permissions": ["team:update"] })).await;
        done(&mut of_ada, &at("acme", "/roles/delete"), json!({ "name": "editor" })).await;
        let invited = done(&mut of_ada, &at("acme", "/invite"), json!({ "email": "bob@example.org", "role": "member" })).await;
        let invitation = invited["id"].as_str().expect("an id");
        done(&mut of_bob, &format!("/auth/organization/invitation/{invitation}/accept"), json!({})).await;
        done(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "roles": ["admin"] })).await;
        done(&mut of_ada, &at("acme", "/members/remove"), json!({ "member": bob.id })).await;
        let acts = acts_in(&gateway, id).await;
        assert_eq!(names(&acts), [
            "organization.created",
            "organization.updated",
            "organization.role_created",
            "organization.role_updated",
            "organization.role_deleted",
            "organization.invited",
            "organization.invitation_accepted",
            "organization.roles_set",
            "organization.member_removed",
        ]);
        for act in &acts {
            let by = if act.action == "organization.invitation_accepted" { bob.id } else { ada.id };
            assert_eq!((act.actor, act.outcome.as_str()), (Some(by), "done"), "{act:?}");
            assert_eq!(act.client.as_ref().map(ToString::to_string).as_deref(), Some("web"), "{act:?}");
            assert!(act.request_id.is_some() && !act.details.to_string().contains('@'), "{act:?}");
        }
        assert_eq!(acts[7].details["roles"], json!(["admin"]));
        assert_eq!(names(&acts_in(&gateway, other.id).await), ["organization.created"]);
    }
}

on_both_engines! {
    async fn what_a_member_may_not_is_on_record_as_refused_and_strangers_leave_nothing(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let before = acts_in(&gateway, acme.id).await.len();
        for browser in [&mut of_bob, &mut of_eve] {
            let (status, _) = call(browser, &at("acme", "/update"), json!({ "name": "Mine" })).await;
            assert!(status == StatusCode::FORBIDDEN || status == StatusCode::NOT_FOUND);
        }
        let acts = acts_in(&gateway, acme.id).await.split_off(before);
        assert_eq!(acts.len(), 1, "{acts:?}");
        assert_eq!((acts[0].actor, acts[0].outcome.as_str()), (Some(bob.id), "refused"));
        assert_eq!((acts[0].action.as_str(), &acts[0].details["code"]), ("organization.updated", &json!("organization.forbidden")));
    }
}

on_both_engines! {
    async fn an_agents_act_names_the_agent_and_stands_beside_its_call(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "org:read org:manage", Some(acme.id)).await;
        agent.modern().call("invite_member", json!({ "email": "new@example.org" })).await;
        let acts = acts_in(&gateway, acme.id).await;
        assert_eq!(names(&acts), ["organization.created", "consent.given", "grant.made", "organization.invited"]);
        let client = |act: &AuditRecord| act.client.as_ref().map(ToString::to_string);
        let own = Some(agent.agent.client_id.clone());
        assert_eq!((client(&acts[1]).as_deref(), client(&acts[2]), client(&acts[3])), (Some("web"), own.clone(), own));
        assert_eq!(acts[1].target.as_ref(), Some(&agent.agent.client_id));
        assert!(acts[1..].iter().all(|act| act.actor == Some(ada.id)), "{acts:?}");
        let calls = AuditFilter { organization: Some(acme.id), only: Some(RecordKind::Decision), ..AuditFilter::default() };
        let calls = gateway.gateway.archive().list(&calls, Stretch::After(None, 9)).await.expect("the record").records;
        assert_eq!((calls.len(), calls[0].target.as_deref(), calls[0].grant.map(|grant| grant.to_string())), (1, Some("invite_member"), acts[2].target.clone()));
    }
}

on_both_engines! {
    async fn an_agent_that_is_let_in_refused_and_cut_off_is_on_record(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let first = Connected::of(&gateway, &ada, "org:read", Some(acme.id)).await;
        let form = of_ada.get("/account").await.form("/account/connections/revoke");
        of_ada.submit(&form, &[]).await;
        let second = Connected::of(&gateway, &ada, "org:read", Some(acme.id)).await;
        second.agent.revoke(&second.tokens.refresh).await;
        let third = Connected::of(&gateway, &ada, "org:read", Some(acme.id)).await;
        third.agent.revoke(&third.tokens.access).await;
        let stolen = Tokens::of(&third.agent.refresh(&third.tokens.refresh).await);
        Tokens::of(&third.agent.refresh(&stolen.refresh).await);
        third.agent.refresh(&third.tokens.refresh).await;
        let refused = third.agent.consent(&mut of_ada, "org:read", "deny").await;
        assert!(refused.sent_parameter("error").is_some());
        let acts = acts_in(&gateway, acme.id).await.split_off(1);
        let told: Vec<_> = acts.iter().map(|act| (act.action.as_str(), act.details["reason"].as_str())).collect();
        assert_eq!(told, [
            ("consent.given", None),
            ("grant.made", None),
            ("connection.revoked", Some("person")),
            ("consent.given", None),
            ("grant.made", None),
            ("grant.ended", Some("client")),
            ("consent.given", None),
            ("grant.made", None),
            ("token.revoked", None),
            ("grant.ended", Some("refresh_reused")),
        ]);
        assert_eq!(acts[2].actor, Some(ada.id));
        assert_eq!(acts[5].client.as_ref().map(ToString::to_string), Some(second.agent.client_id.clone()));
        assert_eq!((acts[9].actor, &acts[9].client), (None, &None), "the host ends it");
        let of_ada = AuditFilter { user: Some(ada.id), only: Some(RecordKind::Act), ..AuditFilter::default() };
        let latest = gateway.gateway.archive().list(&of_ada, Stretch::Before(None, 1)).await.expect("the record").records;
        assert_eq!((latest[0].action.as_str(), latest[0].organization), ("consent.refused", None));
        drop(first);
    }
}

on_both_engines! {
    async fn whoever_is_removed_loses_their_agents_on_record(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &bob, "org:read", Some(acme.id)).await;
        organizations(&gateway).remove_member(&Actor::user(ada.id), acme.id, bob.id).await.expect("removed");
        agent.is_refused().await;
        let begin = std::time::Instant::now();
        let ended = loop {
            let acts = acts_in(&gateway, acme.id).await;
            if let Some(ended) = acts.into_iter().find(|act| act.action == "grant.ended") {
                break ended;
            }
            assert!(begin.elapsed() < crate::support::PATIENCE, "the grant has not ended");
            tokio::task::yield_now().await;
        };
        assert_eq!((&ended.details["reason"], &ended.details["user"]), (&json!("membership_ended"), &json!(bob.id)));
    }
}

on_both_engines! {
    async fn other_plugins_put_their_acts_on_the_record_of_the_organization(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let organizations = organizations(&gateway);
        let host = gateway.gateway.host();
        for is_done in [false, true] {
            let mut tx = host.db().begin().await.expect("a transaction");
            let actor = Actor::user(ada.id);
            organizations.record(&mut tx, &actor, "room.booked", acme.id, json!({ "room": 5 })).await.expect("on record");
            if is_done {
                tx.commit(host.now()).await.expect("committed");
            }
        }
        let acts = acts_in(&gateway, acme.id).await;
        assert_eq!(names(&acts), ["organization.created", "room.booked"], "with the act or not at all");
        assert_eq!((acts[1].actor, &acts[1].details["room"]), (Some(ada.id), &json!(5)));
        let role: Role = "editor".parse().expect("a role");
        let made = organizations.create_role(&Actor::host(), acme.id, &role, vec!["audit:read".to_owned()]).await;
        made.expect("a role that may read the record");
        read_roles(["editor"]).expect("a role");
    }
}

on_both_engines! {
    async fn invitations_that_end_with_something_else_stand_beside_it(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let inviting = json!({ "name": "herald", "permissions": ["invitation:create", "member:read", "role:read"] });
        done(&mut of_ada, &at("acme", "/roles/create"), inviting).await;
        let mut ended = Vec::new();
        for (way, email) in ["roles-set", "removed", "left", "changed"].iter().zip(["b", "c", "d", "e"]) {
            let (person, mut browser) = known(&gateway, &format!("{email}@example.org")).await;
            join(&gateway, acme.id, person.id, "herald").await;
            let offered = invite(&mut browser, "acme", &format!("guest.{way}@example.org")).await;
            let (member, and_roles) = (json!({ "member": person.id }), json!({ "member": person.id, "roles": ["member"] }));
            match *way {
                "roles-set" => drop(done(&mut of_ada, &at("acme", "/members/set-roles"), and_roles).await),
                "removed" => drop(done(&mut of_ada, &at("acme", "/members/remove"), member).await),
                "left" => drop(done(&mut browser, &at("acme", "/leave"), json!({})).await),
                _ => {
                    for number in 0..21 {
                        invite(&mut browser, "acme", &format!("guest.{number}@example.org")).await;
                    }
                    let quiet = json!({ "name": "herald", "permissions": [] });
                    done(&mut of_ada, &at("acme", "/roles/update"), quiet).await;
                }
            }
            ended.push(offered);
        }
        let acts = acts_in(&gateway, acme.id).await;
        let told = |action: &str| {
            let act = acts.iter().rfind(|act| act.action == action).expect("the act");
            (act.details["withdrawn"].clone(), act.details["others_withdrawn"].clone())
        };
        for (action, offered) in
            ["organization.roles_set", "organization.member_removed", "organization.left"].iter().zip(&ended)
        {
            assert_eq!(told(action), (json!([offered]), Value::Null), "{action}");
        }
        let (named, others) = told("organization.role_updated");
        assert_eq!((named.as_array().map(Vec::len), others), (Some(20), json!(2)), "{named}");
    }
}
