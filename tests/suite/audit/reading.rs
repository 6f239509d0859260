//! Who reads the record of an organization, and what they see of it.

use std::collections::BTreeSet;

use belgie_organization::Actor;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::organization::{at, done, join, known, organizations, owned_by, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Connected, Page, TestGateway, unescape};

/// The ways in to the record of an organization.
fn ways(slug: &str) -> [String; 4] {
    [
        at(slug, "/audit"),
        at(slug, "/audit?format=jsonl"),
        format!("/organizations/{slug}/audit"),
        format!("/organizations/{slug}/audit.jsonl"),
    ]
}

/// Opens an address as a page of ours leads there.
pub async fn open(browser: &mut Browser, path: &str) -> Page {
    let request = browser.raw().get(browser.address(path)).header("sec-fetch-site", "same-origin");
    browser.send(request).await
}

/// The entries of an export.
async fn lines(browser: &mut Browser, path: &str) -> Vec<Value> {
    let answer = open(browser, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/jsonl");
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.body.lines().map(|line| serde_json::from_str(line).expect("an object on each line")).collect()
}

on_both_engines! {
    async fn owners_and_administrators_read_the_record_and_nobody_else(gateway: TestGateway) {
        let (ada, of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, of_bob) = known(&gateway, "bob@example.org").await;
        let (cleo, of_cleo) = known(&gateway, "cleo@example.org").await;
        let (dan, of_dan) = known(&gateway, "dan@example.org").await;
        let (_, of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        join(&gateway, acme.id, cleo.id, "member").await;
        let auditor = "auditor".parse().expect("a role");
        organizations(&gateway).create_role(&Actor::host(), acme.id, &auditor, vec!["audit:read".to_owned()]).await.expect("a role");
        join(&gateway, acme.id, dan.id, "auditor").await;
        for (mut browser, expected) in [
            (of_ada, StatusCode::OK),
            (of_bob, StatusCode::OK),
            (of_dan, StatusCode::OK),
            (of_cleo, StatusCode::FORBIDDEN),
            (of_eve, StatusCode::NOT_FOUND),
        ] {
            for way in ways("acme") {
                assert_eq!(open(&mut browser, &way).await.status, expected, "{way}");
            }
        }
        let mut stranger = gateway.browser();
        for (way, expected) in ways("acme").iter().zip([401, 401, 303, 303]) {
            assert_eq!(open(&mut stranger, way).await.status.as_u16(), expected, "{way}");
        }
        let mut of_dan = gateway.browser();
        of_dan.sign_in("dan@example.org", PASSWORD).await;
        let page = of_dan.get("/organizations/acme/audit").await.body;
        assert!(!page.contains("ada@example.org") && page.contains(&ada.id.to_string()), "names are for whoever sees members");
        let mut of_cleo = gateway.browser();
        of_cleo.sign_in("cleo@example.org", PASSWORD).await;
        assert!(!unescape(&of_cleo.get("/organizations/acme").await.body).contains("/organizations/acme/audit"), "no link where there is no way");
    }
}

on_both_engines! {
    async fn an_organization_sees_nothing_of_another(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, bob.id, "rose").await;
        join(&gateway, rose.id, ada.id, "member").await;
        let here = Connected::of(&gateway, &ada, "connections:read org:read", Some(acme.id)).await;
        let there = Connected::of(&gateway, &ada, "connections:read org:read", Some(rose.id)).await;
        let alone = Connected::of(&gateway, &ada, "connections:read", None).await;
        for (agent, text) in [(&here, 1), (&there, 2), (&alone, 3)] {
            for _ in 0..text {
                agent.call().await;
            }
        }
        for (browser, slug, id, calls) in [(&mut of_ada, "acme", acme.id, 1), (&mut of_bob, "rose", rose.id, 2)] {
            let exported = lines(browser, &at(slug, "/audit?format=jsonl")).await;
            assert!(exported.iter().all(|entry| entry["organization"] == id.to_string()), "{exported:?}");
            let of_calls = exported.iter().filter(|entry| entry["action"] == "tool.call");
            assert_eq!(of_calls.count(), calls, "{slug}");
            // Neither an id nor a wish in the query leads elsewhere.
            let (_, asked) = read(browser, &at(&id.to_string(), "/audit?tool=echo")).await;
            assert_eq!(asked["entries"].as_array().map(Vec::len), Some(calls));
        }
        for way in ways("rose") {
            assert_eq!(open(&mut of_ada, &way).await.status, StatusCode::FORBIDDEN, "a member there may not: {way}");
        }
        let (status, said) = read(&mut of_bob, &at("rose", "/audit?user=stranger@example.org")).await;
        assert_eq!((status, said["error"].as_str()), (StatusCode::NOT_FOUND, Some("organization.unknown_member")));
        gateway.person("stranger@example.org").await;
        let known_elsewhere = read(&mut of_bob, &at("rose", "/audit?user=stranger@example.org")).await;
        assert_eq!(known_elsewhere.1["error"], said["error"], "whether there is an account, it does not say");
        let (_, organization) = read(&mut of_bob, &at("rose", "/audit?organization=acme")).await;
        assert_eq!(organization["error"], "invalid_request");
    }
}

const FIELDS: [&str; 23] = [
    "action",
    "actor",
    "actors",
    "at",
    "client",
    "client_name",
    "credential",
    "decision",
    "details",
    "grant",
    "id",
    "impersonator",
    "ip",
    "organization",
    "outcome",
    "request_id",
    "service",
    "session",
    "target",
    "teams",
    "token",
    "took_us",
    "type",
];

on_both_engines! {
    async fn an_export_has_the_same_fields_on_every_line_and_goes_through_all_pages(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        // More than an export reads at a time.
        for _ in 0..13 {
            let calls = (0..40).map(|_| agent.call());
            futures::future::join_all(calls).await;
        }
        let exported = lines(&mut of_ada, "/organizations/acme/audit.jsonl").await;
        assert_eq!(exported.iter().filter(|entry| entry["type"] == "decision").count(), 520);
        let mut ids = BTreeSet::new();
        for entry in &exported {
            let fields: Vec<_> = entry.as_object().expect("an object").keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
            assert_eq!(fields, FIELDS);
            assert!(entry["ip"].is_null(), "addresses are the operator's: {entry}");
            assert!(ids.insert(entry["id"].as_str().expect("an id").to_owned()), "twice: {entry}");
        }
        let moments: Vec<_> = exported.iter().map(|entry| entry["at"].as_str().expect("a moment")).collect();
        assert!(moments.len() > 520 && moments[0] <= moments[moments.len() - 1], "oldest first");
        // Page by page, newest first, come the same entries, and the one that says that they were taken along.
        let (mut paged, mut next) = (Vec::new(), Some(String::new()));
        while let Some(before) = next {
            let query = if before.is_empty() { String::new() } else { format!("&before={before}") };
            let (status, said) = read(&mut of_ada, &at("acme", &format!("/audit?limit=200{query}"))).await;
            assert_eq!(status, StatusCode::OK, "{said}");
            paged.extend(said["entries"].as_array().expect("entries").clone());
            next = said["next"].as_str().map(ToOwned::to_owned);
        }
        assert_eq!(paged[0]["action"], "record.exported");
        assert_eq!(paged[1..].iter().rev().cloned().collect::<Vec<_>>(), exported);
        let none = lines(&mut of_ada, &at("acme", "/audit?format=jsonl&until=2020-01-01")).await;
        assert_eq!(none, Vec::<Value>::new());
    }
}

on_both_engines! {
    async fn the_page_is_narrowed_to_a_person_an_agent_a_tool_and_a_result(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let first = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let second = Connected::of(&gateway, &bob, "connections:read", Some(acme.id)).await;
        for agent in [&first, &second] {
            agent.call().await;
            agent.modern().call("step_up", json!({})).await;
            agent.modern().call("absent", json!({})).await;
        }
        let mut count = async |query: &str| {
            let (status, said) = read(&mut of_ada, &at("acme", &format!("/audit?{query}"))).await;
            assert_eq!(status, StatusCode::OK, "{query}: {said}");
            said["entries"].as_array().expect("entries").len()
        };
        let client = &second.agent.client_id;
        for (query, expected) in [
            ("type=decision".to_owned(), 6),
            ("type=decision&user=bob@example.org".to_owned(), 3),
            (format!("type=decision&user={}", ada.id), 3),
            (format!("type=decision&client={client}"), 3),
            ("tool=echo".to_owned(), 2),
            ("tool=echo&user=bob@example.org".to_owned(), 1),
            ("result=refused".to_owned(), 4),
            ("type=decision&result=done".to_owned(), 2),
            ("result=failed".to_owned(), 0),
            ("type=decision&since=1h".to_owned(), 6),
            ("type=decision&until=1h".to_owned(), 0),
        ] {
            assert_eq!(count(&query).await, expected, "{query}");
        }
        for wrong in ["type=x", "result=x", "since=yesterday", "before=x", "limit=x", "format=xml"] {
            let (status, said) = read(&mut of_ada, &at("acme", &format!("/audit?{wrong}"))).await;
            assert_eq!((status, said["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")), "{wrong}");
        }
        let page = of_ada.get("/organizations/acme/audit?user=bob%40example.org&result=refused").await;
        let text = unescape(&page.body);
        assert!(text.contains("Refused: scope missing") && text.contains("Refused: no such thing"), "{text}");
        assert!(text.contains("bob@example.org</bdi>") && !text.contains("<bdi>ada@example.org"), "{text}");
        assert!(text.contains("/organizations/acme/audit.jsonl?user=bob%40example.org&result=refused"), "{text}");
        let unknown = of_ada.get("/organizations/acme/audit?user=nobody%40example.org").await;
        assert!(unknown.status == StatusCode::OK && unknown.body.contains("role=\"alert\""), "{}", unknown.body);
    }
}

on_both_engines! {
    async fn the_page_shows_fifty_entries_and_leads_to_older_ones(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        for _ in 0..55 {
            agent.call().await;
        }
        let home = unescape(&of_ada.get("/organizations/acme").await.body);
        assert!(home.contains("href=\"/organizations/acme/audit\""), "{home}");
        let page = of_ada.get("/organizations/acme/audit?tool=echo").await;
        let text = unescape(&page.body);
        assert_eq!(text.matches("<code>echo</code>").count(), 50);
        let older = text.split("href=\"").find_map(|rest| rest.split('"').next().filter(|href| href.contains("before="))).expect("a way on");
        let rest = unescape(&of_ada.get(older).await.body);
        assert_eq!(rest.matches("<code>echo</code>").count(), 5);
        assert!(!rest.contains("before=") && rest.contains(">Newest</a>"), "{rest}");
    }
}

on_both_engines! {
    async fn names_are_shown_as_names_and_nothing_runs(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let name = "<script>alert(1)</script>";
        done(&mut of_ada, &at("acme", "/update"), json!({ "name": name })).await;
        let agent = Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        agent.session().await.send("tools/call", json!({ "name": "\"><img src=x>", "arguments": {} })).await;
        for way in ["/organizations/acme/audit", "/organizations/acme/audit?tool=%22%3E%3Cimg%20src%3Dx%3E&client=%3Cimg%3E"] {
            let page = of_ada.get(way).await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{}", page.body);
        }
        let shown = of_ada.get("/organizations/acme/audit").await.body;
        assert!(shown.contains("&lt;img src=x&gt;"), "{shown}");
    }
}

on_both_engines! {
    async fn of_whoever_is_gone_the_id_stays_and_the_name_does_not(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &bob, "connections:read", Some(acme.id)).await;
        agent.call().await;
        let way = "/organizations/acme/audit?tool=echo";
        assert!(of_ada.get(way).await.body.contains("<bdi>bob@example.org</bdi>"));
        gateway.gateway.identity().delete_by(bob.id, belgie::identity::By::Host).await.expect("deleted");
        let page = of_ada.get(way).await.body;
        assert!(!page.contains("bob@example.org") && page.contains(&bob.id.to_string()), "{page}");
        let exported = of_ada.get("/organizations/acme/audit.jsonl").await.body;
        assert!(!exported.contains("bob@example.org") && exported.contains(&bob.id.to_string()));
        let left = exported.lines().find(|line| line.contains("organization.left")).expect("that he left");
        assert!(left.contains("deletion"), "{left}");
    }
}

on_both_engines! {
    async fn a_person_takes_along_what_their_agents_called(gateway: TestGateway) {
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        ada.call().await;
        bob.call().await;
        gateway.gateway.archive().flush().await.expect("written");
        let taken: Value = serde_json::from_str(&ada.browser.get("/account/export").await.body).expect("JSON");
        let calls = &taken["data"]["core"]["calls"];
        assert_eq!(calls.as_array().map(Vec::len), Some(1), "{taken}");
        assert_eq!((&calls[0]["target"], &calls[0]["client"]), (&json!("echo"), &json!(ada.agent.client_id)));
    }
}
