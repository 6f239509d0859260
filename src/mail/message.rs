//! A mail as it travels (RFC 5322).

use std::time::{Duration, UNIX_EPOCH};

use belgie_api::{Failure, Result};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use super::Waiting;

/// RFC 3834 section 5: nobody's holiday notice answers what a program sent.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// Puts a mail together. Its id is that of its row, so that a mail sent twice can be told from two mails.
///
/// # Errors
/// When the address is none mail can be sent to.
pub fn compose(from: &Mailbox, waiting: &Waiting) -> Result<Message> {
    let to = waiting.mail.to.parse().map_err(|_| Failure::internal("the recipient is no address mail can go to"))?;
    let written = u64::try_from(waiting.created_at.unix_seconds()).unwrap_or(0);
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(waiting.mail.subject.clone())
        .date(UNIX_EPOCH + Duration::from_secs(written))
        .message_id(Some(format!("<{}@{}>", waiting.id, from.email.domain())))
        .multipart(MultiPart::alternative_plain_html(waiting.mail.text.clone(), waiting.mail.html.clone()))
        .map_err(Failure::internal)?;
    message.headers_mut().insert_raw(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()));
    Ok(message)
}
