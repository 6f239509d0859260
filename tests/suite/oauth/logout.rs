//! Signing out on the word of a client (OpenID Connect RP-Initiated Logout 1.0).

use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use url::Url;

use super::openid::{ALL, id_token, openid, told};
use super::{assert_page_alone, part};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Engine, Page, Reply, Setup, TestGateway, unescape};

const HTTPS: &str = "https://agent.example/callback";
const BYE: &str = "https://agent.example/bye";
const ANOTHER: &str = "It means somebody else";

/// A client that registered where people may go afterwards.
async fn registered(gateway: &TestGateway) -> Agent {
    let document = json!({
        "client_name": "Wiki", "redirect_uris": [HTTPS], "post_logout_redirect_uris": [BYE, "https://agent.example/x?y=1"],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    });
    let (agent, said) = Agent::register_document(gateway, &document).await;
    assert_eq!(said["post_logout_redirect_uris"], document["post_logout_redirect_uris"]);
    agent
}

/// The same, made by the operator.
async fn of_operator(gateway: &TestGateway) -> Agent {
    let line = ["--name", "Wiki", "--redirect-uri", HTTPS, "--post-logout-redirect-uri", BYE];
    let made = super::machines::create(gateway, &line).await.expect("a client");
    Agent::known_as(gateway, made["client_id"].as_str().expect("an id"), HTTPS)
}

fn address(gateway: &TestGateway, query: &[(&str, &str)]) -> String {
    Url::parse_with_params(&gateway.at("/logout"), query).expect("an address").into()
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == StatusCode::OK
}

#[track_caller]
fn assert_asks(page: &Page) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Sign out?"), "{}", page.body);
    assert_eq!(page.headers["cache-control"], "no-store");
}

on_both_engines! {
    async fn a_client_that_shows_its_id_token_of_this_session_ends_it(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut elsewhere = gateway.browser();
        elsewhere.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let agent = registered(&gateway).await;
        let reply = told(&agent, &mut ada, ALL, &[]).await;
        let hint = id_token(&reply).to_owned();
        assert!(part(&hint, 1)["sid"].is_string(), "{}", part(&hint, 1));
        // In another browser of hers it proves nothing.
        let query = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "a b&c")];
        assert_asks(&elsewhere.get(&address(&gateway, &query)).await);
        assert!(is_signed_in(&mut elsewhere).await);

        // An id token that is over will do.
        gateway.clock.advance(std::time::Duration::from_secs(7200));
        let page = ada.get(&address(&gateway, &query)).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        assert_eq!(page.location(), format!("{BYE}?state=a+b%26c"));
        assert!(!is_signed_in(&mut ada).await && is_signed_in(&mut elsewhere).await);
        // Agents stay connected.
        assert_eq!(agent.refresh(reply.body["refresh_token"].as_str().expect("a token")).await.status, StatusCode::OK);
        // Whoever made the client could make this link, so nobody goes there unasked.
        let again = ada.get(&address(&gateway, &query)).await;
        assert!(again.status == StatusCode::OK && again.headers.get(LOCATION).is_none(), "{}", again.body);
        assert!(again.body.contains("You are signed out") && again.body.contains("Continue to agent.example"), "{}", again.body);
    }
}

on_both_engines! {
    async fn whoever_proves_nothing_has_the_person_asked(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, other) = (registered(&gateway).await, registered(&gateway).await);
        let of_other = id_token(&told(&other, &mut ada, ALL, &[]).await).to_owned();
        for query in [
            &[][..],
            &[("client_id", agent.client_id.as_str()), ("post_logout_redirect_uri", BYE), ("logout_hint", "ada@example.org")],
            &[("client_id", "cli_unknown")],
        ] {
            assert_asks(&ada.get(&address(&gateway, query)).await);
            assert!(is_signed_in(&mut ada).await);
        }
        // A stranger is told that nobody is signed in, and a form of another site does no more than a link.
        let mut stranger = gateway.browser();
        assert!(stranger.get(&address(&gateway, &[])).await.body.contains("You are signed out"));
        let sent = ada.post("/logout", &[("client_id", &agent.client_id), ("post_logout_redirect_uri", BYE), ("odd", "x")]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        assert!(is_signed_in(&mut ada).await);
        let page = ada.get(&sent.location()).await;
        assert_asks(&page);
        assert!(page.body.contains("Wiki") && page.body.contains("agent.example") && page.body.contains("ada@example.org"), "{}", page.body);
        // No form without the token of our own pages.
        let form = page.form("/logout/confirm");
        let mut forged = form.clone();
        forged.fields.retain(|(name, _)| name != "csrf_token");
        assert_eq!(ada.submit(&forged, &[]).await.status, StatusCode::FORBIDDEN);
        assert!(is_signed_in(&mut ada).await);
        let policy = page.headers["content-security-policy"].to_str().expect("a policy");
        assert!(policy.contains("form-action") && policy.contains("https://agent.example"), "{policy}");
        let done = ada.submit(&form, &[]).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, BYE.to_owned()));
        assert!(!is_signed_in(&mut ada).await);
        assert_eq!(part(&of_other, 1)["iss"], json!(gateway.url));
    }
}

on_both_engines! {
    async fn nobody_is_sent_to_an_address_that_is_not_the_clients(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, other) = (registered(&gateway).await, registered(&gateway).await);
        let hint = id_token(&told(&agent, &mut ada, ALL, &[]).await).to_owned();
        let (start, _) = hint.rsplit_once('.').expect("a signed token");
        let unsigned = format!("{start}.AAAA");
        let (own, foreign) = (agent.client_id.as_str(), other.client_id.as_str());
        for (query, words) in [
            (&[("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://evil.example/")][..], "not the application"),
            (&[("id_token_hint", &hint), ("post_logout_redirect_uri", "https://agent.example/bye/")], "not the application"),
            (&[("id_token_hint", &hint), ("post_logout_redirect_uri", HTTPS)], "not the application"),
            (&[("post_logout_redirect_uri", BYE)], "not the application"),
            (&[("client_id", "cli_unknown"), ("post_logout_redirect_uri", BYE)], "not the application"),
            (&[("id_token_hint", &hint), ("client_id", foreign)], "two applications"),
            (&[("id_token_hint", &unsigned), ("client_id", own), ("post_logout_redirect_uri", BYE)], "did not prove"),
            (&[("id_token_hint", "junk")], "did not prove"),
            (&[("state", "a"), ("state", "b")], "cannot be read"),
        ] {
            assert_page_alone(&ada.get(&address(&gateway, query)).await, words);
            assert!(is_signed_in(&mut ada).await, "{query:?}");
        }
    }
}

on_both_engines! {
    async fn a_client_of_the_operator_gets_people_back_who_are_signed_out_already(gateway: TestGateway, setup = openid()) {
        let agent = of_operator(&gateway).await;
        let mut stranger = gateway.browser();
        let query = [("client_id", agent.client_id.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
        let page = stranger.get(&address(&gateway, &query)).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, format!("{BYE}?state=s")));
    }
}

on_both_engines! {
    async fn a_cookie_that_stays_at_home_makes_nobody_signed_out(
        gateway: TestGateway,
        setup = openid().config("[cookie]\nsame_site = \"strict\"")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = registered(&gateway).await;
        let hint = id_token(&told(&agent, &mut ada, ALL, &[]).await).to_owned();
        let query = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE)];
        let page = ada.follow(&address(&gateway, &query)).await;
        assert!(page.status == StatusCode::OK && !page.body.contains("You are signed out"), "{}", page.body);
        let body = unescape(&page.body);
        let (_, rest) = body.split_once("href=\"/logout?").expect("the way on");
        let (way, _) = rest.split_once('"').expect("its end");
        let done = ada.get(&format!("/logout?{way}")).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, BYE.to_owned()));
        assert!(!is_signed_in(&mut ada).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_registers_for_signing_out_is_checked_and_not_there_where_nobody_is_told_of() {
    let gateway = openid().start(Engine::Sqlite).await;
    for wrong in [
        json!({ "redirect_uris": [HTTPS], "post_logout_redirect_uris": ["http://evil.example/"] }),
        json!({ "redirect_uris": [HTTPS], "post_logout_redirect_uris": ["javascript:alert(1)"] }),
        json!({ "redirect_uris": [HTTPS], "backchannel_logout_uri": "http://127.0.0.1/told" }),
        json!({ "redirect_uris": [HTTPS], "backchannel_logout_uri": "https://agent.example/#told" }),
    ] {
        let answer = reqwest::Client::new().post(gateway.at("/register")).json(&wrong).send().await;
        let reply = Reply::read(answer.expect("an answer")).await;
        assert_eq!(
            (reply.status, &reply.body["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")),
            "{wrong}"
        );
    }
    let off = Setup::default().start(Engine::Sqlite).await;
    assert_eq!(reqwest::get(off.at("/logout")).await.expect("an answer").status(), StatusCode::NOT_FOUND);
    let document = json!({ "redirect_uris": [HTTPS], "post_logout_redirect_uris": [BYE] });
    let (_, said) = Agent::register_document(&off, &document).await;
    assert_eq!(said.get("post_logout_redirect_uris"), None::<&Value>);
}

on_both_engines! {
    async fn nobody_is_signed_out_unasked_for_whom_the_client_does_not_mean(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = registered(&gateway).await;
        let hint = id_token(&told(&agent, &mut ada, ALL, &[]).await).to_owned();
        let claims = part(&hint, 1);
        let text = |name: &str| claims[name].as_str().expect("a text").to_owned();
        // What a client may know her and this session by.
        for good in ["ADA@example.org".to_owned(), text("sub"), text("sid")] {
            let query = [("client_id", agent.client_id.as_str()), ("logout_hint", good.as_str())];
            let page = ada.get(&address(&gateway, &query)).await;
            assert_asks(&page);
            assert!(!page.body.contains(ANOTHER), "{good}: {}", page.body);
        }
        // An id token of this very session proves enough, unless the hint beside it means another one.
        for other in ["eve@example.org", "x", &text("sid")[1..]] {
            let query = [("id_token_hint", hint.as_str()), ("logout_hint", other), ("post_logout_redirect_uri", BYE)];
            let page = ada.get(&address(&gateway, &query)).await;
            assert_asks(&page);
            assert!(page.body.contains(ANOTHER) && page.body.contains("ada@example.org"), "{other}: {}", page.body);
            assert!(is_signed_in(&mut ada).await);
        }
        let mut eve = gateway.signed_in("eve@example.org").await;
        let page = eve.get(&address(&gateway, &[("id_token_hint", hint.as_str())])).await;
        assert_asks(&page);
        assert!(page.body.contains(ANOTHER), "{}", page.body);
        // Whether an address is hers a client is not told: she is asked.
        let with = |named: String| [("id_token_hint", hint.clone()), ("logout_hint", named), ("post_logout_redirect_uri", BYE.to_owned())];
        let said = |query: [(&str, String); 3]| {
            let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            address(&gateway, &query)
        };
        let page = ada.get(&said(with("ada@example.org".to_owned()))).await;
        assert_asks(&page);
        assert!(!page.body.contains(ANOTHER), "{}", page.body);
        assert_eq!(ada.get(&said(with(text("sub")))).await.location(), BYE);
        assert!(!is_signed_in(&mut ada).await);
    }
}

on_both_engines! {
    async fn a_client_does_not_learn_what_others_know_a_person_by(gateway: TestGateway, setup = openid()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let account = gateway.gateway.identity().find_person_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        let mut known = Vec::new();
        for redirect in ["https://one.example/a", "https://two.example/a"] {
            let agent = super::pairwise::pairwise(&gateway, redirect).await;
            known.push(id_token(&told(&agent, &mut ada, ALL, &[]).await).to_owned());
        }
        let sub = |token: &str| part(token, 1)["sub"].as_str().expect("a text").to_owned();
        // What is another client's, and what is nobody's, have one answer.
        for named in [sub(&known[1]), account.to_string(), "nobody".to_owned()] {
            let page = ada.get(&address(&gateway, &[("id_token_hint", &known[0]), ("logout_hint", &named)])).await;
            assert_asks(&page);
            assert!(page.body.contains(ANOTHER), "{named}: {}", page.body);
        }
        let page = ada.get(&address(&gateway, &[("id_token_hint", &known[0]), ("logout_hint", &sub(&known[0]))])).await;
        assert!(page.body.contains("You are signed out"), "{}", page.body);
    }
}
