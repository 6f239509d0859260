//! Another name in URLs: the operator's rules hold under it, and what is open at the shared endpoint goes on.

use belgie::access::Question;
use belgie_api::OrgId;
use belgie_organization::{Actor, OrganizationChanges};
use reqwest::Client;
use serde_json::{Value, json};

use super::acting::Acting;
use super::live::{CALLS, Open};
use super::{at, done, known, organizations, owned_by};
use crate::on_both_engines;
use crate::support::{EventStream, LegacySession, Modern, Setup, TestGateway};

/// What one organization may not, what it alone may, and what one may that nobody has the name of yet.
const RULES: &str = "[[access]]\ntools = ['echo']\norganizations = ['acme']\ndeny = true\n\
    [[access]]\ntools = ['add']\norganizations = ['acme', 'globe']\n\
    [[access]]\ntools = ['whoami']\norganizations = ['apex']\ndeny = true";

async fn rename(gateway: &TestGateway, id: OrgId, slug: &str) {
    let changes = OrganizationChanges { slug: Some(slug.to_owned()), ..OrganizationChanges::default() };
    organizations(gateway).update(&Actor::host(), id, changes).await.expect("renamed");
}

/// The token of a service of an organization.
async fn service(browser: &mut crate::support::Browser, organization: &str) -> String {
    let wish = json!({ "name": "Nightly", "role": "member", "scope": "org:read", "ttl_seconds": 3600 });
    let said = done(browser, &at(organization, "/services/create"), wish).await;
    said["token"].as_str().expect("a token").to_owned()
}

/// Which of `echo`, `add` and `whoami` are there: in lists and calls alike, in both eras.
async fn opened(url: &str, token: &str) -> [bool; 3] {
    let client = Client::new();
    let modern = Modern { client: &client, url, token: Some(token) };
    let session = LegacySession::open(&client, url, token).await;
    let lists = [modern.send("tools/list", json!({})).await, session.send("tools/list", json!({})).await];
    let tools = [("echo", json!({ "text": "here" })), ("add", json!({ "a": 1, "b": 2 })), ("whoami", json!({}))];
    let mut open = [false; 3];
    for (open, (tool, arguments)) in open.iter_mut().zip(tools) {
        let replies = [modern.call(tool, arguments.clone()).await, session.call(tool, arguments).await];
        let [first, second] = replies.each_ref().map(|reply| reply.body.get("result").is_some());
        *open = first;
        assert_eq!(first, second, "{tool}: {:?}", replies.map(|reply| reply.body));
        for list in &lists {
            assert_eq!(list.tool_names().contains(&tool), first, "{tool}: {:?}", list.body);
        }
    }
    open
}

on_both_engines! {
    async fn a_rule_holds_whatever_the_organization_is_called_since(gateway: TestGateway, setup = Setup::default().config(RULES)) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        let of_acme = [
            Acting::new(&gateway, (ada.clone(), browser.clone()), acme.id).await.tokens.access,
            service(&mut browser, "acme").await,
        ];
        let of_rose = Acting::new(&gateway, (ada.clone(), browser.clone()), rose.id).await.tokens.access;
        let url = gateway.mcp_url();
        // What it was called first, what it is called, and what it is called again: a name it took itself counts from then on.
        for (slug, expected) in [
            ("acme", [false, true, true]),
            ("axle", [false, true, true]),
            ("apex", [false, true, false]),
            ("acme", [false, true, false]),
            ("axle", [false, true, false]),
        ] {
            rename(&gateway, acme.id, slug).await;
            for token in &of_acme {
                assert_eq!(opened(&url, token).await, expected, "{slug}");
            }
            assert_eq!(opened(&url, &of_rose).await, [true, false, true], "another organization");
        }
        rename(&gateway, rose.id, "globe").await;
        assert_eq!(opened(&url, &of_rose).await, [true, true, true]);
        rename(&gateway, rose.id, "rose").await;
        assert_eq!(opened(&url, &of_rose).await, [true, true, true], "what was opened by a name stays open");

        let ask = async |organization: &str, name: &str| {
            let question = Question {
                user: "ada@example.org".to_owned(),
                organization: Some(organization.to_owned()),
                name: name.to_owned(),
                ..Question::default()
            };
            let said = gateway.gateway.explain(&question).await.expect("an answer").json();
            (said["trace"]["call"]["outcome"].as_str().unwrap_or_default().to_owned(), said["trace"].to_string())
        };
        for (tool, expected) in [("echo", "hidden"), ("add", "allowed"), ("whoami", "hidden")] {
            let (outcome, trace) = ask("axle", tool).await;
            assert_eq!(outcome, expected, "{tool}: {trace}");
            assert!(trace.contains(&format!("acts for axle ({}, once acme, apex)", acme.id)), "{trace}");
        }
        let (outcome, trace) = ask("rose", "add").await;
        assert_eq!(outcome, "allowed", "{trace}");
        // The names it had are the operator's business, and no tool's.
        let seen = Modern { client: &Client::new(), url: &url, token: Some(&of_rose) }.call("whoami", json!({})).await;
        assert!(!seen.body.to_string().contains("globe"), "{}", seen.body);
    }
}

/// A stream that tells when the list of tools has changed.
async fn listening(url: &str, token: &str) -> EventStream {
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let client = Client::new();
    let modern = Modern { client: &client, url, token: Some(token) };
    let mut stream = EventStream::open(modern.request("subscriptions/listen", filter)).await;
    assert!(stream.next().await.is_some(), "it is acknowledged");
    stream
}

on_both_engines! {
    async fn a_new_name_ends_what_is_open_at_the_old_address_and_nothing_at_the_shared_one(
        gateway: TestGateway,
        setup = Setup::default().with_probe().config("[[access]]\ntools = ['hang']\norganizations = ['acme']")
    ) {
        let ada = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.0.id, "acme").await;
        let nightly = service(&mut ada.1.clone(), "acme").await;
        let shared = Acting::new(&gateway, ada.clone(), acme.id).await.connected();
        let own = Acting::at(&gateway, ada, acme.id, "acme").await.connected();
        let mut at_shared = Open::new(&gateway, &shared, 0).await;
        let at_own = Open::new(&gateway, &own, CALLS).await;
        // A service has one token for both, which does not end with the address.
        let mut of_service = listening(&shared.mcp_url, &nightly).await;
        let of_service_at_own = listening(&own.mcp_url, &nightly).await;

        rename(&gateway, acme.id, "apex").await;
        at_own.ends().await;
        let rest: Vec<Value> = of_service_at_own.rest().await;
        assert!(rest.iter().all(|message| message.get("error").is_none()), "{rest:?}");
        own.is_refused().await;
        at_shared.hears_of_other_tools().await;
        let news = of_service.next().await.expect("the stream goes on");
        assert_eq!(news["method"], "notifications/tools/list_changed");
        shared.is_let_in().await;
        at_shared.goes_on();
        gateway.probe.ended(CALLS).await;
        // And what runs comes to its end.
        gateway.probe.finish();
        at_shared.comes_to_its_end().await;
    }
}
