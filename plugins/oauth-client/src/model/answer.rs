//! What a provider sends back through the browser.

use belgie_api::{Failure, Result};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// The longest answer, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// The most that is kept of an answer, in bytes.
pub const MAX_KEPT_BYTES: usize = 4 * 1024;

/// The answer of an authorization endpoint (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Which sign-in it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What the profile can be had for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Why there is no code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What Apple tells about the person, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The handle of an answer that came as a form and was put aside.
    #[serde(skip)]
    pub handle: Option<String>,
}

fn unreadable(message: &'static str) -> Failure {
    Failure::bad_request("oauth_callback_failed", message).hint("Start again. If it stays, tell the operator.")
}

impl Answer {
    /// Checks that what is read of it is short enough to be kept.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_length(&self) -> Result<()> {
        let kept = [&self.state, &self.code, &self.iss, &self.error, &self.user];
        if kept.into_iter().flatten().map(String::len).sum::<usize>() > MAX_KEPT_BYTES {
            return Err(unreadable("The answer of the provider is too long."));
        }
        Ok(())
    }

    /// Reads the query or the form of an answer.
    ///
    /// # Errors
    /// When it is too long or says a thing twice.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_BYTES {
            return Err(unreadable("The answer of the provider is too long."));
        }
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(bytes) {
            let place = match name.as_ref() {
                "state" => &mut answer.state,
                "code" => &mut answer.code,
                "iss" => &mut answer.iss,
                "error" => &mut answer.error,
                "user" => &mut answer.user,
                "answer" => &mut answer.handle,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(unreadable("The answer of the provider says a thing twice."));
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_says_each_thing_once() {
        let answer = Answer::read(b"code=a%20b&state=s&iss=https%3A%2F%2Fidp.example&session_state=x").unwrap();
        assert_eq!(answer.code.as_deref(), Some("a b"));
        assert_eq!(answer.iss.as_deref(), Some("https://idp.example"));
        assert!(Answer::read(b"code=a&code=b").is_err());
        assert!(Answer::read(&vec![b'a'; super::MAX_BYTES + 1]).is_err());
    }
}
