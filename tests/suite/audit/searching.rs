//! A wish that matches next to nothing does not read the whole record at once: the page says that there is more behind it.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::ports::{Audit, AuditFilter, AuditRecord, RecordKind, Stretch};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::reading::open;
use crate::admin::operator;
use crate::on_both_engines;
use crate::organization::{at, known, owned_by, read};
use crate::support::{Browser, Connected, Setup, TestGateway, unescape};

/// How many batches there are: more than two pages of the pages look through.
const BATCHES: usize = 230;
/// The calls of another tool among them, the oldest first.
const RARE: [usize; 2] = [1, 120];

fn setup() -> Setup {
    Setup::default().config("[audit]\nsearch_batches = 1")
}

/// Somebody whose agent calls `echo` all the time and `add` twice, each call in a batch of its own.
async fn busy(gateway: &TestGateway) -> (Connected, Browser) {
    let (ada, of_ada) = known(gateway, "ada@example.org").await;
    let acme = owned_by(gateway, ada.id, "acme").await;
    let agent = Connected::of(gateway, &ada, "connections:read", Some(acme.id)).await;
    for batch in 0..BATCHES {
        if RARE.contains(&batch) {
            agent.modern().call("add", json!({ "a": 1, "b": 2 })).await;
        } else {
            agent.call().await;
        }
        gateway.gateway.archive().flush().await.expect("written");
        gateway.clock.advance(Duration::from_millis(1));
    }
    (agent, of_ada)
}

on_both_engines! {
    async fn short_pages_lead_on_to_all_that_is_wanted_in_any_order(gateway: TestGateway, setup = setup()) {
        busy(&gateway).await;
        gateway.clock.advance(Duration::from_secs(120));
        let archive = gateway.gateway.archive();
        let wanted = |name: &str| AuditFilter {
            only: Some(RecordKind::Decision),
            name: Some(name.to_owned()),
            ..AuditFilter::default()
        };
        for (name, count) in [("add", RARE.len()), ("echo", BATCHES - RARE.len()), ("absent", 0)] {
            let mut seen: Vec<BTreeSet<String>> = Vec::new();
            for begin in [Stretch::Before(None, 3), Stretch::After(None, 3), Stretch::Written("start".parse().expect("a place"), 3)] {
                let (mut next, mut found, mut pages, mut short) = (Some(begin), Vec::<AuditRecord>::new(), 0, 0);
                while let Some(stretch) = next {
                    let page = archive.list(&wanted(name), stretch).await.expect("a page");
                    let is_short = page.records.len() < 3 && page.rest.is_some();
                    assert_eq!(page.looked_to().is_some(), is_short && !matches!(stretch, Stretch::Written(..)));
                    (pages, short) = (pages + 1, short + usize::from(is_short));
                    found.extend(page.records);
                    assert_ne!(page.rest, next, "every page comes further");
                    next = page.rest;
                }
                let ids: BTreeSet<String> = found.iter().map(|entry| entry.id.clone()).collect();
                assert_eq!((found.len(), ids.len()), (count, count), "{name} {begin:?}");
                if name != "echo" {
                    assert!(short > 10 && pages > 10, "{name} {begin:?}: {pages} pages, {short} of them short");
                }
                let is_newest_first = found.windows(2).all(|pair| pair[0].place() > pair[1].place());
                let is_oldest_first = found.windows(2).all(|pair| pair[0].place() < pair[1].place());
                assert!(if matches!(begin, Stretch::Before(..)) { is_newest_first } else { is_oldest_first });
                seen.push(ids);
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{name}: the same whatever the order");
        }
        // Acts stand among calls where they belong, and none is passed over or comes twice.
        let (mut next, mut all) = (Some(Stretch::Before(None, 4)), Vec::new());
        while let Some(stretch) = next {
            let page = archive.list(&AuditFilter::default(), stretch).await.expect("a page");
            all.extend(page.records);
            next = page.rest;
        }
        let whole = archive.list(&AuditFilter::default(), Stretch::Before(None, 10_000)).await.expect("the record");
        assert_eq!((all, whole.rest), (whole.records, None));
    }
}

/// What a script is told of calls of `add`, page by page.
async fn by_pages(browser: &mut Browser) -> Vec<Value> {
    let (mut pages, mut before) = (Vec::new(), String::new());
    loop {
        let (status, said) = read(browser, &at("acme", &format!("/audit?tool=add&limit=1{before}"))).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        assert_eq!(said["has_more"], json!(said["next"].is_string()), "{said}");
        pages.push(said.clone());
        let Some(next) = said["next"].as_str() else { return pages };
        before = format!("&before={next}");
    }
}

on_both_engines! {
    async fn programs_agents_and_commands_tell_a_short_page_from_the_end(gateway: TestGateway, setup = setup()) {
        let (agent, mut of_ada) = busy(&gateway).await;
        let pages = by_pages(&mut of_ada).await;
        let found: usize = pages.iter().map(|page| page["entries"].as_array().map_or(0, Vec::len)).sum();
        assert_eq!(found, RARE.len());
        let empty: Vec<&Value> = pages.iter().filter(|page| page["entries"] == json!([])).collect();
        let (last, short) = empty.split_last().expect("an end");
        assert!(short.len() > 10 && short.iter().all(|page| page["looked_to"].is_string()), "{short:?}");
        assert_eq!((&last["looked_to"], &last["has_more"]), (&Value::Null, &json!(false)), "the end says nothing of the kind");

        let reader = Connected::of(&gateway, &agent.person, "org:read", acme(&gateway).await).await;
        let (mut before, mut found, mut calls) = (Value::Null, 0, 0);
        loop {
            let arguments = json!({ "tool": "add", "limit": 1, "before": before });
            let reply = reader.modern().call("read_record", arguments).await;
            let said = &reply.body["result"]["structuredContent"];
            found += said["entries"].as_array().unwrap_or_else(|| panic!("entries: {}", reply.body)).len();
            calls += 1;
            before = said["next"].clone();
            if before.is_null() {
                break;
            }
        }
        assert!(found == RARE.len() && calls > 10, "{found} in {calls} calls");

        let exported = open(&mut of_ada, &at("acme", "/audit?format=jsonl&tool=add")).await;
        assert_eq!(exported.body.lines().count(), RARE.len(), "an export goes on by itself: {}", exported.body);
        let taken = of_ada.get("/account/export").await;
        let taken: Value = serde_json::from_str(&taken.body).expect("JSON");
        let calls = taken["data"]["core"]["calls"].as_array().map_or(0, Vec::len);
        assert!(calls >= BATCHES, "a person takes all of their calls along: {calls}");

        let listed = |more: Vec<&'static str>| {
            let gateway = &gateway;
            async move { gateway.program(&[&["audit", "list", "--tool", "add", "--limit", "1"], &more[..]].concat()).await }
        };
        let (ok, said) = listed(vec![]).await;
        assert!(ok && said.as_array().is_some_and(|entries| entries.len() == 1), "it goes on by itself: {said}");
        let (ok, said) = listed(vec!["--before", "yesterday"]).await;
        assert!(!ok && said["hint"].is_string(), "{said}");
        let (ok, said) = gateway.program(&["audit", "list", "--tool", "add", "--limit", "9"]).await;
        assert!(ok && said.as_array().is_some_and(|entries| entries.len() == RARE.len()), "all of them: {said}");
    }
}

/// The organization.
async fn acme(gateway: &TestGateway) -> Option<belgie_api::OrgId> {
    gateway.gateway.find_organization("acme").await.expect("an answer")
}

/// Follows the way to older entries until there is none: how many entries there were, on how many pages, and how often it was said
/// that not everything was looked through.
async fn walk(browser: &mut Browser, first: &str) -> (usize, usize, usize) {
    let (mut path, mut entries, mut pages, mut short) = (first.to_owned(), 0, 0, 0);
    loop {
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        (entries, pages) = (entries + page.body.matches("class=\"row-body\"").count(), pages + 1);
        let is_short = page.body.contains("Looked through everything back to");
        short += usize::from(is_short);
        let mut links =
            page.body.split("href=\"").filter_map(|rest| rest.split_once('"')).map(|(link, _)| unescape(link));
        let older = links.find(|link| link.contains("before="));
        assert_eq!(page.body.contains("Look through older ones"), is_short && older.is_some(), "{}", page.body);
        assert!(!(is_short && page.body.contains("Nothing like this is on record")), "{}", page.body);
        match older {
            Some(older) => path = older,
            None => return (entries, pages, short),
        }
    }
}

on_both_engines! {
    async fn pages_say_how_far_they_looked_and_lead_on(gateway: TestGateway, setup = setup()) {
        let (_, mut of_ada) = busy(&gateway).await;
        let (entries, pages, short) = walk(&mut of_ada, "/organizations/acme/audit?tool=add").await;
        assert!(entries == RARE.len() && pages > 3 && short == pages - 1, "{entries} entries, {pages} pages, {short} short");
        let (_, mut of_root) = operator(&gateway).await;
        let (entries, pages, short) = walk(&mut of_root, "/admin/audit?tool=add").await;
        assert!(entries == RARE.len() && pages > 1 && short == pages - 1, "{entries} entries, {pages} pages, {short} short");
    }
}
