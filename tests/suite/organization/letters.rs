//! The letter that invites, and the link in it.

use reqwest::StatusCode;
use serde_json::json;

use super::{at, call, done, invitation, organizations, prove, roles_of};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Setup, TestGateway, unescape};

/// A new person with a proven address, on a gateway with mail.
async fn person(gateway: &TestGateway, email: &str) -> (belgie_api::UserId, Browser) {
    let user = gateway.person(email).await;
    prove(gateway, &user).await;
    let mut browser = gateway.browser();
    browser.sign_in(email, PASSWORD).await;
    (user.id, browser)
}

const ANSWER: &str = "/organizations/invitation";

on_both_engines! {
    async fn the_link_in_the_letter_shows_a_button_and_only_the_button_counts(
        gateway: TestGateway,
        setup = Setup::default().with_mail()
    ) {
        let (_, mut of_ada) = person(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = person(&gateway, "eve@example.org").await;
        done(&mut of_ada, "/auth/organization/create", json!({ "name": "Acme" })).await;
        done(&mut of_ada, &at("acme", "/invite"), json!({ "email": "Eve@Example.org", "role": "admin" })).await;
        let letter = gateway.letter_to("eve@example.org").await;
        assert_eq!(letter.subject, "You are invited to “Acme” at Belgie");
        assert!(letter.text.contains("ada@example.org invites you to “Acme” at Belgie, as admin."), "{}", letter.text);
        assert!(letter.text.contains("within 2 days"), "{}", letter.text);
        let link = letter.link();
        for _ in 0..3 {
            let page = of_eve.get(&link).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
        }
        assert_eq!(roles_of(&mut of_ada, "acme", eve).await, None);
        let form = of_eve.get(&link).await.form(ANSWER);
        let accepted = of_eve.submit(&form, &[("decision", "accept")]).await;
        assert!(accepted.location().ends_with("?done=joined"), "{}", accepted.location());
        assert_eq!(roles_of(&mut of_ada, "acme", eve).await, Some(json!(["admin"])));
        assert_eq!(of_eve.get(&link).await.status, StatusCode::NOT_FOUND);
        assert_eq!(of_eve.submit(&form, &[("decision", "accept")]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(of_eve.get(&format!("{ANSWER}?token=blg_ln_nonsense")).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn whoever_holds_the_link_needs_the_address_as_well(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let (_, mut of_ada) = person(&gateway, "ada@example.org").await;
        let (mallory, mut of_mallory) = person(&gateway, "mallory@example.org").await;
        done(&mut of_ada, "/auth/organization/create", json!({ "name": "Acme" })).await;
        done(&mut of_ada, &at("acme", "/invite"), json!({ "email": "eve@example.org", "role": "admin" })).await;
        let letter = gateway.letter_to("eve@example.org").await;
        let page = of_mallory.get(&letter.link()).await;
        assert!(page.body.contains("signed in with another address"), "{}", page.body);
        let token = page.form("/auth/signout").value("csrf_token");
        let fields = [("csrf_token", token.as_str()), ("token", &letter.token()), ("decision", "accept")];
        assert_eq!(of_mallory.post(ANSWER, &fields).await.status, StatusCode::NOT_FOUND);
        assert_eq!(roles_of(&mut of_ada, "acme", mallory).await, None);

        let mut stranger = gateway.browser();
        let page = stranger.get(&letter.link()).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(unescape(&page.body).contains("/auth/signin?return_to=%2Forganizations%2Finvitation%3Ftoken%3Dblg_ln_"), "{}", page.body);
        assert!(!page.body.contains("value=\"accept\""));
    }
}

on_both_engines! {
    async fn whoever_invites_by_mail_has_proved_an_address(
        gateway: TestGateway,
        setup = Setup::default().with_mail().config("[sign_in]\nrequire_verified_email = false")
    ) {
        gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser();
        of_ada.sign_in("ada@example.org", PASSWORD).await;
        done(&mut of_ada, "/auth/organization/create", json!({ "name": "Acme" })).await;
        let invite = json!({ "email": "victim@example.org", "role": "member" });
        let refused = super::refused(&mut of_ada, &at("acme", "/invite"), invite).await;
        assert_eq!(refused, (StatusCode::FORBIDDEN, "organization.inviter_unverified".to_owned()));
        assert!(gateway.letters_to("victim@example.org").await.is_empty());
    }
}

on_both_engines! {
    async fn an_earlier_link_ends_when_another_is_sent_or_it_is_taken_back(
        gateway: TestGateway,
        setup = Setup::default().with_mail()
    ) {
        let (_, mut of_ada) = person(&gateway, "ada@example.org").await;
        let (_, mut of_eve) = person(&gateway, "eve@example.org").await;
        done(&mut of_ada, "/auth/organization/create", json!({ "name": "Acme" })).await;
        let sent = done(&mut of_ada, &at("acme", "/invite"), json!({ "email": "eve@example.org", "role": "member" })).await;
        let first = gateway.letter_to("eve@example.org").await.link();
        let id = sent["id"].as_str().expect("an id");
        let again = done(&mut of_ada, &invitation(id, "/resend"), json!({})).await;
        let second = gateway.letter_to("eve@example.org").await.link();
        assert_ne!(first, second);
        assert_eq!(of_eve.get(&first).await.status, StatusCode::NOT_FOUND);
        assert_eq!(of_eve.get(&second).await.status, StatusCode::OK);
        done(&mut of_ada, &invitation(again["id"].as_str().expect("an id"), "/cancel"), json!({})).await;
        assert_eq!(of_eve.get(&second).await.status, StatusCode::NOT_FOUND);
        done(&mut of_ada, &at("acme", "/invite"), json!({ "email": "eve@example.org", "role": "member" })).await;
        let third = gateway.letter_to("eve@example.org").await.link();
        gateway.clock.advance(std::time::Duration::from_secs(172_801));
        assert_eq!(of_eve.get(&third).await.status, StatusCode::NOT_FOUND, "its time is over");
    }
}

on_both_engines! {
    async fn names_that_people_choose_bring_neither_links_nor_headers_into_a_letter(
        gateway: TestGateway,
        setup = Setup::default().with_mail()
    ) {
        let (ada, mut of_ada) = person(&gateway, "ada@example.org").await;
        let name = "Win at https://evil.example\r\nBcc: all@example.org <b>";
        let made = done(&mut of_ada, "/auth/organization/create", json!({ "name": name, "slug": "acme" })).await;
        assert_eq!(made["name"], "Win at https://evil.example Bcc: all@example.org <b>");
        done(&mut of_ada, &at("acme", "/invite"), json!({ "email": "eve@example.org", "role": "member" })).await;
        let letter = gateway.letter_to("eve@example.org").await;
        assert!(letter.subject.starts_with("You are invited to “Win at https: / / evil. example Bcc: all@ example. org"), "{}", letter.subject);
        assert!(!letter.text.contains("evil.example"), "{}", letter.text);
        let html = gateway.browser().get(&format!("/dev/outbox/{}", letter.id)).await;
        assert!(html.status == StatusCode::OK && !html.body.contains("evil.example") && !html.body.contains("<b>"), "{}", html.body);
        assert!(html.body.contains("You are invited") && html.body.contains("&lt;b&gt;"), "{}", html.body);
        let mut of_nobody = gateway.browser();
        assert_eq!(call(&mut of_nobody, &at("acme", "/invite"), json!({})).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(organizations(&gateway).list_for(ada).await.expect("a list").len(), 1);
    }
}
