//! What holds for every text, not only for those somebody thought of.

use belgie_api::crypto::{base64url, sha256};
use belgie_api::plugin::{ScopeGrant, ScopeHierarchy, ScopeInfo};
use belgie_api::ports::Catalog;
use belgie_api::{Scope, ScopeSet};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use url::Url;

use super::address::{find_resources, normalize_resource};
use super::pkce::Challenge;
use super::redirect::{RedirectKind, RedirectUri, form_action_of, host_of, kind_of};
use super::request::narrow_resources;
use super::scopes::{OFFLINE_ACCESS, choose, known_in, narrow_scopes};

/// Addresses with the parts that matching has to tell apart.
fn address() -> impl Strategy<Value = String> {
    let scheme = prop_oneof!["https", "http", "com.example.app", "cursor", "HTTPS", "javascript"];
    let host = prop_oneof![
        "127\\.0\\.0\\.1",
        "localhost",
        "\\[::1\\]",
        "app\\.example",
        "App\\.example",
        "127\\.0\\.0\\.1\\.evil\\.example",
        "localhost\\.",
        "127\\.1",
        "\\[::ffff:7f00:1\\]",
        "a@app\\.example",
        "[a-z]{1,3}\\.example"
    ];
    let port = prop_oneof![Just(String::new()), "(:[0-9]{0,6})?"];
    let tail = prop_oneof!["/?", "(/[a-z.%~]{0,3}){0,3}", "/[a-z]{0,2}\\?[a-z=&/]{0,6}", "[ -~]{0,8}"];
    (scheme, host, port, tail).prop_map(|(scheme, host, port, tail)| format!("{scheme}://{host}{port}{tail}"))
}

/// The text with one character taken out, put in or changed.
fn changed(text: &str, at: usize, by: Option<char>, is_new: bool) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at % (characters.len() + 1);
    let rest = characters.split_off(at);
    characters.into_iter().chain(by).chain(rest.into_iter().skip(usize::from(!is_new))).collect()
}

/// The path without the one slash at its end that says nothing.
fn path(url: &Url) -> &str {
    let path = url.path();
    if url.query().is_some() || path.ends_with("//") { path } else { path.strip_suffix('/').unwrap_or(path) }
}

fn offered() -> Vec<ScopeInfo> {
    [("a", ScopeGrant::ByDefault), ("b", ScopeGrant::OnRequest), ("c:d", ScopeGrant::ByDefault)]
        .map(|(name, grant)| ScopeInfo::new(name, "Does it", grant))
        .to_vec()
}

fn scope_list() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["a", "b", "c:d", "e", "offline_access", "", "\"", "[ -~]{1,4}"], 0..6)
        .prop_map(|parts| parts.join(" "))
}

fn scope_set() -> impl Strategy<Value = ScopeSet> {
    proptest::collection::btree_set("[a-e]", 0..5)
        .prop_map(|names| names.iter().filter_map(|name| name.parse::<Scope>().ok()).collect())
}

/// Scopes that imply each other in any way, in circles, too.
fn implying() -> impl Strategy<Value = Vec<ScopeInfo>> {
    proptest::collection::vec(("[a-e]", "[a-e]"), 0..8).prop_map(|pairs| {
        let implied_by = |name: &str| {
            pairs
                .iter()
                .filter(|(broader, _)| broader == name)
                .map(|(_, narrower)| narrower.clone())
                .collect::<Vec<_>>()
        };
        let info = |name: &'static str| {
            implied_by(name).into_iter().fold(ScopeInfo::on_request(name, "Does it"), ScopeInfo::implying)
        };
        ["a", "b", "c", "d", "e"].map(info).to_vec()
    })
}

/// The same cases in every run: what is to be searched for is searched for on purpose, by another seed.
fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(7636),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_answer_goes_where_the_client_said_or_to_another_port_of_the_own_machine(
        own in address(), at in 0usize..80, by in proptest::option::of(any::<char>()), is_new in any::<bool>(), other in address()
    ) {
        let Ok(registered) = RedirectUri::read(&own) else { return Ok(()) };
        prop_assert!(registered.allows(&own));
        for asked in [changed(&own, at, by, is_new), other] {
            if !registered.allows(&asked) || asked == own {
                continue;
            }
            prop_assert_eq!(kind_of(&own), RedirectKind::Loopback);
            let (mut left, mut right) = (Url::parse(&own).unwrap(), Url::parse(&asked).unwrap());
            prop_assert!(right.username().is_empty() && right.password().is_none() && right.fragment().is_none());
            for url in [&mut left, &mut right] {
                url.set_port(Some(1)).unwrap();
            }
            prop_assert_eq!(left, right, "{} allows {}", own, asked);
        }
    }

    #[test]
    fn what_is_taken_as_a_redirect_uri_cannot_break_a_header_or_a_policy(text in prop_oneof![address(), any::<String>()]) {
        let Ok(uri) = RedirectUri::read(&text) else { return Ok(()) };
        prop_assert_eq!(uri.as_str(), &text);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte)), "{}", text);
        prop_assert!(!host_of(&text).is_empty());
        let source = form_action_of(&text).unwrap();
        prop_assert!(!source.contains([' ', ';', ',', '*', '\'']), "{}", source);
        prop_assert!(!["javascript:", "data:", "file:"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme)));
    }

    #[test]
    fn one_spelling_is_its_own_spelling(text in prop_oneof![address(), any::<String>()]) {
        let Some(once) = normalize_resource(&text) else { return Ok(()) };
        prop_assert_eq!(normalize_resource(&once), Some(once.clone()));
        prop_assert!(!once.contains('#'));
    }

    #[test]
    fn another_spelling_never_reaches_another_place(left in address(), right in address()) {
        let (Some(one), Some(other)) = (normalize_resource(&left), normalize_resource(&right)) else { return Ok(()) };
        let (left, right) = (Url::parse(&left).unwrap(), Url::parse(&right).unwrap());
        let is_same = left.origin() == right.origin() && left.query() == right.query() && path(&left) == path(&right);
        prop_assert_eq!(one == other, is_same, "{} and {}", left, right);
    }

    #[test]
    fn no_resource_is_found_that_is_not_there(asked in proptest::collection::vec(address(), 0..4), there in proptest::collection::vec(address(), 0..4)) {
        let catalog = Catalog { resources: there.clone(), ..Catalog::default() };
        if let Some(found) = find_resources(asked.iter().map(String::as_str), &catalog, &[]) {
            prop_assert!(found.iter().all(|one| there.contains(one)));
            prop_assert_eq!(asked.is_empty(), found.is_empty());
        }
    }

    #[test]
    fn a_request_never_gets_a_scope_nobody_offers(asked in proptest::option::of(scope_list()), usual in scope_set()) {
        let Ok(chosen) = choose(asked.as_deref(), &usual, &offered()) else { return Ok(()) };
        let is_known = |scope: &Scope| scope.as_str() == OFFLINE_ACCESS || offered().iter().any(|info| info.name == scope.as_str());
        prop_assert!(chosen.iter().all(is_known));
        // What is given only when it is asked for by name was asked for, or is what the client usually gets.
        let asked: Vec<&str> = asked.iter().flat_map(|text| text.split(' ')).collect();
        prop_assert!(!chosen.has_named("b") || asked.contains(&"b") || usual.has_named("b"));
        prop_assert!(!chosen.has_named(OFFLINE_ACCESS) || asked.contains(&OFFLINE_ACCESS));
    }

    #[test]
    fn narrowing_never_widens(granted in scope_set(), asked in proptest::option::of(scope_set())) {
        match narrow_scopes(&granted, &granted, asked.as_ref()) {
            Ok(narrowed) => prop_assert!(granted.covers(&narrowed)),
            Err(_) => prop_assert!(!granted.covers(&asked.unwrap_or_default())),
        }
    }

    #[test]
    fn a_hierarchy_adds_what_is_implied_and_nothing_else(infos in implying(), one in scope_set(), other in scope_set()) {
        let hierarchy = ScopeHierarchy::of(&infos);
        let (closed, all) = (hierarchy.closed(&one), hierarchy.closed(&one.union(&other)));
        prop_assert!(closed.covers(&one), "nothing is lost");
        prop_assert_eq!(&hierarchy.closed(&closed), &closed, "once is enough");
        prop_assert!(all.covers(&closed), "with more there is no less");
        prop_assert_eq!(all, closed.union(&hierarchy.closed(&other)), "and nothing but what either brings");
        let implies = |broader: &str, narrower: &str| infos.iter().any(|info| info.name == broader && info.implies.iter().any(|name| name == narrower));
        for info in infos.iter().filter(|info| closed.has_named(&info.name)) {
            prop_assert!(info.implies.iter().all(|name| closed.has_named(name)), "whoever has {} has {:?}", info.name, info.implies);
        }
        for scope in closed.iter().filter(|scope| !one.has(scope)) {
            prop_assert!(closed.iter().any(|broader| implies(broader.as_str(), scope.as_str())), "{} comes of nothing", scope);
        }
        for scope in one.iter() {
            let own: ScopeSet = hierarchy.implied_by(scope).cloned().collect();
            let alone: ScopeSet = std::iter::once(scope.clone()).collect();
            prop_assert!(!own.has(scope));
            prop_assert_eq!(own.union(&alone), hierarchy.closed(&alone));
        }
    }

    #[test]
    fn narrowing_gives_what_is_implied_and_no_more(infos in implying(), granted in scope_set(), asked in proptest::option::of(scope_set())) {
        let hierarchy = ScopeHierarchy::of(&infos);
        let closed = hierarchy.closed(&granted);
        let wanted = asked.clone().unwrap_or_default();
        match narrow_scopes(&granted, &closed, asked.as_ref()) {
            Ok(narrowed) if wanted.is_empty() => prop_assert_eq!(narrowed, granted),
            Ok(narrowed) => {
                prop_assert!(closed.covers(&hierarchy.closed(&narrowed)), "what that brings was there before");
                prop_assert_eq!(narrowed, wanted);
            }
            Err(_) => prop_assert!(!closed.covers(&wanted) && !granted.covers(&wanted)),
        }
    }

    #[test]
    fn sets_of_scopes_are_sets(one in scope_set(), other in scope_set()) {
        prop_assert_eq!(one.to_string().parse::<ScopeSet>().unwrap(), one.clone());
        prop_assert!(one.union(&other).covers(&one) && one.covers(&one.intersection(&other)));
        prop_assert_eq!(one.missing(&other).is_empty(), one.covers(&other));
        prop_assert!(one.missing(&other).intersection(&one).is_empty());
        prop_assert_eq!(one.missing(&other).union(&one.intersection(&other)), other);
    }

    #[test]
    fn a_verifier_fits_its_own_challenge_alone(
        verifier in "[A-Za-z0-9._~-]{43,128}", at in 0usize..128, by in proptest::option::of(any::<char>()), is_new in any::<bool>()
    ) {
        let challenge = Challenge::read(&base64url(&sha256(verifier.as_bytes()))).unwrap();
        prop_assert!(challenge.is_met_by(&verifier));
        let other = changed(&verifier, at, by, is_new);
        prop_assert_eq!(challenge.is_met_by(&other), other == verifier);
        // `plain` would take the challenge itself.
        prop_assert!(!challenge.is_met_by(&base64url(&sha256(verifier.as_bytes()))));
    }

    #[test]
    fn no_verifier_but_one_of_the_grammar_meets_a_challenge(verifier in prop_oneof!["[A-Za-z0-9._~-]{0,42}", "[A-Za-z0-9._~-]{129,140}", "[ -~]{43,60}", any::<String>()]) {
        let challenge = Challenge::read(&base64url(&sha256(verifier.as_bytes()))).unwrap();
        let is_verifier = (43..=128).contains(&verifier.len())
            && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        prop_assert_eq!(challenge.is_met_by(&verifier), is_verifier, "{:?}", verifier);
    }

    #[test]
    fn what_is_found_is_what_was_asked_for_and_each_place_once(
        there in proptest::collection::vec(address(), 1..5), picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6)
    ) {
        let there: Vec<String> = there.iter().filter_map(|text| normalize_resource(text)).collect();
        prop_assume!(!there.is_empty());
        let catalog = Catalog { resources: there.clone(), ..Catalog::default() };
        // Scheme and host are written as one likes.
        let asked: Vec<String> = picks.iter().map(|(pick, is_loud)| {
            let text = pick.get(&there);
            let scheme = text.find("://").unwrap();
            if *is_loud { format!("{}{}", text[..scheme].to_uppercase(), &text[scheme..]) } else { text.clone() }
        }).collect();
        let found = find_resources(asked.iter().map(String::as_str), &catalog, &[]).unwrap();
        for one in &found {
            prop_assert_eq!(found.iter().filter(|other| normalize_resource(other) == normalize_resource(one)).count(), 1);
        }
        let places = |texts: &[String]| texts.iter().map(|text| normalize_resource(text)).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(places(&found), places(&asked));
    }

    #[test]
    fn no_resource_of_the_grant_is_left_or_gained_by_asking(
        granted in proptest::collection::btree_set("[a-e]", 0..5), asked in proptest::collection::btree_set("[a-g]", 0..4)
    ) {
        let (granted, asked): (Vec<String>, Vec<String>) = (granted.into_iter().collect(), asked.into_iter().collect());
        match narrow_resources(&granted, &asked) {
            Ok(narrowed) if asked.is_empty() => prop_assert_eq!(narrowed, granted),
            Ok(narrowed) => prop_assert!(narrowed == asked && asked.iter().all(|one| granted.contains(one))),
            Err(_) => prop_assert!(asked.iter().any(|one| !granted.contains(one))),
        }
    }

    #[test]
    fn allowing_is_the_same_from_either_side(one in address(), other in address(), port in 1u16..) {
        let (Ok(left), Ok(right)) = (RedirectUri::read(&one), RedirectUri::read(&other)) else { return Ok(()) };
        prop_assert_eq!(left.allows(&other), right.allows(&one), "{} and {}", one, other);
        // Another port of the own machine, and of nowhere else.
        let Ok(mut moved) = Url::parse(&one) else { return Ok(()) };
        if moved.set_port(Some(port)).is_ok() && moved.as_str() != one && Url::parse(&one).unwrap().as_str() == one && moved.port().is_some() {
            prop_assert_eq!(left.allows(moved.as_str()), kind_of(&one) == RedirectKind::Loopback, "{} and {}", one, moved);
        }
    }

    #[test]
    fn a_scope_list_is_read_as_a_set_of_what_is_there(text in scope_list()) {
        let known = known_in(&text, &offered());
        let parts: Vec<&str> = text.split(' ').collect();
        prop_assert!(known.iter().all(|scope| parts.contains(&scope.as_str())));
        let again: Vec<&str> = parts.iter().rev().chain(&parts).copied().collect();
        prop_assert_eq!(known_in(&again.join(" "), &offered()), known);
    }

    #[test]
    fn a_challenge_is_43_characters_of_base64url(text in any::<String>()) {
        if Challenge::read(&text).is_some() {
            prop_assert!(text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        }
    }
}
