//! Who may do what: everybody by every act, from one table.

use belgie_api::UserId;
use belgie_organization::Actor;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{at, enter, join, known, organizations, owned_by, read, team_of};
use crate::on_both_engines;
use crate::provider::call;
use crate::support::TestGateway;

/// One organization with a team, and everybody the table speaks of.
struct Case {
    slug: String,
    colleague: UserId,
    worker: UserId,
    approver: UserId,
}

type Request = (String, Option<Value>);
type Act = (&'static str, fn(&Case) -> Request, [&'static str; 7]);

const OK: &str = "";
const UNKNOWN: &str = "organization.unknown";
const FORBIDDEN: &str = "team.forbidden";
const BEYOND: &str = "team.beyond_you";
const NOT_IN: &str = "team.unknown_member";
const ROLES: &str = "organization.forbidden";

fn team(case: &Case, act: &str, body: Value) -> Request {
    (at(&case.slug, "red", act), Some(body))
}

fn look(case: &Case, act: &str) -> Request {
    (at(&case.slug, "red", act), None)
}

/// Who they are: nobody there; of the organization alone; in the team; its lead; of the organization with a role that
/// allows to change teams; an administrator; the owner. Neither of the last three is in the team.
const WHO: [&str; 7] = ["stranger", "member", "teammate", "lead", "manager", "admin", "owner"];

const TABLE: [Act; 17] = [
    ("list", |case| (format!("/auth/organization/{}/teams", case.slug), None), [UNKNOWN, OK, OK, OK, OK, OK, OK]),
    ("look", |case| look(case, ""), [UNKNOWN, OK, OK, OK, OK, OK, OK]),
    ("members", |case| look(case, "/members"), [UNKNOWN, FORBIDDEN, OK, OK, OK, OK, OK]),
    (
        "create",
        |case| (at(&case.slug, "create", ""), Some(json!({ "name": "Blue" }))),
        [UNKNOWN, ROLES, ROLES, ROLES, ROLES, OK, OK],
    ),
    (
        "rename",
        |case| team(case, "/update", json!({ "name": "Crimson" })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, OK, OK, OK],
    ),
    ("delete", |case| team(case, "/delete", json!({})), [UNKNOWN, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, OK, OK]),
    (
        "add a colleague",
        |case| team(case, "/members/add", json!({ "member": case.colleague })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, OK, OK, OK, OK],
    ),
    (
        "add a lead",
        |case| team(case, "/members/add", json!({ "member": case.colleague, "role": "lead" })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, OK, OK, OK, OK],
    ),
    (
        "add an approver",
        |case| team(case, "/members/add", json!({ "member": case.colleague, "role": "approver" })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, BEYOND, OK, OK, OK],
    ),
    (
        "add somebody from outside",
        |case| team(case, "/members/add", json!({ "member": "stranger@example.org" })),
        [
            UNKNOWN,
            FORBIDDEN,
            FORBIDDEN,
            "team.not_in_organization",
            "team.not_in_organization",
            "team.not_in_organization",
            "team.not_in_organization",
        ],
    ),
    (
        "add somebody without an account",
        |case| team(case, "/members/add", json!({ "member": "nobody@example.org" })),
        [
            UNKNOWN,
            FORBIDDEN,
            FORBIDDEN,
            "team.not_in_organization",
            "team.not_in_organization",
            "team.not_in_organization",
            "team.not_in_organization",
        ],
    ),
    (
        "remove a member",
        |case| team(case, "/members/remove", json!({ "member": case.worker })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, OK, OK, OK, OK],
    ),
    (
        "remove an approver",
        |case| team(case, "/members/remove", json!({ "member": case.approver })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, BEYOND, OK, OK, OK],
    ),
    (
        "make a lead",
        |case| team(case, "/members/set-roles", json!({ "member": case.worker, "role": "lead" })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, OK, OK, OK, OK],
    ),
    (
        "make an approver",
        |case| team(case, "/members/set-roles", json!({ "member": case.worker, "role": ["member", "approver"] })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, BEYOND, OK, OK, OK],
    ),
    (
        "make an approver a member",
        |case| team(case, "/members/set-roles", json!({ "member": case.approver, "role": "member" })),
        [UNKNOWN, FORBIDDEN, FORBIDDEN, BEYOND, OK, OK, OK],
    ),
    ("leave", |case| team(case, "/leave", json!({})), [UNKNOWN, NOT_IN, OK, OK, NOT_IN, NOT_IN, NOT_IN]),
];

on_both_engines! {
    async fn everybody_may_with_teams_what_the_table_says(gateway: TestGateway) {
        let mut people = Vec::new();
        for who in WHO {
            people.push(known(&gateway, &format!("{who}@example.org")).await);
        }
        let colleague = gateway.person("colleague@example.org").await.id;
        let worker = gateway.person("worker@example.org").await.id;
        let approver = gateway.person("approver@example.org").await.id;
        for (number, (act, request, expected)) in TABLE.into_iter().enumerate() {
            for (position, expected) in expected.into_iter().enumerate() {
                let slug = format!("case-{number}-{position}");
                let id = owned_by(&gateway, people[6].0.id, &slug).await.id;
                let planner = "planner".parse().expect("a role");
                let allowed = vec!["team:update".to_owned()];
                organizations(&gateway).create_role(&Actor::host(), id, &planner, allowed).await.expect("a role");
                for (index, roles) in [(1, "member"), (2, "member"), (3, "member"), (4, "planner"), (5, "admin")] {
                    join(&gateway, id, people[index].0.id, roles).await;
                }
                for user in [colleague, worker, approver] {
                    join(&gateway, id, user, "member").await;
                }
                let red = team_of(&gateway, id, "red").await.id;
                for (user, roles) in [
                    (people[2].0.id, "member"), (people[3].0.id, "lead"), (worker, "member"), (approver, "member,approver"),
                ] {
                    enter(&gateway, red, user, roles).await;
                }
                let (path, body) = request(&Case { slug, colleague, worker, approver });
                let browser = &mut people[position].1;
                let (status, said) = match body {
                    Some(body) => call(browser, &path, body).await,
                    None => read(browser, &path).await,
                };
                let code = said["error"].as_str().unwrap_or_default();
                assert_eq!(code, expected, "{act} by a {}: {status} {said}", WHO[position]);
                assert_eq!(status.is_success(), expected == OK, "{act} by a {}: {status} {said}", WHO[position]);
            }
        }
    }
}

on_both_engines! {
    async fn outsiders_learn_nothing_of_teams(gateway: TestGateway) {
        let (owner, mut of_owner) = known(&gateway, "owner@example.org").await;
        let (other, mut stranger) = known(&gateway, "stranger@example.org").await;
        let acme = owned_by(&gateway, owner.id, "acme").await;
        let rose = owned_by(&gateway, other.id, "rose").await;
        let red = team_of(&gateway, acme.id, "red").await;
        let blue = team_of(&gateway, rose.id, "blue").await;
        let unknown = read(&mut stranger, &at("nowhere", "red", "")).await;
        assert_eq!((unknown.0, &unknown.1["error"]), (StatusCode::NOT_FOUND, &json!("organization.unknown")));
        for (organization, team) in [("acme", "red"), ("acme", "nothing"), ("acme", &red.id.to_string())] {
            assert_eq!(read(&mut stranger, &at(organization, team, "")).await, unknown, "{organization} {team}");
        }
        // A team is found in its own organization alone, though one is in both.
        let missing = read(&mut of_owner, &at("acme", "nothing", "")).await;
        assert_eq!((missing.0, &missing.1["error"]), (StatusCode::NOT_FOUND, &json!("team.unknown")));
        for team in ["blue", &blue.id.to_string(), "tea_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b"] {
            assert_eq!(read(&mut of_owner, &at("acme", team, "")).await, missing, "{team}");
        }
        let mut nobody = gateway.browser();
        assert_eq!(read(&mut nobody, &at("acme", "red", "")).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(read(&mut stranger, "/auth/organization/teams").await.1, json!({ "teams": [] }));
        // For the application's own handlers the same.
        let as_stranger = Actor::user(other.id);
        let refused = super::teams(&gateway).details(&as_stranger, red.id).await.expect_err("a refusal");
        assert_eq!(refused.code(), "team.unknown");
    }
}
