//! Changing, setting and removing a password.

use reqwest::StatusCode;

use super::open_with_mail;
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway};

const PAGE: &str = "/account/password";
const NEW: &str = "some other words entirely";

on_both_engines! {
    async fn a_new_password_signs_the_other_browsers_out_unless_one_says_otherwise(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let mut other = gateway.browser();
        other.sign_in("ada@example.org", PASSWORD).await;
        let form = ada.get(PAGE).await.form(PAGE);
        let mut unchecked = form.clone();
        unchecked.fields.retain(|(name, _)| name != "end_others");
        ada.submit(&unchecked, &[("password", NEW)]).await;
        assert!(other.is_signed_in().await);
        let done = ada.submit(&form, &[("password", "and once more, other words")]).await;
        assert_eq!(done.location(), "/account?done=password");
        assert!(!other.is_signed_in().await && ada.is_signed_in().await);
        assert!(gateway.letter_to("ada@example.org").await.subject.contains("was changed"));
        assert_eq!(other.sign_in("ada@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

on_both_engines! {
    async fn a_password_everybody_knows_is_refused(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        for (password, word) in [("short", "at least 12"), ("Welcome12345", "common or leaked"), ("ada@example.org", "your address")] {
            let page = ada.fill(PAGE, PAGE, &[("password", password)]).await;
            assert!(page.status == StatusCode::UNPROCESSABLE_ENTITY && page.body.contains(word), "{word}: {}", page.body);
        }
    }
}

on_both_engines! {
    async fn a_password_that_is_the_last_way_in_stays(gateway: TestGateway, setup = Setup::default()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        assert!(!ada.get(PAGE).await.body.contains("Remove the password"));
        let mut form = ada.get(PAGE).await.form(PAGE);
        "/account/password/remove".clone_into(&mut form.action);
        assert_eq!(ada.submit(&form, &[]).await.status, StatusCode::CONFLICT);
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn with_another_way_in_a_password_can_go_and_come_back(gateway: TestGateway, setup = open_with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let gone = ada.fill(PAGE, "/account/password/remove", &[]).await;
        assert_eq!(gone.location(), "/account?done=password-removed");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = ada.get(PAGE).await;
        assert!(page.body.contains("Set a password"), "{}", page.body);
        ada.submit(&page.form(PAGE), &[("password", NEW)]).await;
        assert_eq!(gateway.browser().sign_in("ada@example.org", NEW).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn a_name_cannot_write_headers_or_links_into_mails(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let name = "Ada\r\nBcc: everybody@example.org\r\n<b>x</b>";
        ada.fill("/account/profile", "/account/profile", &[("name", name)]).await;
        ada.fill(PAGE, PAGE, &[("password", NEW)]).await;
        let letter = gateway.letter_to("ada@example.org").await;
        assert!(letter.subject.contains("was changed") && !letter.subject.contains("Bcc"), "{letter:?}");
        assert!(letter.text.contains("Hello AdaBcc: everybody@example.org<b>x</b>,"), "a text is no HTML: {}", letter.text);
        let html = gateway.browser().get(&format!("/dev/outbox/{}", letter.id)).await;
        assert!(!html.body.contains("<b>x</b>") && html.body.contains("&lt;b&gt;"), "{}", html.body);
        assert!(html.headers["content-security-policy"].to_str().expect("a text").starts_with("sandbox;"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_on_the_operators_list_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("breached.txt");
    // SHA-1 of "some other words entirely" between two others, as Have I Been Pwned hands it out.
    let text = "000000005AD76BD555C1D6D771DE417A4B87E4B4:10\r\n9E066C0034827BAD750AF76A539AF34DDC5323B9:3\r\n\
        FFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:2\r\n";
    std::fs::write(&list, text).expect("a writable folder");
    let lines = format!("[sign_in]\nbreached_passwords_file = {list:?}");
    let gateway = Setup::default().config(&lines).start(crate::support::Engine::Sqlite).await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    let refused = ada.fill(PAGE, PAGE, &[("password", NEW)]).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("common or leaked"));
    assert_eq!(ada.fill(PAGE, PAGE, &[("password", "words nobody has leaked")]).await.status, StatusCode::SEE_OTHER);
}
