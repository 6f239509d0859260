//! Mail, as the page `/dev/outbox` shows it.

use super::{TestGateway, unescape};

/// A mail that would have been sent.
#[derive(Clone, Debug)]
pub struct Letter {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("no `{before}` in {text}"));
    rest.split(after).next().unwrap_or_default()
}

impl Letter {
    /// The path of the first link of ours with a token.
    pub fn link(&self) -> String {
        let word = self.text.split_whitespace().find(|word| word.contains("?token="));
        let word = word.unwrap_or_else(|| panic!("no link in {}", self.text));
        format!("/{}", word.split('/').skip(3).collect::<Vec<_>>().join("/"))
    }

    /// The token in that link.
    pub fn token(&self) -> String {
        self.link().split("?token=").nth(1).expect("a token").to_owned()
    }

    /// The code at the beginning.
    pub fn code(&self) -> String {
        let code: String = self.text.chars().take(6).collect();
        assert!(code.chars().all(|c| c.is_ascii_digit()), "no code in {}", self.text);
        code
    }
}

impl TestGateway {
    /// Every mail, the newest first.
    pub async fn letters(&self) -> Vec<Letter> {
        let page = self.browser().get("/dev/outbox").await;
        assert_eq!(page.status, 200, "{}", page.body);
        let read = |article: &str| Letter {
            id: between(article, "src=\"/dev/outbox/", "\"").to_owned(),
            to: unescape(between(article, "To <bdi>", "</bdi>")),
            subject: unescape(between(article, "<h2>", "</h2>")),
            text: unescape(between(article, "<pre class=\"code\">", "</pre>")),
        };
        page.body.split("<article").skip(1).map(read).collect()
    }

    /// The mails to one address, the newest first.
    pub async fn letters_to(&self, email: &str) -> Vec<Letter> {
        self.letters().await.into_iter().filter(|letter| letter.to == email).collect()
    }

    /// The newest mail to one address.
    pub async fn letter_to(&self, email: &str) -> Letter {
        self.letters_to(email).await.into_iter().next().unwrap_or_else(|| panic!("no mail to {email}"))
    }
}
