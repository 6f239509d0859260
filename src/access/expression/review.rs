//! What an expression may say. A mistake in a name is found when the gateway starts, and not when somebody calls.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use super::MAX_DEPTH;

/// What of the arguments an expression looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Arguments of these names; `None` for anything.
    named: Option<BTreeSet<String>>,
    /// Whether it goes through something, so that it may look at everything as often as there are things to go through.
    pub(super) in_loops: bool,
}

impl Looked {
    /// Whether the argument of this name is among it.
    pub(super) fn includes(&self, name: &str) -> bool {
        self.named.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// What there is to know of a caller.
const CALLER: [&str; 17] = [
    "user.id",
    "user.email",
    "user.email_verified",
    "user.name",
    "user.scopes",
    "service.id",
    "service.name",
    "client.id",
    "client.name",
    "scopes",
    "organization.id",
    "organization.slug",
    "organization.roles",
    "organization.permissions",
    "teams",
    "subscription.plan",
    "subscription.entitlements",
];

const FUNCTIONS: [&str; 7] = ["size", "contains", "startsWith", "endsWith", "int", "double", "string"];

const OPERATORS: [&str; 19] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::NOT_STRICTLY_FALSE,
    operators::IN,
];

/// Looks through an expression.
///
/// # Errors
/// The first thing that an expression may not say.
pub fn review(expression: &IdedExpr) -> Result<Looked, String> {
    let mut reviewer = Reviewer::default();
    reviewer.look(expression, 0)?;
    let Reviewer { looks_at_all, named, has_loops, .. } = reviewer;
    Ok(Looked { named: (!looks_at_all).then_some(named), in_loops: has_loops })
}

#[derive(Default)]
struct Reviewer {
    /// Names that `all` and its like have given.
    names: Vec<String>,
    is_inside_loop: bool,
    has_loops: bool,
    looks_at_all: bool,
    named: BTreeSet<String>,
}

impl Reviewer {
    fn look(&mut self, expression: &IdedExpr, depth: u16) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "it is nested more than {MAX_DEPTH} deep, or has more than {MAX_DEPTH} parts in a row"
            ));
        }
        match &expression.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.look_at_name(name),
            Expr::Select(select) => self.look_at_field(select, depth),
            Expr::Call(call) => self.look_at_call(call, depth),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.look(element, depth + 1)),
            Expr::Comprehension(comprehension) => self.look_at_loop(comprehension, depth),
            Expr::Map(_) | Expr::Struct(_) => Err("maps and structures cannot be made here".to_owned()),
            Expr::Unspecified => Err("a part of it is missing".to_owned()),
        }
    }

    fn look_at_name(&mut self, name: &str) -> Result<(), String> {
        if self.names.iter().any(|known| known == name) {
            return Ok(());
        }
        match name {
            "arguments" => {
                self.looks_at_all = true;
                Ok(())
            }
            "caller" => Err("`caller` alone says nothing: write `caller.user.email` or another part of it".to_owned()),
            other => Err(format!("there is no `{other}`: known are `caller` and `arguments`")),
        }
    }

    fn look_at_field(&mut self, select: &SelectExpr, depth: u16) -> Result<(), String> {
        if let Some(path) = path_of_caller(select) {
            return check_path(&path);
        }
        match &select.operand.expr {
            Expr::Ident(name) if name == "arguments" => {
                self.named.insert(select.field.clone());
                Ok(())
            }
            _ => self.look(&select.operand, depth + 1),
        }
    }

    fn look_at_call(&mut self, call: &CallExpr, depth: u16) -> Result<(), String> {
        let name = call.func_name.as_str();
        if !OPERATORS.contains(&name) && !FUNCTIONS.contains(&name) {
            let known = FUNCTIONS.join(", ");
            return Err(format!("there is no function `{name}`: known are {known}, has, all, exists and exists_one"));
        }
        if let (operators::INDEX, [of, at]) = (name, call.args.as_slice())
            && let (Expr::Ident(variable), Expr::Literal(LiteralValue::String(field))) = (&of.expr, &at.expr)
            && variable == "arguments"
        {
            self.named.insert(field.inner().to_owned());
            return Ok(());
        }
        call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(|part| self.look(part, depth + 1))
    }

    fn look_at_loop(&mut self, comprehension: &ComprehensionExpr, depth: u16) -> Result<(), String> {
        if self.is_inside_loop {
            return Err("`all`, `exists` and their like cannot stand inside each other".to_owned());
        }
        // `map` and `filter` build a list as they go, each step out of all that is there by then.
        if matches!(comprehension.accu_init.expr, Expr::List(_)) {
            return Err("there is neither `map` nor `filter`: known are all, exists and exists_one".to_owned());
        }
        self.has_loops = true;
        self.look(&comprehension.iter_range, depth + 1)?;
        let given = [Some(&comprehension.iter_var), comprehension.iter_var2.as_ref(), Some(&comprehension.accu_var)];
        let given: Vec<String> = given.into_iter().flatten().cloned().collect();
        if let Some(taken) = given.iter().find(|name| matches!(name.as_str(), "caller" | "arguments")) {
            return Err(format!("`{taken}` has its meaning: choose another name for what is gone through"));
        }
        let outer = self.names.len();
        self.names.extend(given);
        self.is_inside_loop = true;
        let ComprehensionExpr { accu_init, loop_cond, loop_step, result, .. } = comprehension;
        let inner =
            [accu_init, loop_cond, loop_step, result].into_iter().try_for_each(|part| self.look(part, depth + 1));
        self.is_inside_loop = false;
        self.names.truncate(outer);
        inner
    }
}

/// `user.email` of `caller.user.email`; `None` when it does not begin with `caller`.
fn path_of_caller(select: &SelectExpr) -> Option<String> {
    let mut path = select.field.clone();
    let mut operand = &select.operand;
    loop {
        match &operand.expr {
            Expr::Ident(name) => return (name == "caller").then_some(path),
            Expr::Select(inner) => {
                path = format!("{}.{path}", inner.field);
                operand = &inner.operand;
            }
            _ => return None,
        }
    }
}

fn check_path(path: &str) -> Result<(), String> {
    if CALLER.contains(&path) {
        return Ok(());
    }
    if CALLER.iter().any(|known| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))) {
        return Err(format!("`caller.{path}` has parts: name the one that is meant"));
    }
    let known: Vec<String> = CALLER.iter().map(|known| format!("caller.{known}")).collect();
    Err(format!("there is no `caller.{path}`: known are {}", known.join(", ")))
}
