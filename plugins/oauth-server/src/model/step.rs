//! Pages of the application that a person sees on the way of an authorization request.

use belgie_api::settings::Section;
use belgie_api::web::is_local_path;
use serde::Serialize;
use url::{Host, Url, form_urlencoded};

/// A step that the application's own page takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Somebody signs in.
    Login,
    /// Somebody makes an account (`prompt=create`).
    Signup,
    /// The person chooses as whom they go on (`prompt=select_account`).
    SelectAccount,
    /// The person does what the application wants done first.
    PostLogin,
    /// The person answers.
    Consent,
}

impl Step {
    const STORED: [Self; 4] = [Self::Login, Self::Signup, Self::SelectAccount, Self::PostLogin];

    /// As it is stored and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Signup => "signup",
            Self::SelectAccount => "select_account",
            Self::PostLogin => "post_login",
            Self::Consent => "consent",
        }
    }

    /// Reads what is stored.
    pub fn read(text: &str) -> Option<Self> {
        Self::STORED.into_iter().find(|step| step.as_str() == text)
    }
}

/// Where the application has pages of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppPages {
    /// Instead of our sign-in page.
    pub login_url: Option<String>,
    /// Instead of our sign-up page.
    pub signup_url: Option<String>,
    /// Where people choose as whom they go on.
    pub select_account_url: Option<String>,
    /// What people see once they are signed in.
    pub post_login_url: Option<String>,
    /// Instead of our consent page.
    pub consent_url: Option<String>,
}

const ANYWHERE: &str = "a path such as \"/welcome\", or an https address";
const HERE: &str = "a path such as \"/consent\"";

impl AppPages {
    /// Reads `pages`.
    pub fn read(section: &mut Section) -> Self {
        section.section("pages", |pages| {
            let mut anywhere = |key| pages.opt_parsed(key, ANYWHERE, read_anywhere);
            let (login_url, signup_url) = (anywhere("login_url"), anywhere("signup_url"));
            let (select_account_url, post_login_url) = (anywhere("select_account_url"), anywhere("post_login_url"));
            let consent_url = pages.opt_parsed("consent_url", HERE, read_here);
            Self { login_url, signup_url, select_account_url, post_login_url, consent_url }
        })
    }

    /// Where the page of a step is, if the application has one.
    pub fn of(&self, step: Step) -> Option<&str> {
        match step {
            Step::Login => self.login_url.as_deref(),
            Step::Signup => self.signup_url.as_deref(),
            Step::SelectAccount => self.select_account_url.as_deref(),
            Step::PostLogin => self.post_login_url.as_deref(),
            Step::Consent => self.consent_url.as_deref(),
        }
    }

    /// The address of a page with a handle in it, and the code of a device.
    pub fn address(page: &str, interaction: &str, user_code: Option<&str>) -> String {
        let mark = if page.contains('?') { '&' } else { '?' };
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("interaction", interaction).extend_pairs(user_code.map(|code| ("user_code", code)));
        format!("{page}{mark}{}", pairs.finish())
    }
}

/// A page of this origin: its forms and scripts are ours, and may answer.
fn read_here(text: &str) -> Result<String, String> {
    if is_local_path(text) && is_plain(text) && !text.contains('#') {
        Ok(text.to_owned())
    } else {
        Err("an answer counts only when a page of this origin sends it".to_owned())
    }
}

/// Whether a text can stand in a header as it is (RFC 9110 section 5.5).
fn is_plain(text: &str) -> bool {
    text.bytes().all(|letter| letter.is_ascii_graphic())
}

fn read_anywhere(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        return read_here(text).map_err(|_| "this is no path of ours".to_owned());
    }
    let url = Url::parse(text).map_err(|_| "this is no address".to_owned())?;
    let is_own_machine = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let is_good = url.scheme() == "https" || (url.scheme() == "http" && is_own_machine);
    if is_good && is_plain(text) && url.fragment().is_none() && url.username().is_empty() && url.password().is_none() {
        Ok(text.to_owned())
    } else {
        Err("handles go by https alone, and into no fragment".to_owned())
    }
}

/// Which steps a person has behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// They have chosen as whom they go on.
    pub select_account: bool,
    /// They have been at the page that comes after signing in.
    pub post_login: bool,
}

impl Done {
    /// The same after a step.
    #[must_use]
    pub fn after(self, step: Step) -> Self {
        match step {
            Step::SelectAccount => Self { select_account: true, ..self },
            Step::PostLogin => Self { post_login: true, ..self },
            _ => self,
        }
    }

    /// As letters.
    pub fn letters(self) -> &'static str {
        match (self.select_account, self.post_login) {
            (false, false) => "",
            (true, false) => "a",
            (false, true) => "p",
            (true, true) => "ap",
        }
    }

    /// Reads the letters; others say nothing.
    pub fn read(letters: &str) -> Self {
        Self { select_account: letters.contains('a'), post_login: letters.contains('p') }
    }
}

#[cfg(test)]
mod tests {
    use super::{AppPages, Done, Step, read_anywhere, read_here};

    #[test]
    fn pages_are_paths_of_ours_or_https() {
        for good in ["/login", "/app/login?theme=dark", "https://app.example/login", "http://127.0.0.1:3000/login"] {
            assert!(read_anywhere(good).is_ok(), "{good}");
        }
        let bad = ["login", "//app.example/login", "/\\app.example", "http://app.example/login", "javascript:alert(1)"];
        let worse = [
            "https://a:b@app.example/",
            "https://app.example/#x",
            "/login#x",
            "",
            "/l\u{f6}gin",
            "https://app.example/a\tb",
        ];
        for wrong in bad.into_iter().chain(worse) {
            assert!(read_anywhere(wrong).is_err(), "{wrong}");
        }
        assert!(read_here("/consent").is_ok() && read_here("https://app.example/consent").is_err());
    }

    #[test]
    fn a_handle_is_added_to_what_the_address_has() {
        assert_eq!(AppPages::address("/login", "x.y", None), "/login?interaction=x.y");
        assert_eq!(AppPages::address("/login?a=b", "x.y", Some("AB-C")), "/login?a=b&interaction=x.y&user_code=AB-C");
    }

    #[test]
    fn steps_and_letters_are_read_as_they_are_written() {
        for step in Step::STORED {
            assert_eq!(Step::read(step.as_str()), Some(step));
            let done = Done::default().after(step);
            assert_eq!(Done::read(done.letters()), done);
        }
        assert_eq!(Step::read("consent"), None, "an answer is kept elsewhere");
        let both = Done::default().after(Step::PostLogin).after(Step::SelectAccount);
        assert_eq!(Done::read(both.letters()), both);
    }
}
