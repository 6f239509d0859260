//! What a client wants of the person before they answer (`prompt`, `max_age`; OpenID Connect Core 1.0 section 3.1.2.1).

use super::request::ReplyError;

/// The words of `prompt` that are taken; the last one only while strangers may make accounts.
pub const PROMPTS: [&str; 5] = ["none", "login", "consent", "select_account", "create"];

/// The wishes of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// An answer without a person.
    pub is_silent: bool,
    /// The person is asked, whatever is remembered (`consent`).
    pub must_ask: bool,
    /// The person chooses as whom they go on (`select_account`): at a page of the application, or at our consent page, which offers it.
    pub selects: bool,
    /// The person proves to be there once more.
    pub signs_in_again: bool,
    /// A stranger makes an account (Initiating User Registration via OpenID Connect 1.0 section 4).
    pub creates: bool,
    /// How long ago, in seconds, the person may have proved it.
    pub max_age: Option<u64>,
    /// The address to sign in with, as the client believes.
    pub login_hint: Option<String>,
}

/// The longest hint that is passed on, in bytes; an address is no longer (RFC 5321 section 4.5.3.1.3).
const MAX_HINT: usize = 254;

impl Prompt {
    /// Reads the wishes where `OpenID Connect` is off: an answer without a person can be asked for all the same, or one by a
    /// person in any case, and everything else is what happens anyway.
    ///
    /// # Errors
    /// `invalid_request` when `none` is not alone.
    pub fn read_silence(prompt: Option<&str>) -> Result<Self, ReplyError> {
        let is_silent = prompt.is_some_and(|prompt| prompt.split(' ').any(|word| word == "none"));
        if is_silent && prompt != Some("none") {
            return Err(NOT_ALONE);
        }
        let holds = |wanted: &str| prompt.is_some_and(|prompt| prompt.split(' ').any(|word| word == wanted));
        Ok(Self { is_silent, must_ask: holds("consent"), selects: holds("select_account"), ..Self::default() })
    }

    /// Reads the wishes. `can_create`: whether strangers may make accounts.
    ///
    /// # Errors
    /// `invalid_request` for words that are not known here, `none` beside others, and a `max_age` that is no number.
    pub fn read(
        prompt: Option<&str>,
        max_age: Option<&str>,
        login_hint: Option<&str>,
        can_create: bool,
    ) -> Result<Self, ReplyError> {
        let mut wishes = Self::read_silence(prompt)?;
        for word in prompt.unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" | "consent" | "select_account" => {}
                "login" => wishes.signs_in_again = true,
                "create" if can_create => wishes.creates = true,
                _ => return Err(ReplyError { code: "invalid_request", description: "prompt holds an unknown word." }),
            }
        }
        wishes.max_age = max_age.map(str::parse).transpose().map_err(|_| BAD_AGE)?;
        wishes.login_hint = login_hint.filter(|hint| hint.len() <= MAX_HINT && hint.contains('@')).map(str::to_owned);
        Ok(wishes)
    }

    /// Whether the person must prove to be there after the request, whenever they did before: `max_age=0` is `prompt=login`.
    pub fn wants_proof_now(&self) -> bool {
        self.signs_in_again || self.max_age == Some(0)
    }
}

const NOT_ALONE: ReplyError = ReplyError { code: "invalid_request", description: "prompt=none stands alone." };
const BAD_AGE: ReplyError = ReplyError { code: "invalid_request", description: "max_age is no number of seconds." };

#[cfg(test)]
mod tests {
    use super::Prompt;

    #[test]
    fn known_words_are_taken_in_any_order_and_others_refused() {
        let read = |prompt: &str| Prompt::read(Some(prompt), None, None, true).ok();
        assert!(read("login consent").unwrap().signs_in_again);
        assert!(read("consent  create").unwrap().creates);
        assert!(read("consent login").unwrap().must_ask && !read("login").unwrap().must_ask);
        assert!(read("select_account").unwrap().selects && !read("consent").unwrap().selects);
        assert_eq!(read("").unwrap(), Prompt::default());
        assert!(read("none").unwrap().is_silent);
        for wrong in ["none login", "login none", "Login", "anything"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(Prompt::read(Some("create"), None, None, false).is_err(), "nobody can make an account here");
    }

    #[test]
    fn an_age_is_a_number_and_none_at_all_is_a_proof_now() {
        let read = |age: &str| Prompt::read(None, Some(age), None, true).map(|wishes| wishes.wants_proof_now());
        assert_eq!((read("0").ok(), read("60").ok()), (Some(true), Some(false)));
        for wrong in ["", "-1", "1.5", "soon"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_may_be_an_address_is_a_hint() {
        let hint = |text: &str| Prompt::read(None, None, Some(text), true).unwrap().login_hint;
        assert_eq!(hint("ada@example.org").as_deref(), Some("ada@example.org"));
        assert_eq!(hint("ada"), None);
        assert_eq!(hint(&format!("{}@example.org", "a".repeat(254))), None);
    }
}
