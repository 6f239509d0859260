//! Accounts and browser sessions, and what attackers try on them.

use std::time::Duration;

use belgie::identity::NewAccount;
use belgie_api::{PlainToken, TokenKind};
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway};

on_both_engines! {
    async fn a_person_signs_up_signs_out_and_signs_in_again(gateway: TestGateway, setup = Setup::default().with_open_sign_up()) {
        let mut browser = gateway.browser();
        let form = browser.get("/auth/signup").await.form("/auth/signup");
        let done = browser.submit(&form, &[("email", "Ada@Example.org"), ("name", "Ada"), ("password", PASSWORD)]).await;
        assert_eq!((done.status, done.location().as_str()), (StatusCode::SEE_OTHER, "/account"));
        assert!(browser.get("/account").await.body.contains("ada@example.org"));

        let out = browser.post("/auth/signout", &[]).await;
        assert_eq!((out.status, out.location().as_str()), (StatusCode::FOUND, "/"));
        assert!(!browser.is_signed_in().await);

        browser.sign_in("ada@example.org", PASSWORD).await;
        assert!(browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn sign_up_is_closed_unless_the_operator_opens_it(gateway: TestGateway) {
        assert_eq!(gateway.browser().get("/auth/signup").await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn a_wrong_password_and_an_unknown_address_get_the_same_answer(gateway: TestGateway) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let mut answers = Vec::new();
        for email in ["ada@example.org", "bob@example.org"] {
            let page = browser.sign_in(email, "not the right password").await;
            let body = page.body.replace(email, "EMAIL");
            let request_id = page.headers["x-request-id"].to_str().expect("an id").to_owned();
            answers.push((page.status, body.replace(&request_id, "ID")));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

on_both_engines! {
    async fn signing_up_with_a_taken_address_tells_no_more_than_signing_in(gateway: TestGateway, setup = Setup::default().with_open_sign_up()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let form = browser.get("/auth/signup").await.form("/auth/signup");
        let fields = [("email", "ada@example.org"), ("name", "Mallory"), ("password", "a guess of twelve")];
        let refused = browser.submit(&form, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn a_short_password_is_refused_and_nothing_typed_is_lost(gateway: TestGateway, setup = Setup::default().with_open_sign_up()) {
        let mut browser = gateway.browser();
        let form = browser.get("/auth/signup").await.form("/auth/signup");
        let fields = [("email", "ada@example.org"), ("name", "Ada"), ("password", "short")];
        let page = browser.submit(&form, &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.body.contains("ada@example.org") && page.body.contains("at least 12 characters"));
        assert!(!page.body.contains("short\""), "a password is never shown again");
    }
}

on_both_engines! {
    async fn a_session_slides_while_it_is_used_and_the_cookie_is_sent_again(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        let page = browser.get("/account").await;
        assert!(!page.headers.contains_key("set-cookie"), "a fresh session is not renewed");
        for _ in 0..4 {
            gateway.clock.advance(Duration::from_hours(5 * 24));
            let page = browser.get("/account").await;
            assert_eq!(page.status, StatusCode::OK);
            let cookie = page.headers["set-cookie"].to_str().expect("a cookie");
            assert!(cookie.starts_with("belgie_session=") && cookie.contains("Max-Age="), "{cookie}");
        }
    }
}

on_both_engines! {
    async fn an_unused_session_ends_after_its_time(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        gateway.clock.advance(Duration::from_hours(7 * 24 + 1));
        assert!(!browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn no_session_outlives_the_absolute_cap(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        for _ in 0..5 {
            gateway.clock.advance(Duration::from_hours(5 * 24));
            assert!(browser.is_signed_in().await);
        }
        gateway.clock.advance(Duration::from_hours(5 * 24 + 1));
        assert!(!browser.is_signed_in().await, "30 days after signing in");
    }
}

on_both_engines! {
    async fn a_planted_session_cookie_is_not_taken_over_at_sign_in(gateway: TestGateway) {
        let mut attacker = gateway.signed_in("mallory@example.org").await;
        let planted = attacker.cookie("belgie_session").expect("a session").to_owned();
        gateway.person("ada@example.org").await;

        let mut victim = gateway.browser();
        victim.plant("belgie_session", &planted);
        victim.post("/auth/signout", &[]).await;
        victim.plant("belgie_session", "blg_ss_chosen-by-an-attacker");
        victim.sign_in("ada@example.org", PASSWORD).await;
        let own = victim.cookie("belgie_session").expect("a session");
        assert_ne!(own, planted);
        assert_ne!(own, "blg_ss_chosen-by-an-attacker");
        assert!(!attacker.is_signed_in().await);
    }
}

on_both_engines! {
    async fn a_form_without_its_token_or_from_another_site_is_refused(gateway: TestGateway) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
        assert_eq!(browser.post("/auth/signin", &fields).await.status, StatusCode::FORBIDDEN, "no token");

        let form = browser.get("/auth/signin").await.form("/auth/signin");
        let mut stranger = gateway.browser();
        stranger.get("/auth/signin").await;
        let stolen = stranger.submit(&form, &fields).await;
        assert_eq!(stolen.status, StatusCode::FORBIDDEN, "a token of another browser");

        let mut sent = form.fields.clone();
        sent.extend(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let request = browser.raw().post(gateway.at("/auth/signin")).header(name, value).form(&sent);
            assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
        assert!(!browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn signing_in_never_leads_to_another_site(gateway: TestGateway) {
        gateway.person("ada@example.org").await;
        for target in ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"] {
            let mut browser = gateway.browser();
            let form = browser.get("/auth/signin").await.form("/auth/signin");
            let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("return_to", target)];
            assert_eq!(browser.submit(&form, &fields).await.location(), "/account", "{target}");
        }
    }
}

on_both_engines! {
    async fn a_person_ends_a_session_on_another_device(gateway: TestGateway) {
        let mut here = gateway.signed_in("ada@example.org").await;
        let mut there = gateway.browser();
        there.sign_in("ada@example.org", PASSWORD).await;
        let form = here.get("/account").await.form("/account/sessions/revoke");
        here.submit(&form, &[]).await;
        assert!(here.is_signed_in().await);
        assert!(!there.is_signed_in().await);
    }
}

on_both_engines! {
    async fn nobody_ends_a_session_of_somebody_else(gateway: TestGateway) {
        let mut victim = gateway.signed_in("ada@example.org").await;
        let ada = gateway.gateway.identity().list().await.expect("a list");
        let sessions = gateway.gateway.identity().list_sessions(ada[0].0.id).await.expect("a list");
        let mut attacker = gateway.signed_in("mallory@example.org").await;
        let mut second = gateway.browser();
        second.sign_in("mallory@example.org", PASSWORD).await;
        let form = attacker.get("/account").await.form("/account/sessions/revoke");
        let answer = attacker.submit(&form, &[("session_id", &sessions[0].id.to_string())]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(victim.is_signed_in().await);
    }
}

on_both_engines! {
    async fn the_first_account_is_made_once_through_the_set_up_link(gateway: TestGateway) {
        let link = gateway.gateway.offer_setup().await.expect("an answer").expect("a link");
        let mut browser = gateway.browser();
        assert_eq!(browser.get(&link).await.status, StatusCode::OK);
        let form = browser.get(&link).await.form("/auth/setup");
        let fields = [("email", "root@example.org"), ("name", "Root"), ("password", PASSWORD)];
        assert_eq!(browser.submit(&form, &fields).await.status, StatusCode::SEE_OTHER);
        assert!(browser.is_signed_in().await);
        let people = gateway.gateway.identity().list().await.expect("a list");
        assert!(people[0].0.scopes.has_named("admin"));

        assert_eq!(gateway.browser().get(&link).await.status, StatusCode::NOT_FOUND, "used up");
        assert!(gateway.gateway.offer_setup().await.expect("an answer").is_none(), "somebody has an account");
    }
}

on_both_engines! {
    async fn a_new_set_up_link_makes_the_old_one_worthless(gateway: TestGateway) {
        let old = gateway.gateway.offer_setup().await.expect("an answer").expect("a link");
        gateway.gateway.offer_setup().await.expect("an answer").expect("a link");
        assert_eq!(gateway.browser().get(&old).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn a_stranger_who_signs_up_first_does_not_use_up_the_set_up_link(gateway: TestGateway, setup = Setup::default().with_open_sign_up()) {
        let link = gateway.gateway.offer_setup().await.expect("an answer").expect("a link");
        let mut stranger = gateway.browser();
        let form = stranger.get("/auth/signup").await.form("/auth/signup");
        let fields = [("email", "mallory@example.org"), ("name", "Mallory"), ("password", PASSWORD)];
        assert_eq!(stranger.submit(&form, &fields).await.status, StatusCode::SEE_OTHER);

        assert_eq!(gateway.browser().get(&link).await.status, StatusCode::OK, "the one that was printed");
        let link = gateway.gateway.offer_setup().await.expect("an answer").expect("nobody is an administrator");
        let mut browser = gateway.browser();
        let form = browser.get(&link).await.form("/auth/setup");
        // The stranger's address is no way to spoil it, or to get anything by it.
        assert_eq!(browser.submit(&form, &fields).await.status, StatusCode::NOT_FOUND);
        let fields = [("email", "root@example.org"), ("name", "Root"), ("password", PASSWORD)];
        assert_eq!(browser.submit(&form, &fields).await.status, StatusCode::SEE_OTHER);

        let people = gateway.gateway.identity().list().await.expect("a list");
        let operators = people.iter().filter(|(user, _)| user.scopes.has_named("admin"));
        assert_eq!(operators.map(|(user, _)| user.email.as_str()).collect::<Vec<_>>(), ["root@example.org"]);
        assert!(gateway.gateway.offer_setup().await.expect("an answer").is_none());
    }
}

on_both_engines! {
    async fn a_set_up_link_is_worth_nothing_once_somebody_is_an_administrator(gateway: TestGateway) {
        let link = gateway.gateway.offer_setup().await.expect("an answer").expect("a link");
        let mut browser = gateway.browser();
        let form = browser.get(&link).await.form("/auth/setup");
        gateway.person_with("root@example.org", "admin").await;
        assert_eq!(browser.get(&link).await.status, StatusCode::NOT_FOUND);
        let fields = [("email", "mallory@example.org"), ("name", ""), ("password", PASSWORD)];
        assert_eq!(browser.submit(&form, &fields).await.status, StatusCode::NOT_FOUND);
        // Nor for whoever was let in before there was one.
        let identity = gateway.gateway.identity();
        let token = PlainToken::parse_as(TokenKind::Link, &form.value("token")).expect("a token");
        let account = NewAccount {
            email: "mallory@example.org".to_owned(),
            name: String::new(),
            password: PASSWORD.to_owned(),
            scopes: "admin".parse().expect("a scope"),
        };
        assert!(identity.set_up(&token, account).await.expect("an answer").is_none());
        assert_eq!(identity.list().await.expect("a list").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_slowed_and_nobody_else_is_locked_out() {
    let setup = Setup::default().without_generous_limits();
    let gateway = setup.start(crate::support::Engine::Sqlite).await;
    gateway.person("ada@example.org").await;
    let mut browser = gateway.browser();
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let page = browser.sign_in("ada@example.org", "a wrong guess").await;
        statuses.push(page.status);
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            let wait: u64 = page.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
            assert!((1..=60).contains(&wait));
            return;
        }
    }
    panic!("forty guesses in a row were let through: {statuses:?}");
}

on_both_engines! {
    async fn every_page_forbids_frames_scripts_and_caches(gateway: TestGateway) {
        let mut browser = gateway.signed_in("ada@example.org").await;
        for path in ["/", "/account", "/nothing-here"] {
            let page = browser.get(path).await;
            let policy = page.headers["content-security-policy"].to_str().expect("a policy");
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(page.headers["x-frame-options"], "DENY");
            assert_eq!(page.headers["cache-control"], "no-store");
            assert_eq!(page.headers["x-content-type-options"], "nosniff");
            assert!(!page.body.contains("<script"), "{path}");
        }
    }
}
