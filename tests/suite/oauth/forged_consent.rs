//! Answers to the consent page that the person never gave.

use reqwest::StatusCode;

use super::assert_page_alone;
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, TestGateway};

const STALE: &str = "answered before, took too long or began in another session";

on_both_engines! {
    async fn a_yes_without_the_forgery_token_or_from_another_site_is_refused(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        let mut fields = form.fields.clone();
        fields.push(("decision".to_owned(), "allow".to_owned()));

        let without: Vec<_> = fields.iter().filter(|(name, _)| name != "csrf_token").collect();
        let request = ada.raw().post(gateway.at("/authorize")).form(&without);
        assert_eq!(ada.send(request).await.status, StatusCode::FORBIDDEN, "no token");
        let empty = ada.submit(&form, &[("decision", "allow"), ("csrf_token", "")]).await;
        assert_eq!(empty.status, StatusCode::FORBIDDEN, "an empty token");

        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let request = ada.raw().post(gateway.at("/authorize")).header(name, value).form(&fields);
            let page = ada.send(request).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
        // None of them has spent the question.
        assert_eq!(ada.submit(&form, &[("decision", "allow")]).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn a_forgery_token_of_another_browser_is_refused(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut eve = gateway.signed_in("eve@example.org").await;
        let agent = Agent::register(&gateway).await;
        let url = agent.authorize_url(&agent.authorization(""));
        let (of_ada, of_eve) = (ada.get(&url).await.form("/authorize"), eve.get(&url).await.form("/authorize"));
        let (_, token) = of_eve.fields.iter().find(|(name, _)| name == "csrf_token").expect("a token").clone();
        let page = ada.submit(&of_ada, &[("decision", "allow"), ("csrf_token", &token)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    // The forged consent link: the attacker begins a flow with a client and a session of their own and has the victim's
    // browser answer it, forgery token and all.
    async fn a_question_that_was_put_to_one_person_cannot_be_answered_by_another(gateway: TestGateway) {
        let mut eve = gateway.signed_in("eve@example.org").await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let evil = Agent::register_with(&gateway, "https://evil.example/callback").await;
        let asked = eve.get(&evil.authorize_url(&evil.authorization(""))).await.form("/authorize");
        let (_, handle) = asked.fields.iter().find(|(name, _)| name == "request").expect("a handle").clone();

        let honest = Agent::register(&gateway).await;
        let own = ada.get(&honest.authorize_url(&honest.authorization(""))).await.form("/authorize");
        let page = ada.submit(&own, &[("decision", "allow"), ("request", &handle)]).await;
        assert_page_alone(&page, STALE);
        // The victim's own question is as good as before, and so is the attacker's, for the attacker alone.
        let answer = ada.submit(&own, &[("decision", "allow")]).await;
        assert!(answer.location().starts_with(&honest.redirect_uri));
        let code = eve.submit(&asked, &[("decision", "allow")]).await.sent_parameter("code").expect("a code");
        let tokens = crate::support::Tokens::of(&evil.redeem(&code).await);
        let caller = evil.whoami(&tokens.access).await;
        assert_eq!(caller.body["result"]["structuredContent"]["user"]["email"], "eve@example.org");
    }
}

on_both_engines! {
    async fn a_question_belongs_to_the_session_it_was_asked_in(gateway: TestGateway) {
        let mut here = gateway.signed_in("ada@example.org").await;
        let mut there = gateway.browser();
        there.sign_in("ada@example.org", PASSWORD).await;
        let agent = Agent::register(&gateway).await;
        let url = agent.authorize_url(&agent.authorization(""));
        let asked = here.get(&url).await.form("/authorize");
        let (_, handle) = asked.fields.iter().find(|(name, _)| name == "request").expect("a handle").clone();
        let own = there.get(&url).await.form("/authorize");
        assert_page_alone(&there.submit(&own, &[("decision", "allow"), ("request", &handle)]).await, STALE);

        // Neither does it survive a change of the person at the same browser.
        gateway.person("eve@example.org").await;
        here.post("/auth/signout", &[]).await;
        here.sign_in("eve@example.org", PASSWORD).await;
        let own = here.get(&url).await.form("/authorize");
        assert_page_alone(&here.submit(&own, &[("decision", "allow"), ("request", &handle)]).await, STALE);
    }
}

on_both_engines! {
    async fn nobody_answers_without_being_signed_in(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        let (_, handle) = form.fields.iter().find(|(name, _)| name == "request").expect("a handle").clone();
        let mut stranger = gateway.browser();
        let sign_in = stranger.get("/auth/signin").await.form("/auth/signin");
        let (_, token) = sign_in.fields.iter().find(|(name, _)| name == "csrf_token").expect("a token").clone();
        let fields = [("csrf_token", token.as_str()), ("request", &handle), ("decision", "allow")];
        let page = stranger.post("/authorize", &fields).await;
        assert!(page.status != StatusCode::SEE_OTHER || page.location().starts_with("/auth/signin"), "{page:?}");
        // An access token is no person either.
        let tokens = agent.connect(&mut ada, "").await;
        let request = agent.client.post(gateway.at("/authorize")).bearer_auth(&tokens.access).form(&fields);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn a_handle_cannot_be_guessed_or_altered(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
        let (_, handle) = form.fields.iter().find(|(name, _)| name == "request").expect("a handle").clone();
        let session = ada.cookie("belgie_session").expect("a session").to_owned();
        for wrong in ["", "x", &handle[1..], &handle[..handle.len() - 1], &format!("{handle}A"), &session] {
            assert_page_alone(&ada.submit(&form, &[("decision", "allow"), ("request", wrong)]).await, STALE);
        }
        // What was checked cannot be changed afterwards by what the browser sends.
        let spoiled = [
            ("decision", "allow"),
            ("redirect_uri", "https://evil.example/"),
            ("scope", "admin"),
            ("client_id", "cli_x"),
        ];
        let answer = ada.submit(&form, &spoiled).await;
        assert!(answer.location().starts_with(&agent.redirect_uri), "{}", answer.location());
        let code = answer.sent_parameter("code").expect("a code");
        assert_eq!(agent.redeem(&code).await.body["scope"], "connections:read");
    }
}
