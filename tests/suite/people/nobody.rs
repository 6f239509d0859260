//! Whoever asks for a mail to an address that belongs to nobody gets the answer of everybody, after the same work.

use belgie_api::on;
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

const CODE: &str = "/auth/code";

/// How much is kept for links and mails: what the time of an answer is made of.
async fn kept(gateway: &TestGateway) -> [i64; 2] {
    let mut conn = gateway.gateway.host().db().read().await.expect("a connection");
    let mut counts = [0; 2];
    for (count, sql) in counts.iter_mut().zip(["SELECT COUNT(*) FROM core_links", "SELECT COUNT(*) FROM core_mails"]) {
        *count = on!(&mut conn, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await).expect("a count");
    }
    counts
}

on_both_engines! {
    async fn a_mail_to_nobody_is_the_same_work_as_one_to_somebody(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        for way in ["/auth/link", CODE, "/auth/forgot"] {
            for email in ["ada@example.org", "bob@example.org"] {
                let [links, mails] = kept(&gateway).await;
                gateway.browser().press(way, email, None).await;
                assert_eq!(kept(&gateway).await, [links + 1, mails + 1], "{way}, {email}");
            }
        }
        assert_eq!(gateway.letters_to("ada@example.org").await.len(), 3);
        assert!(gateway.letters_to("bob@example.org").await.is_empty());
    }
}

on_both_engines! {
    async fn a_code_nobody_was_sent_can_be_tried_as_often_as_a_real_one(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.person("ada@example.org").await;
        let mut answers = Vec::new();
        for email in ["ada@example.org", "bob@example.org"] {
            let mut browser = gateway.browser();
            let form = browser.press(CODE, email, None).await.form(CODE);
            let mut statuses = Vec::new();
            for _ in 0..6 {
                // Too short to be one.
                statuses.push(browser.submit(&form, &[("code", "00000")]).await.status.as_u16());
            }
            answers.push(statuses);
        }
        assert_eq!(answers[0], [422, 422, 422, 422, 404, 404]);
        assert_eq!(answers[0], answers[1]);
    }
}

on_both_engines! {
    async fn whoever_tries_many_codes_is_stopped(gateway: TestGateway,
        setup = Setup::default().with_mail().without_generous_limits().config("[limits]\nsign_in_per_minute = 6\nmails_per_minute = 6000"))
    {
        let mut statuses = Vec::new();
        for n in 0..3 {
            let mut browser = gateway.browser();
            let form = browser.press(CODE, &format!("person{n}@example.org"), None).await.form(CODE);
            for _ in 0..3 {
                statuses.push(browser.submit(&form, &[("code", "00000")]).await.status);
            }
        }
        let tried = statuses.iter().take_while(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count();
        assert!((3..9).contains(&tried), "{statuses:?}");
        assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    }
}
