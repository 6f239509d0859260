//! Who may do what: strangers, members, administrators and owners by every act, from one table.

use belgie_api::UserId;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{at, call, invitation, join, known, organizations, owned_by, read};
use crate::on_both_engines;
use crate::support::TestGateway;
use belgie_organization::{Actor, NewInvitation, read_roles};

/// One organization, with everybody the table speaks of.
struct Case {
    slug: String,
    second_owner: UserId,
    worker: UserId,
    invitation: String,
}

type Request = (String, Option<Value>);
type Act = (&'static str, fn(&Case) -> Request, [&'static str; 4]);

const OK: &str = "";
const UNKNOWN: &str = "organization.unknown";
const NO_INVITATION: &str = "organization.unknown_invitation";
const FORBIDDEN: &str = "organization.forbidden";
const OWNERS: &str = "organization.owners_only";

fn post(case: &Case, act: &str, body: Value) -> Request {
    (at(&case.slug, act), Some(body))
}

fn get(case: &Case, act: &str) -> Request {
    (at(&case.slug, act), None)
}

/// What strangers, members, administrators and owners are told.
const TABLE: [Act; 25] = [
    ("details", |case| get(case, ""), [UNKNOWN, OK, OK, OK]),
    ("members", |case| get(case, "/members"), [UNKNOWN, OK, OK, OK]),
    ("roles", |case| get(case, "/roles"), [UNKNOWN, OK, OK, OK]),
    ("invitations", |case| get(case, "/invitations"), [UNKNOWN, FORBIDDEN, OK, OK]),
    ("rename", |case| post(case, "/update", json!({ "name": "Another" })), [UNKNOWN, FORBIDDEN, OK, OK]),
    (
        "another slug",
        |case| post(case, "/update", json!({ "slug": format!("{}-too", case.slug) })),
        [UNKNOWN, FORBIDDEN, OK, OK],
    ),
    ("a logo", |case| post(case, "/update", json!({ "logo": null })), [UNKNOWN, FORBIDDEN, OK, OK]),
    ("delete", |case| post(case, "/delete", json!({})), [UNKNOWN, FORBIDDEN, FORBIDDEN, OK]),
    (
        "remove a member",
        |case| post(case, "/members/remove", json!({ "member": case.worker })),
        [UNKNOWN, FORBIDDEN, OK, OK],
    ),
    (
        "remove an owner",
        |case| post(case, "/members/remove", json!({ "member": case.second_owner })),
        [UNKNOWN, FORBIDDEN, OWNERS, OK],
    ),
    (
        "make an administrator",
        |case| post(case, "/members/set-roles", json!({ "member": case.worker, "role": "admin" })),
        [UNKNOWN, FORBIDDEN, OK, OK],
    ),
    (
        "make an owner",
        |case| post(case, "/members/set-roles", json!({ "member": case.worker, "role": "owner" })),
        [UNKNOWN, FORBIDDEN, OWNERS, OK],
    ),
    (
        "make an owner a member",
        |case| post(case, "/members/set-roles", json!({ "member": case.second_owner, "role": "member" })),
        [UNKNOWN, FORBIDDEN, OWNERS, OK],
    ),
    (
        "hand it on",
        |case| post(case, "/transfer-ownership", json!({ "member": case.worker })),
        [UNKNOWN, OWNERS, OWNERS, OK],
    ),
    ("leave", |case| post(case, "/leave", json!({})), [UNKNOWN, OK, OK, OK]),
    (
        "invite",
        |case| post(case, "/invite", json!({ "email": "new@example.org", "role": "member" })),
        [UNKNOWN, FORBIDDEN, OK, OK],
    ),
    (
        "invite an owner",
        |case| post(case, "/invite", json!({ "email": "new@example.org", "role": "OWNER" })),
        [UNKNOWN, FORBIDDEN, OWNERS, OK],
    ),
    (
        "invite again",
        |case| (invitation(&case.invitation, "/resend"), Some(json!({}))),
        [NO_INVITATION, FORBIDDEN, OK, OK],
    ),
    (
        "take an invitation back",
        |case| (invitation(&case.invitation, "/cancel"), Some(json!({}))),
        [NO_INVITATION, FORBIDDEN, OK, OK],
    ),
    ("look at an invitation", |case| (invitation(&case.invitation, ""), None), [NO_INVITATION, NO_INVITATION, OK, OK]),
    (
        "accept the invitation of another",
        |case| (invitation(&case.invitation, "/accept"), Some(json!({}))),
        [NO_INVITATION; 4],
    ),
    (
        "decline the invitation of another",
        |case| (invitation(&case.invitation, "/reject"), Some(json!({}))),
        [NO_INVITATION; 4],
    ),
    (
        "make a role",
        |case| post(case, "/roles/create", json!({ "name": "editor", "permissions": ["member:remove"] })),
        [UNKNOWN, FORBIDDEN, OK, OK],
    ),
    (
        "change a role",
        |case| post(case, "/roles/update", json!({ "name": "clerk", "permissions": ["member:add"] })),
        [UNKNOWN, FORBIDDEN, OK, OK],
    ),
    ("delete a role", |case| post(case, "/roles/delete", json!({ "name": "clerk" })), [UNKNOWN, FORBIDDEN, OK, OK]),
];

on_both_engines! {
    async fn everybody_may_what_the_table_says(gateway: TestGateway) {
        let (_, stranger) = known(&gateway, "stranger@example.org").await;
        let (member, of_member) = known(&gateway, "member@example.org").await;
        let (admin, of_admin) = known(&gateway, "admin@example.org").await;
        let (owner, of_owner) = known(&gateway, "owner@example.org").await;
        let second = gateway.person("second@example.org").await.id;
        let worker = gateway.person("worker@example.org").await.id;
        let mut browsers = [stranger, of_member, of_admin, of_owner];
        let lent = organizations(&gateway);
        let host = Actor::host();
        for (number, (act, request, expected)) in TABLE.into_iter().enumerate() {
            for (who, (browser, expected)) in browsers.iter_mut().zip(expected).enumerate() {
                let slug = format!("case-{number}-{who}");
                let id = owned_by(&gateway, owner.id, &slug).await.id;
                for (user, roles) in [(second, "owner"), (admin.id, "admin"), (member.id, "member"), (worker, "member")] {
                    join(&gateway, id, user, roles).await;
                }
                lent.create_role(&host, id, &"clerk".parse().expect("a role"), Vec::new()).await.expect("a role");
                let guest = NewInvitation {
                    email: format!("guest-{number}-{who}@example.org"),
                    roles: read_roles(["member"]).expect("roles"),
                    resend: false,
                    team: None,
                };
                let invitation = lent.invite(&host, id, guest).await.expect("an invitation").id.to_string();
                let case = Case { slug, second_owner: second, worker, invitation };
                let (path, body) = request(&case);
                let (status, said) = match body {
                    Some(body) => call(browser, &path, body).await,
                    None => read(browser, &path).await,
                };
                let code = said["error"].as_str().unwrap_or_default();
                let whose = ["a stranger", "a member", "an administrator", "an owner"][who];
                assert_eq!(code, expected, "{act} by {whose}: {status} {said}");
                assert_eq!(status.is_success(), expected == OK, "{act} by {whose}: {status} {said}");
            }
        }
    }
}

on_both_engines! {
    async fn whoever_is_outside_learns_nothing_at_all(gateway: TestGateway) {
        let (owner, mut of_owner) = known(&gateway, "owner@example.org").await;
        let (_, mut stranger) = known(&gateway, "stranger@example.org").await;
        let acme = owned_by(&gateway, owner.id, "acme").await;
        let gone = owned_by(&gateway, owner.id, "gone").await;
        super::done(&mut of_owner, &at("gone", "/delete"), json!({})).await;
        super::done(&mut of_owner, &at("acme", "/update"), json!({ "slug": "acme-two" })).await;
        let nowhere = "org_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b".to_owned();
        let known_names = ["acme-two".to_owned(), "acme".to_owned(), acme.id.to_string(), gone.id.to_string(), nowhere];
        for act in ["", "/members", "/roles", "/invitations"] {
            let unknown = read(&mut stranger, &at("nowhere", act)).await;
            assert_eq!(unknown.0, StatusCode::NOT_FOUND);
            for name in &known_names {
                assert_eq!(read(&mut stranger, &at(name, act)).await, unknown, "{name} {act}");
            }
        }
        let posts = [
            ("/update", json!({ "name": "x" })),
            ("/delete", json!({})),
            ("/leave", json!({})),
            ("/members/remove", json!({ "member": "owner@example.org" })),
            ("/members/set-roles", json!({ "member": "nobody@example.org", "role": "admin" })),
            ("/transfer-ownership", json!({ "member": owner.id })),
            ("/invite", json!({ "email": "owner@example.org", "role": "member" })),
            ("/roles/create", json!({ "name": "x" })),
        ];
        for (act, body) in posts {
            let unknown = call(&mut stranger, &at("nowhere", act), body.clone()).await;
            assert_eq!((unknown.0, &unknown.1["error"]), (StatusCode::NOT_FOUND, &json!("organization.unknown")));
            for name in &known_names {
                assert_eq!(call(&mut stranger, &at(name, act), body.clone()).await, unknown, "{name} {act}");
            }
        }
        let (_, mine) = read(&mut stranger, "/auth/organization/list").await;
        assert_eq!(mine, json!({ "organizations": [] }));
    }
}

on_both_engines! {
    async fn whoever_is_not_signed_in_gets_nowhere(gateway: TestGateway) {
        let owner = gateway.person("owner@example.org").await;
        owned_by(&gateway, owner.id, "acme").await;
        let mut nobody = gateway.browser();
        for act in ["", "/members", "/roles", "/invitations"] {
            assert_eq!(read(&mut nobody, &at("acme", act)).await.0, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(read(&mut nobody, "/auth/organization/list").await.0, StatusCode::UNAUTHORIZED);
        let create = call(&mut nobody, "/auth/organization/create", json!({ "name": "Mine" })).await;
        assert_eq!(create.0, StatusCode::UNAUTHORIZED);
        let (_, mut person) = known(&gateway, "person@example.org").await;
        let foreign = person.raw().post(person.address("/auth/organization/create")).header("sec-fetch-site", "cross-site");
        let page = person.send(foreign.json(&json!({ "name": "Forged" }))).await;
        assert!(page.status.is_client_error(), "{}", page.body);
        assert_eq!(read(&mut person, "/auth/organization/list").await.1, json!({ "organizations": [] }));
    }
}
