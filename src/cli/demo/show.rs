//! The play as people read it: aligned, in short lines, coloured where there is a terminal.

use std::time::Duration;

use super::expect::Broken;
use super::report::{Report, StepReport};

/// No line is longer, in characters.
const WIDTH: usize = 96;
/// Where the titles of steps begin: after number and mark.
const TITLE_AT: usize = 7;
/// Where facts begin: after their labels.
const FACT_AT: usize = 23;

/// What a newcomer may want to do now.
const NEXT: &str = "Try it with your own agent: run `belgie serve --demo-tools` and give it the address of /mcp.";

/// Writes the play down. It knows which chapter it is in.
#[derive(Debug)]
pub struct Show {
    paint: Paint,
    chapter: &'static str,
    count: usize,
}

impl Show {
    /// `is_coloured`: whether the reader understands ANSI colours.
    #[must_use]
    pub fn new(is_coloured: bool) -> Self {
        Self { paint: Paint { is_on: is_coloured }, chapter: "", count: 0 }
    }

    /// Who takes part.
    pub fn opening(&self, gateway: &str, agent: &str, person: &str) -> String {
        let title = self.paint.bold("Belgie demo: an agent, a person and a gateway, over real HTTP");
        let cast = [("gateway", gateway), ("agent", agent), ("person", person)];
        let lines = cast.map(|(who, what)| format!("  {}  {what}\n", self.paint.dim(&format!("{who:<7}"))));
        format!("\n{title}\n\n{}", lines.concat())
    }

    /// One step, with its chapter if it is the first of it.
    pub fn step(&mut self, step: &StepReport) -> String {
        self.count += 1;
        let mut lines = Vec::new();
        if step.chapter != self.chapter {
            self.chapter = step.chapter;
            lines.push(format!("\n{}\n", self.paint.heading(step.chapter)));
        }
        lines.push(self.headline(step));
        lines.extend(step.notes.iter().map(|(label, fact)| self.fact(label, fact)));
        if let Some(Broken { expected, came }) = &step.broken {
            lines.extend([self.fact("expected", expected), self.fact("came", came)]);
        }
        lines.concat()
    }

    /// How it ended, and how long it took.
    pub fn ending(&self, report: &Report) -> String {
        let took = milliseconds(report.took);
        let broken = report.steps.iter().enumerate().find(|(_, step)| step.broken.is_some());
        match broken {
            None => {
                let line = format!("All {} steps held. Total time: {took}", report.steps.len());
                format!("\n{NEXT}\n{}\n", self.paint.good(&line))
            }
            Some((index, step)) => {
                let line = format!("Step {} ({}) did not hold. Total time: {took}", index + 1, step.name);
                format!("\n{}\n", self.paint.bad(&line))
            }
        }
    }

    fn headline(&self, step: &StepReport) -> String {
        let mark = if step.broken.is_none() { self.paint.good("✓") } else { self.paint.bad("✗") };
        let time = milliseconds(step.took);
        let room = WIDTH - TITLE_AT - time.chars().count();
        let title = format!("{:<room$}", step.title);
        format!("  {:>2} {mark} {}{}\n", self.count, self.paint.bold(&title), self.paint.dim(&time))
    }

    fn fact(&self, label: &str, fact: &str) -> String {
        const ROOM: usize = FACT_AT - TITLE_AT - 2;
        let line = |label: &str, fact: &str| {
            let label = self.paint.dim(&format!("{label:<ROOM$}"));
            let line = format!("{:TITLE_AT$}{label}  {fact}", "");
            format!("{}\n", line.trim_end())
        };
        let mut lines = Vec::new();
        let mut label = label;
        // A label that is too long for its column stands in a line of its own.
        if label.chars().count() > ROOM {
            lines.push(line(std::mem::take(&mut label), ""));
        }
        let facts = wrap(fact, WIDTH - FACT_AT);
        lines.extend(facts.iter().map(|fact| line(std::mem::take(&mut label), fact)));
        lines.concat()
    }
}

fn milliseconds(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1e3)
}

/// Breaks a text into lines of at most `width` characters: between words, and long words where addresses have joints.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let taken = if line.is_empty() { 0 } else { line.chars().count() + 1 };
            let room = width.saturating_sub(taken);
            if word.len() <= room {
                break;
            }
            // A word that fits a line of its own is never cut.
            let cut = match (word.len() > width, joint(&word, room)) {
                (false, _) => 0,
                (true, Some(cut)) => cut,
                (true, None) => {
                    if line.is_empty() {
                        room
                    } else {
                        0
                    }
                }
            };
            if cut > 0 {
                if taken > 0 {
                    line.push(' ');
                }
                line.extend(word.drain(..cut));
            }
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word);
    }
    lines.push(line);
    lines
}

/// How much of a long word goes into `room`: up to its last joint there, a slash that has no other beside it.
fn joint(word: &[char], room: usize) -> Option<usize> {
    let is_slash = |at: usize| word.get(at) == Some(&'/');
    (1..room).rev().find(|at| is_slash(*at) && !is_slash(at - 1) && !is_slash(at + 1)).map(|at| at + 1)
}

/// ANSI colours (ECMA-48, SGR), or none.
#[derive(Clone, Copy, Debug)]
struct Paint {
    is_on: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn heading(self, text: &str) -> String {
        self.with("1;36", text)
    }

    fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Show, WIDTH, wrap};
    use crate::cli::demo::expect::Broken;
    use crate::cli::demo::report::{Notes, Report, StepReport};

    #[test]
    fn long_words_are_cut_and_short_ones_are_not() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a 0123456789 b", 4), ["a", "0123", "4567", "89 b"]);
        assert_eq!(wrap("at http://host/path/to", 15), ["at http://host/", "path/to"]);
        assert_eq!(wrap("at it http://host/path", 12), ["at it", "http://host/", "path"]);
        assert_eq!(wrap("one http://h", 8), ["one", "http://h"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_broken_step_says_what_was_expected_and_what_came_in_short_lines() {
        let mut notes = Notes::default();
        notes.add("answer", "x".repeat(300));
        notes.add_secret("access token", "blg_at_0123456789");
        notes.add("a label that is far too long for its column", "fact");
        let step = StepReport {
            chapter: "A chapter",
            name: "first",
            title: "Something happens",
            took: Duration::from_micros(12_345),
            notes,
            broken: Some(Broken::new("status 200 OK", "status 500 Internal Server Error: ".repeat(5))),
        };
        let mut show = Show::new(false);
        let text = show.step(&step);
        let report = Report { steps: vec![step], took: Duration::from_millis(20) };
        let ending = show.ending(&report);
        assert!(text.lines().chain(ending.lines()).all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.contains("✗ Something happens") && text.contains("12.3 ms"), "{text}");
        assert!(text.contains("blg_at_01234...") && !text.contains("blg_at_012345"), "{text}");
        assert!(text.contains("expected        status 200 OK"), "{text}");
        assert_eq!(ending.trim(), "Step 1 (first) did not hold. Total time: 20.0 ms");
    }
}
