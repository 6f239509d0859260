//! Mails: a text whose first line is the subject, and the same as HTML.

use belgie_api::failure::{Failure, Result};
use serde_json::Value;

use super::SitePages;

const SUBJECT: &str = "Subject:";
/// RFC 5322 section 2.1.1 lets a line have 998 characters; nobody reads so many.
const LONGEST_SUBJECT: usize = 150;

impl SitePages {
    /// Subject, text and HTML of a mail, from `mail/<name>.txt` and `mail/<name>.html`.
    ///
    /// # Errors
    /// When a template or the context is not right.
    pub fn letter(&self, name: &str, context: &Value) -> Result<(String, String, String)> {
        let render = |ending| self.engine.render(&format!("mail/{name}{ending}"), context).map_err(Failure::internal);
        let (text, html) = (render(".txt")?, render(".html")?);
        let (first, rest) = text.trim_start().split_once('\n').unwrap_or((&text, ""));
        let subject = first.strip_prefix(SUBJECT).ok_or_else(|| {
            Failure::internal(format!("the first line of mail/{name}.txt does not begin with `{SUBJECT}`"))
        })?;
        Ok((one_line(subject), rest.trim().to_owned() + "\n", html))
    }
}

/// A subject is one line, whatever was put into it: a line break would begin another header.
fn one_line(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_subject_is_one_line_whatever_was_put_into_it() {
        assert_eq!(one_line(" Hello\r\nBcc: all@example.org\u{2028}x\0"), "Hello Bcc: all@example.org x");
        assert_eq!(one_line(&"word ".repeat(100)).chars().count(), 150);
    }
}
