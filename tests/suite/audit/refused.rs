//! What members tried and were refused is on record, with who tried it, through what, on whom, and why not.

use belgie::identity::{Ban, By};
use belgie_api::OrgId;
use belgie_api::ports::AuditRecord;
use belgie_organization::Actor;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::acts::acts_in;
use crate::on_both_engines;
use crate::organization::{at, call, done, join, known, organizations, owned_by, read};
use crate::support::{Browser, Connected, Setup, TestGateway};
use crate::team::{enter, team_of};

/// Tries something that must be refused with this status.
async fn tries(browser: &mut Browser, path: &str, body: Value, expected: StatusCode) {
    let (status, said) = call(browser, path, body).await;
    assert_eq!(status, expected, "{path}: {said}");
}

/// The refused acts on record, oldest first: name, code.
async fn refused_in(gateway: &TestGateway, id: OrgId) -> Vec<AuditRecord> {
    acts_in(gateway, id).await.into_iter().filter(|act| act.outcome == "refused").collect()
}

fn in_words(acts: &[AuditRecord]) -> Vec<(&str, &str)> {
    acts.iter().map(|act| (act.action.as_str(), act.details["code"].as_str().unwrap_or_default())).collect()
}

on_both_engines! {
    async fn whoever_reaches_for_more_than_they_have_is_on_record(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (cleo, mut of_cleo) = known(&gateway, "cleo@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let recruiter = "recruiter".parse().expect("a role");
        let permissions = ["member:read", "member:update", "invitation:create", "role:create", "token:create"];
        let permissions = permissions.map(ToOwned::to_owned).to_vec();
        organizations(&gateway).create_role(&Actor::host(), acme.id, &recruiter, permissions).await.expect("a role");
        join(&gateway, acme.id, bob.id, "admin").await;
        join(&gateway, acme.id, cleo.id, "recruiter").await;
        let (no, conflict) = (StatusCode::FORBIDDEN, StatusCode::CONFLICT);
        tries(&mut of_bob, &at("acme", "/members/set-roles"), json!({ "member": bob.id, "roles": ["owner"] }), no).await;
        tries(&mut of_bob, &at("acme", "/members/remove"), json!({ "member": ada.id }), no).await;
        tries(&mut of_bob, &at("acme", "/invite"), json!({ "email": "friend@example.org", "role": "owner" }), no).await;
        tries(&mut of_bob, &at("acme", "/transfer-ownership"), json!({ "member": bob.id }), no).await;
        tries(&mut of_cleo, &at("acme", "/members/set-roles"), json!({ "member": cleo.id, "roles": ["admin"] }), no).await;
        tries(&mut of_cleo, &at("acme", "/roles/create"), json!({ "name": "spy", "permissions": ["audit:read"] }), no).await;
        tries(&mut of_cleo, &at("acme", "/delete"), json!({}), no).await;
        tries(&mut of_ada, &at("acme", "/members/set-roles"), json!({ "member": ada.id, "roles": ["member"] }), conflict).await;
        tries(&mut of_ada, &at("acme", "/leave"), json!({}), conflict).await;
        let acts = refused_in(&gateway, acme.id).await;
        assert_eq!(in_words(&acts), [
            ("organization.roles_set", "organization.owners_only"),
            ("organization.member_removed", "organization.owners_only"),
            ("organization.invited", "organization.owners_only"),
            ("organization.ownership_transferred", "organization.owners_only"),
            ("organization.roles_set", "organization.beyond_you"),
            ("organization.role_created", "organization.beyond_you"),
            ("organization.deleted", "organization.forbidden"),
            ("organization.roles_set", "organization.last_owner"),
            ("organization.left", "organization.last_owner"),
        ]);
        let actors: Vec<_> = acts.iter().map(|act| act.actor.expect("somebody")).collect();
        assert_eq!(actors, [bob.id, bob.id, bob.id, bob.id, cleo.id, cleo.id, cleo.id, ada.id, ada.id]);
        for act in &acts {
            assert_eq!(act.target, Some(acme.id.to_string()), "{act:?}");
            assert_eq!(act.client.as_ref().map(ToString::to_string).as_deref(), Some("web"), "{act:?}");
            assert!(act.request_id.is_some() && !act.details.to_string().contains('@'), "{act:?}");
        }
        assert_eq!((&acts[0].details["user"], &acts[0].details["roles"]), (&json!(bob.id), &json!(["owner"])));
        assert_eq!(acts[1].details["user"], json!(ada.id));
        let page = of_ada.get("/organizations/acme/audit?result=refused").await.body;
        assert!(page.contains("organization.beyond_you"), "{page}");
    }
}

on_both_engines! {
    async fn whoever_is_refused_writes_no_text_of_theirs_on_the_record(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let (no, flood) = (StatusCode::FORBIDDEN, "flood ".repeat(2_000));
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "clerk" })).await;
        let permissions = json!([" Audit:Read", flood, "flood:flood"]);
        tries(&mut of_bob, &at("acme", "/roles/create"), json!({ "name": "spy", "permissions": permissions }), no).await;
        tries(&mut of_bob, &at("acme", "/roles/update"), json!({ "name": "clerk", "permissions": permissions }), no).await;
        tries(&mut of_bob, &at("acme", "/agents/disconnect"), json!({ "agent": flood }), no).await;
        let service = json!({ "name": flood, "role": "member", "scope": "org:read", "ttl_seconds": 3600 });
        tries(&mut of_bob, &at("acme", "/services/create"), service, no).await;
        tries(&mut of_bob, &at("acme", "/teams/create"), json!({ "name": flood }), no).await;
        let acts = refused_in(&gateway, acme.id).await;
        assert_eq!(in_words(&acts), [
            ("organization.role_created", "organization.forbidden"),
            ("organization.role_updated", "organization.forbidden"),
            ("organization.agent_cut", "organization.forbidden"),
            ("organization.service_created", "organization.forbidden"),
            ("team.created", "organization.forbidden"),
        ]);
        for act in &acts {
            assert!(!act.details.to_string().contains("flood"), "{}: {} bytes", act.action, act.details.to_string().len());
        }
        assert_eq!(acts[0].details["permissions"], json!(["audit:read"]), "what is known says what was reached for");
        // What would name somebody else's agent, a service or a team that can be is told.
        let grant = Connected::of(&gateway, &ada, "", Some(acme.id)).await;
        let all = read(&mut of_ada, &at("acme", "/agents")).await.1;
        let agent = all["agents"][0]["id"].clone();
        tries(&mut of_bob, &at("acme", "/agents/disconnect"), json!({ "agent": agent }), no).await;
        tries(&mut of_bob, &at("acme", "/teams/create"), json!({ "name": " Mine " }), no).await;
        let acts = refused_in(&gateway, acme.id).await;
        assert_eq!((&acts[5].details["agent"], &acts[6].details["name"]), (&agent, &json!("Mine")));
        grant.is_let_in().await;
    }
}

/// Forty permissions of an application, which are more than an entry holds.
fn many_permissions() -> Vec<String> {
    (0..40).map(|number| format!("{}:act-{number:02}", "thing".repeat(9))).collect()
}

on_both_engines! {
    async fn what_operators_write_at_length_is_cut_as_well(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let reason = "\u{1f512}".repeat(500);
        let notice = "Ask us. ".repeat(20).trim_end().to_owned();
        let ban = Ban { reason: reason.clone(), notice: notice.clone(), ..Ban::default() };
        gateway.gateway.identity().ban(ada.id, &ban, By::Host).await.expect("banned");
        let acts = gateway.gateway.identity().acts(Some(ada.id), 1).await.expect("the record");
        let [banned] = &acts[..] else { panic!("one act: {acts:?}") };
        assert_eq!((&banned.details["reason"], &banned.details["notice"]), (&json!("cut"), &json!(notice)));
        let row = gateway.gateway.identity().row(ada.id).await.expect("an answer").expect("ada");
        assert_eq!(row.ban_reason, Some(reason), "the account has all of it");
    }
}

on_both_engines! {
    async fn details_that_are_too_long_are_cut_and_the_act_stands(
        gateway: TestGateway,
        setup = Setup::default().config(&format!("[plugins.organization]\npermissions = {}", json!(many_permissions())))
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let permissions = many_permissions();
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "all", "permissions": permissions })).await;
        done(&mut of_ada, &at("acme", "/roles/update"), json!({ "name": "all", "permissions": permissions[..20] })).await;
        let acts = acts_in(&gateway, acme.id).await;
        let [.., whole, fitting] = &acts[..] else { panic!("two acts: {acts:?}") };
        assert_eq!((whole.action.as_str(), whole.outcome.as_str()), ("organization.role_created", "done"));
        assert_eq!((&whole.details["permissions"], &whole.details["role"]), (&json!("cut"), &json!("all")), "{}", whole.details);
        assert_eq!(fitting.details["permissions"], json!(permissions[..20]));
    }
}

on_both_engines! {
    async fn an_agent_that_reaches_for_an_owner_is_on_record_with_its_name(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "owner").await;
        let agent = Connected::of(&gateway, &ada, "org:read org:manage", Some(acme.id)).await;
        let reply = agent.modern().call("remove_member", json!({ "member": bob.id })).await;
        assert_eq!(reply.body["result"]["isError"], true, "{}", reply.body);
        let acts = refused_in(&gateway, acme.id).await;
        assert_eq!(in_words(&acts), [("organization.member_removed", "organization.not_by_agents")]);
        assert_eq!(acts[0].actor, Some(ada.id));
        assert_eq!(acts[0].client.as_ref().map(ToString::to_string), Some(agent.agent.client_id.clone()));
    }
}

on_both_engines! {
    async fn whoever_reaches_for_a_team_is_on_record(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (cleo, mut of_cleo) = known(&gateway, "cleo@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        join(&gateway, acme.id, cleo.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await;
        enter(&gateway, red.id, cleo.id, "lead").await;
        let no = StatusCode::FORBIDDEN;
        let at_red = |act: &str| at("acme", &format!("/teams/red{act}"));
        tries(&mut of_bob, &at("acme", "/teams/create"), json!({ "name": "Mine" }), no).await;
        tries(&mut of_bob, &at_red("/update"), json!({ "name": "Mine" }), no).await;
        tries(&mut of_bob, &at_red("/delete"), json!({}), no).await;
        tries(&mut of_bob, &at_red("/members/add"), json!({ "member": bob.id }), no).await;
        tries(&mut of_bob, &at_red("/members/remove"), json!({ "member": cleo.id }), no).await;
        tries(&mut of_cleo, &at_red("/members/add"), json!({ "member": bob.id, "role": "approver" }), no).await;
        tries(&mut of_cleo, &at_red("/members/set-roles"), json!({ "member": cleo.id, "role": "approver" }), no).await;
        let acts = refused_in(&gateway, acme.id).await;
        assert_eq!(in_words(&acts), [
            ("team.created", "organization.forbidden"),
            ("team.renamed", "team.forbidden"),
            ("team.deleted", "team.forbidden"),
            ("team.member_added", "team.forbidden"),
            ("team.member_sought", "team.forbidden"),
            ("team.member_added", "team.beyond_you"),
            ("team.roles_set", "team.beyond_you"),
        ]);
        assert_eq!(acts[0].target, Some(acme.id.to_string()));
        assert!(acts[1..].iter().all(|act| act.target == Some(red.id.to_string())), "{acts:?}");
        assert_eq!((acts[5].actor, &acts[5].details["user"]), (Some(cleo.id), &json!(bob.id)));
    }
}

on_both_engines! {
    async fn mistakes_and_strangers_leave_nothing(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        team_of(&gateway, acme.id, "red").await;
        let before = acts_in(&gateway, acme.id).await;
        let nobody = json!({ "member": belgie_api::UserId::from_uuid(uuid::Uuid::from_u128(7)) });
        tries(&mut of_ada, &at("acme", "/members/remove"), nobody, StatusCode::NOT_FOUND).await;
        tries(&mut of_ada, &at("acme", "/update"), json!({ "name": "" }), StatusCode::BAD_REQUEST).await;
        for act in ["/update", "/delete", "/leave", "/teams/red/delete", "/teams/red/update", "/teams/create"] {
            tries(&mut of_eve, &at("acme", act), json!({ "name": "Mine" }), StatusCode::NOT_FOUND).await;
        }
        tries(&mut of_eve, &at("acme", "/members/remove"), json!({ "member": ada.id }), StatusCode::NOT_FOUND).await;
        assert_eq!(acts_in(&gateway, acme.id).await, before);
    }
}

on_both_engines! {
    async fn roles_that_are_not_there_are_counted_and_long_names_cut_where_an_act_is_refused(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "clerk" })).await;
        let red = team_of(&gateway, acme.id, "red").await;
        enter(&gateway, red.id, ada.id, "lead").await;
        let no = StatusCode::FORBIDDEN;
        let roles = json!(["owner", "clerk", "come-to-evil-example", "or-else"]);
        let set = json!({ "member": ada.id, "roles": roles });
        tries(&mut of_bob, &at("acme", "/members/set-roles"), set, no).await;
        let invited = json!({ "email": "friend@example.org", "roles": roles });
        tries(&mut of_bob, &at("acme", "/invite"), invited, no).await;
        let service = json!({ "name": "Clock", "roles": roles, "scope": "org:read", "ttl_seconds": 3600 });
        tries(&mut of_bob, &at("acme", "/services/create"), service, no).await;
        enter(&gateway, red.id, bob.id, "lead").await;
        let set = json!({ "member": ada.id, "roles": ["lead", "come-to-evil-example"] });
        tries(&mut of_bob, &at("acme", "/teams/red/members/set-roles"), set, no).await;
        tries(&mut of_bob, &at("acme", "/teams/create"), json!({ "name": "n".repeat(100) }), no).await;
        let acts = refused_in(&gateway, acme.id).await;
        assert_eq!(in_words(&acts), [
            ("organization.roles_set", "organization.forbidden"),
            ("organization.invited", "organization.forbidden"),
            ("organization.service_created", "organization.forbidden"),
            ("team.roles_set", "team.beyond_you"),
            ("team.created", "organization.forbidden"),
        ]);
        for act in &acts {
            assert!(!act.details.to_string().contains("evil"), "{}", act.details);
        }
        for act in &acts[..3] {
            let told = (&act.details["roles"], &act.details["other_roles"]);
            assert_eq!(told, (&json!(["clerk", "owner"]), &json!(2)), "{}", act.action);
        }
        assert_eq!((&acts[3].details["roles"], &acts[3].details["other_roles"]), (&json!(["lead"]), &json!(1)));
        assert_eq!(acts[4].details["name"], json!("n".repeat(64)));
    }
}
