//! The table, as the tests read it: a line for each door, a word for each cell.

use std::collections::BTreeMap;
use std::fmt;

/// What comes of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was asked for.
    Done,
    /// No, said to somebody of the organization.
    Forbidden,
    /// The answer that comes for what exists nowhere.
    Unseen,
    /// No, since the person is not in the team they would leave.
    NotIn,
    /// No, since the invitation is somebody else's: whoever has the link sees where it leads.
    NotYours,
    /// No, since nothing is paid for: said to whoever may decide on the plan.
    NotPaid,
    /// 403 `insufficient_scope`.
    StepUp,
    /// The way to the sign-in page, or 401.
    SignIn,
    /// Not listed, and called in vain as a tool that is nowhere.
    Hidden,
    /// No, in whatever words: what the operator is told of accounts.
    Refused,
    /// Nothing can be asked.
    Nothing,
    /// Another no than that for what exists nowhere: what nobody may get.
    Told,
    /// Anything else.
    Odd,
}

const WORDS: [(&str, Outcome); 11] = [
    ("done", Outcome::Done),
    ("forbidden", Outcome::Forbidden),
    ("unseen", Outcome::Unseen),
    ("not-in", Outcome::NotIn),
    ("not-yours", Outcome::NotYours),
    ("not-paid", Outcome::NotPaid),
    ("step-up", Outcome::StepUp),
    ("sign-in", Outcome::SignIn),
    ("hidden", Outcome::Hidden),
    ("refused", Outcome::Refused),
    ("-", Outcome::Nothing),
];

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WORDS.iter().find(|(_, outcome)| outcome == self) {
            Some((word, _)) => f.write_str(word),
            None => write!(f, "{self:?}"),
        }
    }
}

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What browsers, and scripts of our own pages, ask for.
    Routes,
    /// The same about what is paid for.
    Billing,
    /// What agents and programs call.
    Tools,
    /// Prompts, resources and completions of a wrapped server under the operator's rules.
    Wrapped,
    /// What the operator types.
    Commands,
}

/// What everybody gets at one door.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands.
    pub part: Part,
    /// The door, in the words of the surface.
    pub door: &'static str,
    cells: BTreeMap<&'static str, Outcome>,
}

impl Row {
    /// What whoever stands in this column gets.
    pub fn expected(&self, column: &str) -> Outcome {
        *self.cells.get(column).unwrap_or_else(|| panic!("{}: there is no column {column}", self.door))
    }

    /// Whether everybody is told who asks rightly: what people read on a consent page of whoever asks them, and where the link
    /// of a letter leads.
    pub fn is_public(&self) -> bool {
        self.door.starts_with("GET /auth/clients/public") || self.door.ends_with(" /organizations/invitation")
    }

    /// Whether the page of an answer lists the organizations of whoever asks, which come and go while others ask.
    pub fn lists_own(&self) -> bool {
        self.door == "POST /account/tokens/new" || self.door.starts_with("GET /billing/usage")
    }

    /// Whether it is about one team: then those in the team, and those who lead it, have columns of their own.
    pub fn is_of_team(&self) -> bool {
        let is_tool = self.part == Part::Tools && self.door.contains("team") && self.door != "tool create_team";
        self.door.contains("{team}") || (is_tool && self.door != "tool list_teams")
    }
}

/// The lines of one part.
pub fn rows(wanted: Part) -> Vec<Row> {
    let mut rows = Vec::new();
    let (mut part, mut columns) = (Part::Routes, Vec::new());
    for line in include_str!("table.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (door, words) = line.split_once("  ").expect("two spaces after the door");
        let words: Vec<&'static str> = words.split_whitespace().collect();
        if let Some(title) = door.strip_prefix('[') {
            columns = words;
            part = match title.trim_end_matches(']') {
                "routes and pages" => Part::Routes,
                "billing" => Part::Billing,
                "tools" => Part::Tools,
                "prompts and resources" => Part::Wrapped,
                "commands" => Part::Commands,
                other => panic!("no part of the table: {other}"),
            };
            continue;
        }
        assert_eq!(words.len(), columns.len(), "{line}");
        let cell = |(column, word): (&&'static str, &&str)| {
            let found = WORDS.iter().find(|(known, _)| known == word);
            (*column, found.unwrap_or_else(|| panic!("{door}: no word is `{word}`")).1)
        };
        let cells: BTreeMap<_, _> = columns.iter().zip(&words).map(cell).collect();
        rows.push(Row { part, door, cells });
    }
    rows.retain(|row| row.part == wanted);
    assert!(!rows.is_empty(), "{wanted:?} has lines");
    rows
}
