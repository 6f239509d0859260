//! The letters of the core: templates with what is particular about each, written down for delivery.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::db::Tx;
use belgie_api::ports::{Mail, Mailer, Urls};
use serde_json::{Value, json};

use super::MailQueue;
use crate::pages::SitePages;

/// What a letter is about.
pub struct Letter<'a> {
    /// The template, without folder and ending: `action`, `code`, `notice`.
    pub template: &'static str,
    /// Which of the template's texts it is.
    pub kind: &'static str,
    /// What to call the person; may be empty.
    pub name: &'a str,
    /// A path of ours the letter leads to, if it leads anywhere. Its token is a secret.
    pub path: Option<String>,
    /// What else the template shows: an object.
    pub facts: Value,
}

/// Writes letters.
#[derive(Clone)]
pub struct Post {
    queue: Arc<MailQueue>,
    pages: Arc<SitePages>,
    urls: Urls,
}

impl Post {
    /// Puts it together.
    #[must_use]
    pub fn new(queue: Arc<MailQueue>, pages: Arc<SitePages>, urls: Urls) -> Self {
        Self { queue, pages, urls }
    }

    /// Whether letters go anywhere. Where they do not, nothing that needs one is offered.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.queue.is_available()
    }

    /// Writes a letter, to be sent once the transaction has committed.
    ///
    /// # Errors
    /// When the template fails or the database does not answer.
    pub async fn send(&self, tx: &mut Tx, to: &str, letter: &Letter<'_>) -> Result<()> {
        let mail = self.write(to, letter)?;
        self.queue.enqueue(tx, &mail).await
    }

    /// As [`send`](Self::send), where mail is sent at all; nothing otherwise.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_if_possible(&self, tx: &mut Tx, to: &str, letter: &Letter<'_>) -> Result<()> {
        if self.is_available() { self.send(tx, to, letter).await } else { Ok(()) }
    }

    /// Takes the time of a letter that is not to be sent.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn pretend(&self, tx: &mut Tx, to: &str, letter: &Letter<'_>) -> Result<()> {
        let mail = self.write(to, letter)?;
        self.queue.pretend(tx, &mail).await
    }

    fn write(&self, to: &str, letter: &Letter<'_>) -> Result<Mail> {
        let context = json!({
            "site_name": self.pages.site_name(),
            "site_url": self.urls.issuer(),
            "account_url": self.urls.absolute("/account"),
            "sign_in_url": self.urls.absolute("/auth/signin"),
            "forgot_url": self.urls.absolute("/auth/forgot"),
            "kind": letter.kind,
            "email": to,
            "name": letter.name,
            "link": letter.path.as_deref().map(|path| self.urls.absolute(path)),
            "facts": letter.facts,
        });
        let (subject, text, html) = self.pages.letter(letter.template, &context)?;
        Ok(Mail { to: to.to_owned(), subject, text, html })
    }
}
