//! The outbox is for development on one machine.

use belgie::Belgie;
use belgie::config::RawConfig;

use crate::on_both_engines;
use crate::support::{Setup, TestGateway};

#[test]
fn a_host_with_a_public_address_has_no_outbox() {
    let text = "base_url = \"https://host.example\"\n[mail]\ntransport = \"outbox\"";
    let refused = Belgie::builder(RawConfig::from_text(text)).check().err().expect("a refusal").to_string();
    assert!(refused.contains("mail.transport"), "{refused}");
}

#[test]
fn mail_without_sender_or_server_stops_the_boot_with_all_that_is_wrong() {
    let text = "[mail]\ntransport = \"smtp\"\nsmtp_user = \"x\"";
    let refused = Belgie::builder(RawConfig::from_text(text)).check().err().expect("a refusal").to_string();
    for word in ["mail.from", "mail.smtp_host", "mail.smtp_user"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    let text = "[mail]\ntransport = \"smtp\"\nfrom = \"a@host.example\"\nsmtp_host = \"mx.host.example\"\nsmtp_security = \"danger_plain\"\n\
        [sign_in]\nbreached_passwords_file = \"/nowhere\"";
    let refused = Belgie::builder(RawConfig::from_text(text)).check().err().expect("a refusal").to_string();
    assert!(refused.contains("mail.smtp_security"), "{refused}");
}

on_both_engines! {
    async fn nobody_from_elsewhere_sees_the_mail_of_this_machine(gateway: TestGateway, setup = Setup::default().with_mail()) {
        gateway.browser().press("/auth/forgot", "ada@example.org", None).await;
        for (name, value) in [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")] {
            for path in ["/dev/outbox", "/dev/outbox/mail_0"] {
                let request = gateway.browser().raw().get(gateway.at(path)).header(name, value);
                let page = gateway.browser().send(request).await;
                assert_eq!(page.status, reqwest::StatusCode::NOT_FOUND, "{name} {path}");
            }
        }
        let request = gateway.browser().raw().get(gateway.at("/dev/outbox")).header("x-forwarded-for", "127.0.0.1, ::1");
        assert_eq!(gateway.browser().send(request).await.status, reqwest::StatusCode::OK);
    }
}
