//! Codes of six digits.

use std::time::Duration;

use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

const CODE: &str = "/auth/code";

/// Another code than this one.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().expect("digits") + 1) % 1_000_000)
}

on_both_engines! {
    async fn a_code_signs_in_the_browser_that_asked(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let form = browser.press(CODE, "ada@example.org", Some("/account/profile")).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();
        let again = browser.submit(&form, &[("code", &wrong(&code))]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        let done = browser.submit(&again.form(CODE), &[("code", &spaced)]).await;
        assert_eq!((done.status, done.location().as_str()), (StatusCode::SEE_OTHER, "/account/profile"));
        assert!(browser.is_signed_in().await);
        browser.post("/auth/signout", &[]).await;
        let form = browser.press(CODE, "ada@example.org", None).await.form(CODE);
        assert_eq!(browser.submit(&form, &[("code", &code)]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "codes are not reused");
    }
}

on_both_engines! {
    async fn a_code_of_somebody_known_signs_in_once(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.post("/auth/signout", &[]).await;
        let form = ada.press(CODE, "ada@example.org", None).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();
        let mut second = ada.clone();
        assert_eq!(ada.submit(&form, &[("code", &code)]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(second.submit(&form, &[("code", &code)]).await.status, StatusCode::NOT_FOUND);
        assert!(!second.is_signed_in().await);
    }
}

on_both_engines! {
    async fn five_wrong_codes_are_the_end_of_the_right_one(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let form = browser.press(CODE, "ada@example.org", None).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();
        for n in 1..=5 {
            let page = browser.submit(&form, &[("code", &wrong(&code))]).await;
            let expected = if n < 5 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::NOT_FOUND };
            assert_eq!(page.status, expected, "try {n}");
        }
        assert_eq!(browser.submit(&form, &[("code", &code)]).await.status, StatusCode::NOT_FOUND);
        assert!(!browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn many_tries_at_once_are_counted_one_by_one(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let form = browser.press(CODE, "ada@example.org", None).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();
        let tries = (1..=20_u32).map(|n| {
            let (mut browser, form) = (browser.clone(), form.clone());
            let guess = format!("{:06}", (code.parse::<u32>().expect("digits") + n) % 1_000_000);
            async move { browser.submit(&form, &[("code", &guess)]).await.status }
        });
        let answers = futures::future::join_all(tries).await;
        assert!(answers.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count() <= 5, "{answers:?}");
        assert_eq!(browser.submit(&form, &[("code", &code)]).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn a_code_somebody_was_talked_into_telling_is_worth_nothing_elsewhere(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut ada = gateway.browser();
        let form = ada.press(CODE, "ada@example.org", None).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();

        let mut mallory = gateway.browser();
        let own = mallory.press(CODE, "mallory@example.org", None).await.form(CODE);
        assert_eq!(mallory.submit(&own, &[("code", &code)]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let handle = form.fields.iter().find(|(name, _)| name == "handle").expect("a handle").1.clone();
        let stolen = mallory.submit(&own, &[("code", &code), ("handle", &handle)]).await;
        assert_eq!(stolen.status, StatusCode::UNPROCESSABLE_ENTITY, "the handle is the other browser's");
        assert!(!mallory.is_signed_in().await);
        assert_eq!(ada.submit(&form, &[("code", &code)]).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn a_code_is_good_for_ten_minutes(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut browser = gateway.browser();
        let form = browser.press(CODE, "ada@example.org", None).await.form(CODE);
        let code = gateway.letter_to("ada@example.org").await.code();
        gateway.clock.advance(Duration::from_secs(601));
        assert_eq!(browser.submit(&form, &[("code", &code)]).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn the_page_is_the_same_without_an_account(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let (mut asked, mut tried) = (Vec::new(), Vec::new());
        for email in ["ada@example.org", "bob@example.org"] {
            let mut browser = gateway.browser();
            let page = browser.press(CODE, email, None).await;
            let form = page.form(CODE);
            let secrets: Vec<String> = form.fields.iter().take(2).map(|(_, value)| value.clone()).collect();
            let plain = |page: &crate::support::Page| {
                secrets.iter().fold(page.without(email).1, |body, secret| body.replace(secret, "SECRET"))
            };
            asked.push((page.status, plain(&page)));
            let again = browser.submit(&form, &[("code", "000000")]).await;
            tried.push((again.status, plain(&again)));
        }
        assert_eq!(asked[0], asked[1]);
        assert_eq!(tried[0], tried[1]);
        assert!(gateway.letters_to("bob@example.org").await.is_empty());
    }
}
