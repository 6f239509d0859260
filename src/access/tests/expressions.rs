//! Expressions of the operator's file: what they see, what they may say, and what becomes of their mistakes.

use std::sync::Arc;

use belgie_api::{Caller, access};
use serde_json::{Value, json};

use super::{loner, member};
use crate::access::expression::{Arguments, Language, MAX_LENGTH, MAX_TEXT, MAX_VALUES, MAX_VALUES_IN_LOOPS};
use crate::access::{Denial, Guard, Origin, Policy, RawEntry, foresee, trace};

fn arguments(value: Value) -> Arguments {
    value.as_object().cloned().expect("a test writes an object")
}

/// The outcome of a call under an entry of the file that says nothing but this.
fn called(caller: &Caller, when: &str, given: Value) -> Result<(), Denial> {
    let guard = Arc::new(guard(when));
    let action = crate::access::Action::new(crate::access::ActionKind::CallTool, "tool", &guard);
    crate::access::decide(caller, action, Some(&arguments(given))).map(drop)
}

fn guard(when: &str) -> Guard {
    let names = ["tool".to_owned()];
    let entry = RawEntry { names: &names, rule: &access(), when: Some(when) };
    Policy::compile([entry]).unwrap_or_else(|mistakes| panic!("{when}: {mistakes:?}")).guard(&access(), "tool")
}

fn mistake(text: &str) -> String {
    Language::new().compile(text).expect_err(text)
}

#[test]
fn an_expression_sees_the_caller_and_the_arguments() {
    let ada = member("notes:read");
    for when in [
        "caller.user.email == 'ada@example.com' && caller.user.email_verified",
        "caller.user.id.startsWith('usr_') && caller.client.id == 'cli_test'",
        "'notes:read' in caller.scopes && size(caller.user.scopes) == 0",
        "caller.organization.slug == 'acme' && 'editor' in caller.organization.roles",
        "'notes:edit' in caller.organization.permissions",
        "caller.teams.exists(team, team.slug == 'blue' && 'member' in team.roles)",
        "caller.subscription.plan == 'pro' && 'export' in caller.subscription.entitlements",
        "arguments.amount < 100 && arguments.amount + 1 == 6",
        "arguments.ratio > 0.4 && arguments.ratio < 1",
        "arguments.name.endsWith('.txt') && !arguments.name.contains('..')",
        "arguments.nothing == null && !has(arguments.absent)",
        "arguments['name'] == 'a.txt'",
        "arguments.to.all(address, address.endsWith('@example.com'))",
        "arguments.deep.er[1].x == true",
        "size(arguments) == 6",
        "arguments.amount > 100 ? false : true",
    ] {
        let given = json!({
            "amount": 5, "ratio": 0.5, "name": "a.txt", "nothing": null, "to": ["bob@example.com"],
            "deep": { "er": [0, { "x": true }] },
        });
        assert_eq!(called(&ada, when, given), Ok(()), "{when}");
    }
}

#[test]
fn who_has_no_organization_or_plan_has_empty_ones() {
    let ada = loner("");
    let when = "caller.organization.slug == '' && size(caller.organization.roles) == 0 && size(caller.teams) == 0 \
        && caller.subscription.plan == '' && size(caller.subscription.entitlements) == 0";
    assert_eq!(called(&ada, when, json!({})), Ok(()));
    assert_eq!(called(&ada, "caller.organization.slug == 'acme'", json!({})), Err(Denial::Hidden));
}

#[test]
fn what_asks_the_caller_hides_and_what_asks_the_arguments_refuses() {
    let ada = loner("");
    let both = "caller.user.email == 'bob@example.com' && arguments.amount < 5";
    assert_eq!(called(&ada, both, json!({ "amount": 1 })), Err(Denial::Hidden));
    assert_eq!(foresee(&ada, &guard(both)), Err(Denial::Hidden), "a list knows as much as a call");
    let own = "caller.user.email == 'ada@example.com' && arguments.amount < 5";
    assert_eq!(foresee(&ada, &guard(own)), Ok(()), "what needs the arguments counts as true");
    assert_eq!(called(&ada, own, json!({ "amount": 1 })), Ok(()));
    assert_eq!(called(&ada, own, json!({ "amount": 9 })), Err(Denial::Arguments));
    let either = "caller.user.email == 'bob@example.com' || arguments.amount < 5";
    assert_eq!(foresee(&ada, &guard(either)), Ok(()));
    assert_eq!(called(&ada, either, json!({ "amount": 9 })), Err(Denial::Arguments));
}

#[test]
fn an_error_is_never_a_yes() {
    let ada = loner("");
    for (when, given) in [
        ("arguments.amount < 5", json!({})),
        ("arguments.amount < 5", json!({ "amount": "1" })),
        ("arguments.amount < 5", json!({ "amount": null })),
        ("arguments.amount", json!({ "amount": 1 })),
        ("!arguments.amount", json!({ "amount": 1 })),
        ("1 / arguments.amount > 0", json!({ "amount": 0 })),
        ("arguments.list[arguments.at] == 1", json!({ "list": [1], "at": 7 })),
        ("arguments.list[arguments.at] == 1", json!({ "list": [1], "at": -1 })),
        ("arguments.amount * arguments.amount > 0", json!({ "amount": i64::MAX })),
        ("-arguments.amount > 0", json!({ "amount": i64::MIN })),
        ("arguments.amount % 0 == 0", json!({ "amount": i64::MIN })),
        ("int(arguments.amount) == 1", json!({ "amount": "x" })),
        ("arguments.list.all(x, x.y == 1)", json!({ "list": [{}] })),
    ] {
        assert_eq!(called(&ada, when, given.clone()), Err(Denial::Undecided), "{when} {given}");
        let denied = format!("{when} || false");
        assert_eq!(called(&ada, &denied, given.clone()), Err(Denial::Undecided), "{denied} {given}");
    }
    let certain = "arguments.amount < 5 && has(arguments.other)";
    assert_eq!(called(&ada, certain, json!({})), Err(Denial::Arguments), "a no is a no");
    assert_eq!(called(&ada, "caller.user.email", json!({})), Err(Denial::Undecided));
    assert_eq!(foresee(&ada, &guard("caller.user.email")), Err(Denial::Undecided));
}

#[test]
fn what_nobody_looks_at_may_be_as_large_as_it_likes() {
    let long = "x".repeat(MAX_TEXT + 1);
    let given =
        json!({ "rows": vec![0; MAX_VALUES + 1], "table": "notes", "text": long, "deep": [{ long.clone(): 1 }] });
    assert_eq!(called(&loner(""), "arguments.table == 'notes'", given.clone()), Ok(()));
    assert_eq!(called(&loner(""), "arguments['table'] == 'notes'", given.clone()), Ok(()));
    for when in ["size(arguments.rows) > 1", "arguments.text != ''", "size(arguments.deep) == 1", "size(arguments) > 1"]
    {
        assert_eq!(called(&loner(""), when, given.clone()), Err(Denial::TooLarge), "{when}");
    }
    let most = json!({ "text": "x".repeat(MAX_TEXT - 4) });
    assert_eq!(called(&loner(""), "arguments.text.startsWith('x')", most), Ok(()));
    // What goes through all of it for all of it looks at less.
    let list = |length: usize| json!({ "list": vec![2; length] });
    assert_eq!(called(&loner(""), "2 in arguments.list", list(MAX_VALUES - 2)), Ok(()));
    for within in ["arguments.list.all(x, x > 1)", "arguments.list.exists(x, x > 1) || size(arguments.list) == 0"] {
        assert_eq!(called(&loner(""), within, list(MAX_VALUES_IN_LOOPS - 2)), Ok(()), "{within}");
        assert_eq!(called(&loner(""), within, list(MAX_VALUES_IN_LOOPS)), Err(Denial::TooLarge), "{within}");
    }
}

#[test]
fn a_denial_with_an_expression_denies_whom_it_is_true_for() {
    let names = ["tool".to_owned()];
    let rule = access().deny();
    let compile = |when| {
        let entry = RawEntry { names: &names, rule: &rule, when: Some(when) };
        Policy::compile([entry]).expect("it compiles").guard(&access(), "tool")
    };
    let ada = loner("");
    let outcome = |when, given| {
        let guard = Arc::new(compile(when));
        let action = crate::access::Action::new(crate::access::ActionKind::CallTool, "tool", &guard);
        crate::access::decide(&ada, action, Some(&arguments(given))).map(drop)
    };
    assert_eq!(outcome("caller.user.email == 'ada@example.com'", json!({})), Err(Denial::Hidden));
    assert_eq!(outcome("caller.user.email == 'bob@example.com'", json!({})), Ok(()));
    let path = "arguments.path.startsWith('/etc')";
    assert_eq!(foresee(&ada, &compile(path)), Ok(()), "nobody knows yet");
    assert_eq!(outcome(path, json!({ "path": "/etc/passwd" })), Err(Denial::Arguments));
    assert_eq!(outcome(path, json!({ "path": "/home" })), Ok(()));
    assert_eq!(outcome(path, json!({})), Err(Denial::Undecided), "a denial that fails is no permission");
}

#[test]
fn mistakes_are_found_when_the_gateway_starts() {
    for (text, said) in [
        ("arguments.amount <", "at character"),
        ("", "at character"),
        ("argument.amount < 1", "there is no `argument`"),
        ("caller == 1", "`caller` alone says nothing"),
        ("caller.user == 1", "`caller.user` has parts"),
        ("caller.user.mail == 'a'", "there is no `caller.user.mail`"),
        ("caller.user.email.size == 1", "there is no `caller.user.email.size`"),
        ("caller.organisation.slug == 'a'", "there is no `caller.organisation.slug`"),
        ("arguments.name.endWith('a')", "there is no function `endWith`"),
        ("arguments.name.matches('a*')", "there is no function `matches`"),
        ("now() > 1", "there is no function `now`"),
        ("arguments.a == {'b': 1}", "maps and structures"),
        ("arguments.a.all(x, x.all(y, y))", "inside each other"),
        ("arguments.a.all(arguments, true)", "has its meaning"),
        ("caller.teams.all(caller, true)", "has its meaning"),
        ("x.all(x, x)", "there is no `x`"),
    ] {
        assert!(mistake(text).contains(said), "{text}: {}", mistake(text));
    }
}

#[test]
fn expressions_are_short_and_flat() {
    let long = format!("arguments.a == '{}'", "x".repeat(MAX_LENGTH));
    assert!(mistake(&long).contains("longer than"), "{}", mistake(&long));
    for deep in [
        format!("{}1{} == 1", "(".repeat(60), ")".repeat(60)),
        format!("size({}{}) == 1", "[".repeat(400), "]".repeat(400)),
        format!("{}true", "!-".repeat(400)),
        format!("1{} == 1", " + 1".repeat(200)),
        format!("arguments{} == 1", ".a".repeat(400)),
        format!("true{}", " ? true : true".repeat(60)),
        format!("true{}", " ? true".repeat(90)),
    ] {
        assert!(Language::new().compile(&deep).is_err(), "{deep}");
    }
    // The deepest that there can be is asked, too: whoever calls has no large stack.
    for (open, close) in [("[", "]"), ("(", ")"), ("!(", ")"), ("size([", "])"), ("true ? (", ") : true")] {
        let nested = |depth: usize| format!("arguments.a == {}1{} || true", open.repeat(depth), close.repeat(depth));
        let deepest = (1..=40).rev().find(|depth| Language::new().compile(&nested(*depth)).is_ok());
        let deepest = nested(deepest.expect("a little is allowed"));
        assert_eq!(called(&loner(""), &deepest, json!({ "a": 1 })), Ok(()), "{deepest}");
    }
    let wide = vec!["arguments.a != 1"; 20].join(" && ");
    assert!(Language::new().compile(&wide).is_ok(), "{wide}");
}

#[test]
fn a_trace_hears_every_check_of_the_decision() {
    let names = ["tool".to_owned()];
    let owners = access().role("owner");
    let entries = [
        RawEntry { names: &names, rule: &owners, when: None },
        RawEntry { names: &names, rule: &access(), when: Some("arguments.amount < 5") },
    ];
    let guard = Policy::compile(entries).expect("it compiles").guard(&access().scope("a").scope("b"), "tool");
    assert_eq!(guard.origins(), [Origin::Code, Origin::File(0), Origin::File(1)]);
    let seen = trace(&member("a"), &guard, None);
    let steps: Vec<_> = seen.steps.iter().map(|step| (step.rule.as_str(), step.outcome)).collect();
    assert_eq!(steps, [("access[0]", "not met"), ("code", "not met"), ("access[1]", "open")]);
    assert_eq!(seen.steps[0].needed, "the role owner");
    assert_eq!(seen.steps[0].has, "acme: the role editor");
    assert_eq!((seen.preflight.outcome, seen.list.outcome, seen.call.outcome), ("passes", "hidden", "hidden"));
    let ada = member("a");
    let denied = |rule: belgie_api::Rule| trace(&ada, &Guard::of(&rule), None).steps.remove(0);
    let guests = denied(access().role("guest").team("red").deny());
    assert_eq!(guests.needed, "to be none of those it is denied to: the role guest, and to be in the team red");
    assert_eq!(guests.has, "acme: the role editor; acme: the team blue; so it is not denied");
    assert_eq!(denied(access().deny()).needed, "what nobody has: it is denied to everybody");
    let failed = trace(&member("a"), &guard, Some(&arguments(json!({}))));
    assert_eq!(failed.steps[2].outcome, "failed");
    assert!(failed.steps[2].because.as_ref().is_some_and(|because| because.contains("amount")), "{failed:?}");
}
