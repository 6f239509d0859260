//! What came back, and what it comes to.

use belgie_api::Failure;
use belgie_api::command::Output;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::doors::{Ask, Names};
use super::table::Outcome;
use crate::support::{Page, unescape};

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    headers: HeaderMap,
    pub body: String,
}

/// Headers that differ between any two answers, or with the length of a name.
const VOLATILE: [&str; 4] = ["date", "content-length", "set-cookie", "x-request-id"];

/// Where the link of an invitation is answered.
const LINKED: &str = "/organizations/invitation";

/// What is said about a plan where nothing is paid for.
const UNPAID: [&str; 2] = ["There is no subscription.", "Nothing has been paid for yet."];

/// What pages say to members whose roles do not allow something.
const REFUSALS: [&str; 4] = [
    "do not allow this",
    "Only owners can make, change or remove owners",
    "Nobody can give, change or take away more than they may",
    "only roles they have themselves",
];

impl From<Page> for Answer {
    fn from(Page { status, headers, body }: Page) -> Self {
        Self { status, headers, body }
    }
}

impl From<Result<Output, Failure>> for Answer {
    fn from(said: Result<Output, Failure>) -> Self {
        let (status, body) = match said {
            Ok(Output { text, json, .. }) => (StatusCode::OK, format!("{text}\n{json}")),
            Err(failure) => {
                let body = format!("{} {} {:?}", failure.code(), failure.message(), failure.remedy());
                (failure.status(), body)
            }
        };
        Self { status, headers: HeaderMap::new(), body }
    }
}

impl From<(bool, String)> for Answer {
    /// Of the program: whether it went well, and what it said.
    fn from((is_done, body): (bool, String)) -> Self {
        let status = if is_done { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        Self { status, headers: HeaderMap::new(), body }
    }
}

impl Answer {
    /// Reads an answer to its end.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.text().await.expect("a text") }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a plain header"))
    }

    /// All of it, without the names that were sent, so that what is left is what the gateway told.
    pub fn told(&self, names: &Names, sent: &[&'static str]) -> String {
        self.text(names, sent, &[])
    }

    /// The same without what differs between any two answers.
    pub fn comparable(&self, names: &Names, sent: &[&'static str]) -> String {
        self.text(names, sent, &VOLATILE)
    }

    fn text(&self, names: &Names, sent: &[&'static str], left_out: &[&str]) -> String {
        let kept = self.headers.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
        let kept = kept.map(|(name, value)| format!("{name}: {}", value.to_str().expect("a plain header")));
        let lines: Vec<String> = std::iter::once(self.status.to_string()).chain(kept).collect();
        let text = format!("{}\n\n{}", lines.join("\n"), self.body);
        let id = self.header("x-request-id");
        let text = if id.is_empty() { text } else { text.replace(id, "ID") };
        let mut sent: Vec<(&str, &str)> = sent.iter().map(|name| (*name, names.of(name))).collect();
        sent.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let hide = |text: String, (name, value): (&str, &str)| {
            let name = format!("<{}>", name.trim_end_matches(" id"));
            text.replace(value, &name).replace(&value.replace('@', "%40"), &name)
        };
        sent.into_iter().fold(unescape(&text), hide)
    }

    /// Whether it is an answer of MCP, and no error.
    pub fn has_result(&self) -> bool {
        self.json()["result"].is_object()
    }

    /// Status and message alone, without the names that were sent.
    pub fn message(&self, names: &Names, sent: &[&'static str]) -> String {
        let hide = |text: String, name: &&'static str| text.replace(names.of(name), &format!("<{name}>"));
        sent.iter().fold(format!("{} {}", self.status, self.json()), hide)
    }

    /// The message of a tool, or of whatever speaks JSON.
    pub fn json(&self) -> Value {
        let last =
            self.body.lines().filter_map(|line| line.strip_prefix("data:")).rfind(|data| !data.trim().is_empty());
        serde_json::from_str(last.unwrap_or(&self.body)).unwrap_or_default()
    }

    /// The outcome, as far as one answer tells: a no that is not for members is [`Outcome::Told`] until it is compared with
    /// the answer for what exists nowhere.
    pub fn comes_to(&self, ask: &Ask) -> Outcome {
        let is_step_up = self.header("www-authenticate").contains("insufficient_scope");
        match (self.status, ask) {
            (StatusCode::UNAUTHORIZED, _) => Outcome::SignIn,
            (StatusCode::FORBIDDEN, _) if is_step_up => Outcome::StepUp,
            (StatusCode::SEE_OTHER | StatusCode::FOUND, _) => match (self.header("location"), ask) {
                (way, _) if way.starts_with("/auth/signin") => Outcome::SignIn,
                (way, _) if way.starts_with("/auth/confirm") => Outcome::Odd,
                // An agent is told of a no in the same way.
                (way, Ask::Consent(_)) if !way.contains("code=") => Outcome::Odd,
                (way, Ask::Device(_)) if way != "/device/allowed" => Outcome::Odd,
                _ => Outcome::Done,
            },
            (StatusCode::OK, Ask::Tool(..)) => self.of_tool(),
            (status, _) if status.is_success() => Outcome::Done,
            (StatusCode::FORBIDDEN, _) => Outcome::Forbidden,
            (StatusCode::UNPROCESSABLE_ENTITY, Ask::Form(..)) if self.says_forbidden() => Outcome::Forbidden,
            (StatusCode::NOT_FOUND, Ask::Form(path, _)) if path == LINKED && self.says_not_yours() => Outcome::NotYours,
            (StatusCode::NOT_FOUND, _) if self.body.contains("no such member of the team") => Outcome::NotIn,
            (StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY, _) if self.says_unpaid() => Outcome::NotPaid,
            (StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, _) => Outcome::Told,
            _ => Outcome::Odd,
        }
    }

    fn says_not_yours(&self) -> bool {
        unescape(&self.body).contains("There is no such invitation.")
    }

    fn says_unpaid(&self) -> bool {
        let text = unescape(&self.body);
        UNPAID.iter().any(|words| text.contains(words))
    }

    fn says_forbidden(&self) -> bool {
        let text = unescape(&self.body);
        REFUSALS.iter().any(|words| text.contains(words))
    }

    fn of_tool(&self) -> Outcome {
        let said = self.json();
        let is_unknown = matches!(said["error"]["code"].as_i64(), Some(-32602 | -32601));
        let code = said["result"]["structuredContent"]["error"].as_str().unwrap_or_default();
        let act = code.rsplit('.').next().unwrap_or_default();
        match (said["result"]["isError"] == true, act) {
            _ if is_unknown => Outcome::Hidden,
            _ if !said["error"].is_null() => Outcome::Odd,
            (false, _) => Outcome::Done,
            (true, "forbidden" | "owners_only" | "beyond_you" | "not_by_agents" | "bound_to_teams") => {
                Outcome::Forbidden
            }
            (true, _) => Outcome::Told,
        }
    }
}
