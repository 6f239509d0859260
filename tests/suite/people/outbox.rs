//! The outbox is for development on one machine.

use belgie::Belgie;
use belgie::config::RawConfig;

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
