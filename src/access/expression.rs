//! `when` of the operator's file: an expression in CEL (the Common Expression Language) over the caller and the arguments.
//!
//! Compiled once, when the gateway starts, and taken apart there: what looks at the caller alone is asked whenever a list
//! is made, what looks at the arguments only once they are known. Only operators write these; the limits below keep a
//! mistake, and arguments somebody has made large, from costing more than a mistake.

mod review;
mod values;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use belgie_api::Caller;
use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, Env, Value};
use serde_json::{Map, Value as Json};

use self::review::Looked;
use crate::tasks::with_deep_stack;

/// The longest expression, in characters.
pub const MAX_LENGTH: usize = 1_000;
/// How deep an expression may be nested.
pub const MAX_DEPTH: u16 = 24;
/// How many values of the arguments an expression may look at.
pub const MAX_VALUES: usize = 10_000;
/// How many bytes of texts among them.
pub const MAX_TEXT: usize = 64 * 1024;
/// How many values an expression with a loop in it may look at: it may search all of them for each of them.
pub const MAX_VALUES_IN_LOOPS: usize = 1_000;
/// How many bytes of texts such an expression may look at.
pub const MAX_TEXT_IN_LOOPS: usize = 16 * 1024;

/// The longest account of a failure.
const MAX_ACCOUNT: usize = 200;

/// The arguments of a call, as they came.
pub type Arguments = Map<String, Json>;

/// What expressions are read with; the same for all of them.
pub struct Language(Arc<Env>);

/// A compiled expression.
pub struct Expression {
    text: String,
    env: Arc<Env>,
    /// Conditions that look at the caller alone.
    of_caller: Vec<IdedExpr>,
    /// Conditions that look at the arguments, too.
    of_arguments: Vec<IdedExpr>,
    looked: Looked,
}

/// Why an expression came to no result. The account is for operators: it may name what the caller has sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be asked of this.
    #[error("{0}")]
    Failed(String),
    /// There is more in the arguments than it looks at.
    #[error("there is more in the arguments than an expression looks at")]
    TooMuch,
}

impl Language {
    /// The language without what `when` has no use for: optional values, durations, regular expressions.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Env::stdlib().with_optional_support(false)))
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, one sentence.
    pub fn compile(&self, text: &str) -> Result<Expression, String> {
        if text.chars().count() > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} characters"));
        }
        let unreadable = || "it cannot be read as an expression".to_owned();
        let parse = || self.0.parser().max_recursion_depth(MAX_DEPTH).parse(text).map_err(|errors| first_of(&errors));
        // The parser is a large piece of foreign code. What it stumbles over is a mistake in the file like any other, and
        // unoptimized it needs 200 KiB for every bracket.
        let parsed = with_deep_stack(parse).ok_or_else(unreadable)??;
        let looked = review::review(&parsed)?;
        let mut conditions = Vec::new();
        split(parsed, &mut conditions);
        let (of_arguments, of_caller) =
            conditions.into_iter().partition(|part| part.references().has_variable("arguments"));
        Ok(Expression { text: text.to_owned(), env: Arc::clone(&self.0), of_caller, of_arguments, looked })
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::new()
    }
}

impl Expression {
    /// As it stands in the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a part of it can be asked before the arguments are known.
    #[must_use]
    pub fn looks_at_caller(&self) -> bool {
        !self.of_caller.is_empty()
    }

    /// Whether a part of it cannot.
    #[must_use]
    pub fn looks_at_arguments(&self) -> bool {
        !self.of_arguments.is_empty()
    }

    /// Whether it looks at the argument of this name.
    #[must_use]
    pub fn looks_at(&self, argument: &str) -> bool {
        self.looks_at_arguments() && self.looked.includes(argument)
    }

    /// Whether it looks at the address or the name of the person. A text that only says so counts as well.
    #[must_use]
    pub fn looks_at_person(&self) -> bool {
        let bare: String = self.text.chars().filter(|letter| !letter.is_whitespace()).collect();
        ["user.email", "user.name"].iter().any(|path| bare.contains(path))
    }

    /// Asks what looks at the caller alone.
    ///
    /// # Errors
    /// When it comes to nothing, or to something that is neither true nor false.
    pub fn ask_of_caller(&self, caller: &Caller) -> Result<bool, Fault> {
        self.ask(&self.of_caller, caller, None)
    }

    /// Asks what looks at the arguments; `None` are no arguments.
    ///
    /// # Errors
    /// As [`ask_of_caller`](Self::ask_of_caller), and when there is too much to look at.
    pub fn ask_of_arguments(&self, caller: &Caller, arguments: Option<&Arguments>) -> Result<bool, Fault> {
        let value = values::of_arguments(arguments, &self.looked)?;
        self.ask(&self.of_arguments, caller, Some(value))
    }

    /// All conditions must hold. One that does not outweighs one that fails, as `&&` has it in this language.
    fn ask(&self, conditions: &[IdedExpr], caller: &Caller, arguments: Option<Value>) -> Result<bool, Fault> {
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(Arc::clone(&self.env));
            context.add_variable_from_value("caller", values::of_caller(caller)?);
            if let Some(arguments) = arguments {
                context.add_variable_from_value("arguments", arguments);
            }
            let mut fault = None;
            for condition in conditions {
                match Value::resolve(condition, &context) {
                    Ok(Value::Bool(true)) => {}
                    Ok(Value::Bool(false)) => return Ok(false),
                    Ok(_) => fault = fault.or_else(|| Some(Fault::Failed("it is neither true nor false".to_owned()))),
                    Err(error) => fault = fault.or_else(|| Some(Fault::Failed(account(&error.to_string())))),
                }
            }
            fault.map_or(Ok(true), Err)
        }));
        asked.unwrap_or_else(|_| Err(Fault::Failed("it stopped in the middle".to_owned())))
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

/// Takes `a && b && c` apart.
fn split(expression: IdedExpr, into: &mut Vec<IdedExpr>) {
    match expression.expr {
        Expr::Call(call) if call.func_name == operators::LOGICAL_AND && call.target.is_none() => {
            call.args.into_iter().for_each(|part| split(part, into));
        }
        expr => into.push(IdedExpr { id: expression.id, expr }),
    }
}

fn first_of(errors: &cel::ParseErrors) -> String {
    let Some(error) = errors.errors.first() else { return "it cannot be read as an expression".to_owned() };
    let (_line, column) = error.pos;
    format!("at character {column}: {}", account(&error.msg))
}

fn account(text: &str) -> String {
    let mut account: String = text.chars().take(MAX_ACCOUNT).collect();
    if account.len() < text.len() {
        account.push('…');
    }
    account
}
