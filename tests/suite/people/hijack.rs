//! Accounts that somebody made with another's address, waiting for its owner.

use belgie_api::Clock;
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Setup, TestGateway};

/// Sessions may begin before the address is proven: what a stranger can do then, ends the day the owner comes.
fn lenient() -> Setup {
    Setup::default().with_mail().config("[sign_in]\nrequire_verified_email = false")
}

on_both_engines! {
    async fn no_session_begins_before_the_address_is_proven(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let answer = browser.sign_in("ada@example.org", PASSWORD).await;
        assert!(answer.status == StatusCode::OK && answer.body.contains("Confirm your address first"), "{}", answer.body);
        assert!(!browser.is_signed_in().await);

        let link = gateway.letter_to("ada@example.org").await.link();
        let page = browser.get(&link).await;
        assert!(!page.body.contains("type=\"password\""), "the browser that knew the password a moment ago need not name it");
        assert_eq!(browser.submit(&page.form("/auth/verify"), &[]).await.status, StatusCode::OK);
        assert_eq!(browser.get(&link).await.status, StatusCode::NOT_FOUND);
        assert_eq!(browser.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn elsewhere_the_password_stays_only_for_whoever_names_it(gateway: TestGateway, setup = Setup::default().with_mail()) {
        for (email, named, stays) in
            [("ada@example.org", PASSWORD, true), ("bob@example.org", "", false), ("eve@example.org", "a wrong guess", false)]
        {
            gateway.person(email).await;
            gateway.browser().sign_in(email, PASSWORD).await;
            let link = gateway.letter_to(email).await.link();
            let mut phone = gateway.browser();
            phone.fill(&link, "/auth/verify", &[("password", named)]).await;
            let answer = phone.sign_in(email, PASSWORD).await;
            assert_eq!(answer.status == StatusCode::SEE_OTHER, stays, "{email}");
        }
    }
}

on_both_engines! {
    async fn the_day_the_owner_comes_a_stranger_is_out(gateway: TestGateway, setup = lenient()) {
        for way in ["/auth/link", "/auth/code", "/auth/forgot"] {
            let email = format!("victim{}@example.org", way.replace('/', "-"));
            let mut stranger = gateway.signed_in(&email).await;
            let agent = Agent::register(&gateway).await;
            let tokens = agent.connect(&mut stranger, "connections:read").await;
            assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);

            let mut owner = gateway.browser();
            let page = owner.press(way, &email, None).await;
            let letter = gateway.letter_to(&email).await;
            match way {
                "/auth/link" => owner.fill(&letter.link(), "/auth/link/open", &[]).await,
                "/auth/code" => owner.submit(&page.form("/auth/code"), &[("code", &letter.code())]).await,
                _ => owner.fill(&letter.link(), "/auth/reset", &[("password", "the owner's very own words")]).await,
            };
            assert!(!stranger.is_signed_in().await, "{way}");
            assert_eq!(stranger.sign_in(&email, PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{way}");
            assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::UNAUTHORIZED, "{way}");
            assert_ne!(agent.refresh(&tokens.refresh).await.status, StatusCode::OK, "{way}");
        }
    }
}

on_both_engines! {
    async fn whoever_is_signed_in_and_proves_the_address_loses_nothing(gateway: TestGateway, setup = lenient()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read").await;
        ada.fill("/account", "/account/email/verify", &[]).await;
        ada.fill(&gateway.letter_to("ada@example.org").await.link(), "/auth/verify", &[]).await;
        assert!(ada.get("/account").await.body.contains("Confirmed"));
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_program_that_knows_the_owner_puts_the_stranger_out_as_well(gateway: TestGateway, setup = lenient()) {
        let (host, now) = (gateway.gateway.host(), gateway.clock.now());
        for (email, is_theirs) in [("ada@example.org", true), ("victim@example.org", false)] {
            let mut browser = gateway.signed_in(email).await;
            let user = host.accounts().find_by_email(email).await.expect("an answer").expect("a person").id;
            let mut tx = host.db().begin().await.expect("a transaction");
            let proven = host.accounts().prove_address(&mut tx, user, email, is_theirs).await.expect("an answer");
            tx.commit(now).await.expect("a commit");
            assert!(proven.is_some_and(|user| user.email_verified));
            assert_eq!(browser.is_signed_in().await, is_theirs, "{email}");
        }
    }
}

on_both_engines! {
    async fn somebody_else_who_is_signed_in_does_not_vouch_for_a_stranger(gateway: TestGateway, setup = lenient()) {
        let mut stranger = gateway.signed_in("victim@example.org").await;
        stranger.fill("/account", "/account/email/verify", &[]).await;
        let link = gateway.letter_to("victim@example.org").await.link();
        // The owner reads the mail where somebody of the family is signed in.
        let mut family = gateway.signed_in("bob@example.org").await;
        let page = family.get(&link).await;
        assert!(page.body.contains("Name the password of the account to keep it"), "{}", page.body);
        assert_eq!(family.submit(&page.form("/auth/verify"), &[]).await.status, StatusCode::OK);
        assert!(!stranger.is_signed_in().await);
        assert_eq!(stranger.sign_in("victim@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(family.is_signed_in().await, "nothing happens to whoever is signed in there");
    }
}
