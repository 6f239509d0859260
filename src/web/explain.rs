//! Explains a decision about somebody who is not here: for the command line and the page of operators alike.

use belgie_api::command::Output;
use belgie_api::{Caller, Failure, Result, UserId};
use serde_json::{Value, json};

use super::Web;
use crate::access::{Question, Thing, Trace, trace};

/// An answer to a question.
pub struct Explanation {
    /// Whom it is about.
    pub user: UserId,
    /// Why nothing of it matters: the account is banned.
    pub is_banned: bool,
    /// The caller that was decided about.
    pub caller: Caller,
    /// Whether the scopes are those that agents get by default, since the question named none.
    pub has_default_scopes: bool,
    /// What kind of thing it is about.
    pub thing: Thing,
    /// The name of the tool or prompt, or the URI of the resource.
    pub name: String,
    /// What was decided.
    pub trace: Trace,
}

/// Answers a question with the deciding itself.
///
/// # Errors
/// 404 when there is no such person, organization or tool, or no server here that has prompts or resources: which of those there
/// are, only the server knows.
pub async fn explain(web: &Web, question: &Question) -> Result<Explanation> {
    let person = question.find_person(&web.identity).await?;
    // Of those that agents get which name none: at the endpoint of the organization, if the question is about one.
    let by_default = match question.organization {
        Some(_) => &web.default_scopes.of_organizations,
        None => &web.default_scopes.shared,
    };
    let caller = question.caller(&person, &web.identity, &web.callers, by_default).await?;
    let (thing, name) = (question.thing, question.name.trim());
    let challenge = std::sync::Arc::clone(&web.challenge);
    let guard = web.mcp.find_guard_of(&caller, challenge, thing.kind().word(), name).await;
    let guard = guard.ok_or_else(|| unknown(thing, name))?;
    Ok(Explanation {
        user: person.id,
        is_banned: person.ban.is_some(),
        has_default_scopes: question.scopes.is_none(),
        thing,
        name: name.to_owned(),
        trace: trace(&caller, &guard, question.arguments.as_ref()),
        caller,
    })
}

fn unknown(thing: Thing, name: &str) -> Failure {
    let code = match thing {
        Thing::Tool => "explain.unknown_tool",
        Thing::Prompt => "explain.unknown_prompt",
        Thing::Resource => "explain.unknown_resource",
    };
    Failure::not_found(code, format!("There is no {} `{name}`.", thing.word()))
        .hint("`belgie surface` shows the tools that are there, and the servers that have prompts and resources.")
}

impl Explanation {
    /// The caller in a line.
    #[must_use]
    pub fn subject(&self) -> String {
        let caller = &self.caller;
        let place = caller.organization().map_or_else(
            || "for themselves".to_owned(),
            |organization| format!("for the organization {}", organization.slug),
        );
        let scopes = caller.scopes().to_string();
        let scopes = if scopes.is_empty() { "no scopes".to_owned() } else { format!("the scopes {scopes}") };
        let origin = match (self.has_default_scopes, caller.organization()) {
            (false, _) => "",
            (true, None) => " (what agents get by default)",
            (true, Some(_)) => " (what agents get by default at its endpoint)",
        };
        format!("{} {place}, through the client {}, with {scopes}{origin}", caller.user().email, caller.client().id)
    }

    /// For the command line.
    #[must_use]
    pub fn output(&self) -> Output {
        let Trace { rules, steps, preflight, list, call } = &self.trace;
        let mut lines =
            vec![self.subject(), format!("wants to {} {}. Rules: {}", self.thing.verb(), self.name, rules.join(", "))];
        if self.is_banned {
            lines.push("The account is banned, so every request is answered with 401, whatever follows.".to_owned());
        }
        lines.push(String::new());
        for step in steps {
            lines.push(format!("{:<8} {:<11} needs {}", step.outcome, step.rule, step.needed));
            lines.push(format!("{:<20} has {}", "", step.has));
            lines.extend(step.because.iter().map(|because| format!("{:<20} because {because}", "")));
        }
        if steps.is_empty() {
            lines.push("Nothing is asked but to be signed in.".to_owned());
        }
        lines.push(String::new());
        for (place, column) in [("preflight", preflight), ("list", list), ("call", call)] {
            lines.push(format!("{place:<10} {:<18} {}", column.outcome, column.says));
        }
        Output::new(lines.join("\n"), self.json())
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut caller = self.caller.describe();
        if let Some(parts) = caller.as_object_mut() {
            // What only a credential has.
            parts.retain(|name, _| !matches!(name.as_str(), "session" | "grant" | "expires_at"));
        }
        json!({
            self.thing.word(): self.name,
            "banned": self.is_banned,
            "default_scopes": self.has_default_scopes,
            "caller": caller,
            "trace": self.trace,
        })
    }
}
