//! The table of who may what.

mod expressions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use belgie_api::clock::SystemClock;
use belgie_api::context::{
    ClientContext, OrgContext, QuotaContext, SubscriptionContext, SubscriptionStatus, TeamContext, UserContext,
};
use belgie_api::host::{self, Contexts, PrincipalParts};
use belgie_api::{Caller, ClientId, Clock, OrgId, Rule, ScopeSet, TeamId, UserId, access};

use super::decide::ActionKind;
use super::{Action, Denial, Guard, decide, foresee, is_listed as is_guard_listed, trace};

fn names(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn scopes(text: &str) -> ScopeSet {
    text.parse().expect("a test writes proper scopes")
}

fn principal(scopes: ScopeSet) -> Arc<belgie_api::Principal> {
    Arc::new(host::principal(PrincipalParts {
        user: UserContext {
            id: UserId::from_uuid(uuid::Uuid::from_u128(1)),
            email: "ada@example.com".to_owned(),
            email_verified: true,
            name: "Ada".to_owned(),
            scopes: ScopeSet::new(),
        },
        service: None,
        client: ClientContext { id: ClientId::from_wire("cli_test"), name: "Test".to_owned() },
        session: None,
        presence: None,
        grant: None,
        token: None,
        scopes,
        binding: belgie_api::GrantBinding::default(),
        expires_at: SystemClock.now().plus(Duration::from_secs(3600)),
    }))
}

/// A member of an organization with the role editor, the permission notes:edit and the team blue, on the plan pro.
fn member(granted: &str) -> Caller {
    host::caller(
        principal(scopes(granted)),
        Contexts {
            organization: Some(OrgContext {
                id: OrgId::from_uuid(uuid::Uuid::from_u128(2)),
                slug: "acme".to_owned(),
                former_slugs: names(&["apex"]),
                roles: names(&["editor"]),
                permissions: names(&["notes:edit"]),
            }),
            teams: vec![TeamContext {
                id: TeamId::from_uuid(uuid::Uuid::from_u128(3)),
                slug: "blue".to_owned(),
                name: "The blue ones".to_owned(),
                roles: names(&["member"]),
            }],
            subscription: Some(SubscriptionContext::of(
                "pro".to_owned(),
                names(&["export"]),
                SubscriptionStatus::Active,
            )),
            meters: None,
        },
    )
}

fn loner(granted: &str) -> Caller {
    super::caller::personal(principal(scopes(granted)))
}

fn outcome(caller: &Caller, rule: &Rule) -> Result<(), Denial> {
    decide(caller, Action::new(ActionKind::CallTool, "tool", &Arc::new(Guard::of(rule))), None).map(drop)
}

fn is_listed(caller: &Caller, rule: &Rule) -> bool {
    is_guard_listed(caller, &Guard::of(rule))
}

fn missing(text: &str) -> Result<(), Denial> {
    Err(Denial::Scope { missing: scopes(text) })
}

fn plan(plans: &[&str], entitlements: &[&str]) -> Result<(), Denial> {
    Err(Denial::Plan { plans: names(plans), entitlements: names(entitlements), meters: names(&[]) })
}

/// The id of the organization that members are in.
const ACME: &str = "org_00000000000000000000000000000002";

#[test]
fn the_table_of_decisions_holds() {
    let (anybody, hidden) = (loner("a b"), Err(Denial::Hidden));
    let table: &[(&str, &Caller, Rule, Result<(), Denial>)] = &[
        ("no need at all", &anybody, access(), Ok(())),
        ("a scope that is there", &anybody, access().scope("a"), Ok(())),
        ("all scopes that are missing", &anybody, access().scope("a").scope("x").scope("y"), missing("x y")),
        ("an organization and none", &anybody, access().organization(), hidden.clone()),
        ("an organization", &member(""), access().organization(), Ok(())),
        ("any one of the roles", &member(""), access().role("owner").role("editor"), Ok(())),
        ("none of the roles", &member(""), access().role("owner"), hidden.clone()),
        ("the organization", &member(""), access().organization_named("other").organization_named("acme"), Ok(())),
        ("the organization by a name it had", &member(""), access().organization_named("apex"), Ok(())),
        ("the organization by its id", &member(""), access().organization_named(ACME), Ok(())),
        ("denied to it by a name it had", &member(""), access().organization_named("apex").deny(), hidden.clone()),
        ("denied to it by its id", &member(""), access().organization_named(ACME).deny(), hidden.clone()),
        ("another id", &member(""), access().organization_named(&ACME.replace('2', "3")), hidden.clone()),
        ("another organization", &member(""), access().organization_named("other"), hidden.clone()),
        ("no organization at all", &anybody, access().organization_named("acme"), hidden.clone()),
        ("denied to everybody", &anybody, access().deny(), hidden.clone()),
        ("denied to editors", &member(""), access().role("editor").deny(), hidden.clone()),
        ("denied to owners", &member(""), access().role("owner").deny(), Ok(())),
        ("denied to editors of another", &member(""), access().role("editor").team("red").deny(), Ok(())),
        ("denied to a scope", &anybody, access().scope("a").deny(), hidden.clone()),
        ("denied to a scope that is none", &anybody, access().scope("not a scope").deny(), hidden.clone()),
        ("a permission", &member(""), access().permission("notes:edit"), Ok(())),
        ("all permissions", &member(""), access().permission("notes:edit").permission("b:c"), hidden.clone()),
        ("any one of the teams", &member(""), access().team("red").team("blue"), Ok(())),
        ("none of the teams", &member(""), access().team("red"), hidden.clone()),
        ("any one of the plans", &member(""), access().plan("free").plan("pro"), Ok(())),
        ("none of the plans", &member(""), access().plan("max"), plan(&["max"], &[])),
        ("no plan", &anybody, access().plan("pro").entitlement("export"), plan(&["pro"], &["export"])),
        ("all features", &member(""), access().entitlement("export").entitlement("sso"), plan(&[], &["sso"])),
        ("place comes before scope", &anybody, access().role("owner").scope("x"), hidden.clone()),
        ("scope comes before plan", &member(""), access().scope("x").plan("max"), missing("x")),
        ("place comes before plan", &anybody, access().team("red").plan("max"), hidden.clone()),
        ("a scope that is none", &anybody, access().scope("not a scope"), hidden),
    ];
    for (what, caller, rule, expected) in table {
        assert_eq!(outcome(caller, rule), *expected, "{what}");
    }
}

#[test]
fn listing_hides_only_what_is_hidden() {
    let anybody = loner("a");
    assert!(is_listed(&anybody, &access()));
    assert!(is_listed(&anybody, &access().scope("x")), "the client can ask for the scope");
    assert!(is_listed(&anybody, &access().plan("max")), "the person can change the plan");
    assert!(!is_listed(&anybody, &access().organization()));
    assert!(!is_listed(&anybody, &access().role("owner").scope("a")));
}

#[test]
fn a_permit_names_its_caller_and_its_action() {
    let caller = loner("a");
    let guard = Arc::new(Guard::of(&access().scope("a")));
    let permit = decide(&caller, Action::new(ActionKind::CallTool, "echo", &guard), None).expect("the scope is there");
    assert_eq!(permit.caller().user().email, "ada@example.com");
    assert_eq!((permit.action().kind(), permit.action().name()), (ActionKind::CallTool, "echo"));
}

#[test]
fn a_tool_may_ask_for_a_feature_of_the_plan_itself() {
    assert!(member("").require_entitlement("export").is_ok());
    assert!(member("").require_entitlement("sso").is_err(), "the plan does not open it");
    assert!(loner("").require_entitlement("export").is_err(), "without a plan there is nothing");
}

#[test]
fn whoever_has_paid_before_is_let_through_wherever_whoever_never_paid_is() {
    let quotas: BTreeMap<_, _> = [("exports".to_owned(), QuotaContext::default())].into();
    let plan = |name: &str, status| SubscriptionContext {
        quotas: quotas.clone(),
        ..SubscriptionContext::of(name.to_owned(), BTreeSet::new(), status)
    };
    let free = Arc::new(plan("free", SubscriptionStatus::Free));
    let lapsed = SubscriptionContext { free: Some(free), ..plan("pro", SubscriptionStatus::ReadOnly) };
    let caller = host::with_subscription(&member(""), lapsed);
    let under = |rule: &Rule, is_read_only| {
        let guard = Arc::new(Guard::of(rule).read_only(is_read_only));
        let plan = |caller: &Caller| caller.subscription().expect("a plan").plan.clone();
        assert_eq!(trace(&caller, &guard, None).call.outcome == "allowed", foresee(&caller, &guard).is_ok());
        decide(&caller, Action::new(ActionKind::CallTool, "echo", &guard), None).map(|permit| plan(permit.caller()))
    };
    assert_eq!(under(&access().meter("exports"), true), Ok("pro".to_owned()));
    assert_eq!(under(&access().meter("exports"), false), Ok("free".to_owned()));
    assert_eq!(under(&access().plan("pro"), true), Ok("pro".to_owned()));
    assert!(matches!(under(&access().plan("pro"), false), Err(Denial::Plan { .. })));
}
