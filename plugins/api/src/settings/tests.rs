#![expect(clippy::disallowed_methods, reason = "a test is no part of the machine")]

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use secrecy::ExposeSecret;

use super::{Ledger, Origin, Problems, Section, environment_name};

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn section(text: &str, variables: &[(&str, &str)]) -> (Section, Ledger) {
    let ledger = Ledger::new(environment(variables));
    (Section::new("session", toml::from_str(text).unwrap(), &ledger), ledger)
}

fn problems(ledger: &Ledger) -> Problems {
    ledger.verdict().unwrap_err()
}

fn shown(ledger: &Ledger, path: &str) -> String {
    ledger.effective().iter().find(|entry| entry.path == path).unwrap().to_string()
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest_one() {
    let (mut section, ledger) = section("max_age = 5\nupdate_age_secnods = 4", &[]);
    section.seconds("max_age_seconds", 1..=10, Duration::from_secs(1));
    section.seconds("update_age_seconds", 1..=10, Duration::from_secs(1));
    section.finish();
    let found = problems(&ledger);
    let [max_age, update_age] = found.0.as_slice() else { panic!("{found}") };
    assert_eq!(max_age.path, "session.max_age");
    assert_eq!(max_age.remedy, "did you mean `max_age_seconds`? Known here: max_age_seconds, update_age_seconds");
    assert!(update_age.remedy.starts_with("did you mean `update_age_seconds`?"));
}

#[test]
fn a_key_in_the_wrong_section_is_pointed_to_the_right_one() {
    let ledger = Ledger::default();
    let mut root = Section::new("", toml::from_str("listen = '1.2.3.4:5'").unwrap(), &ledger);
    root.section("server", |server| server.string("listen", "127.0.0.1:8080"));
    root.finish();
    assert!(problems(&ledger).to_string().contains("did you mean `server.listen`?"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let (mut section, ledger) =
        section("a = 'x'\nb = 7\nc = 99\nd = 'laxx'\ne = [1]\nf = 'ftp://x'\ng = '7 parsec'", &[]);
    assert_eq!(section.integer("a", 1..=9, 4), 4);
    assert!(section.boolean("b", true));
    assert_eq!(section.integer("c", 1..=9, 4), 4);
    assert_eq!(section.one_of("d", &[("lax", 1), ("strict", 2)], 1), 1);
    assert!(section.list("e", &[]).is_empty());
    assert!(section.opt_url("f").is_none());
    assert_eq!(section.bytes("g", 0..=99, 7), 7);
    section.finish();
    let found = problems(&ledger);
    assert_eq!(found.0.len(), 7, "{found}");
    let text = found.to_string();
    assert!(text.contains("expected a whole number from 1 to 9, found some other text"), "{text}");
    assert!(text.contains("99 is out of range"), "{text}");
    assert!(text.contains("did you mean `lax`?"), "{text}");
    assert!(text.contains("take it out for the default, 4"), "{text}");
}

#[test]
fn values_come_with_their_units() {
    let (mut section, ledger) = section("a = '15m'\nb = '2 MiB'\nc = 90\nd = 2048\ne = true", &[]);
    let day = Duration::from_hours(24);
    assert_eq!(section.duration("a", Duration::ZERO..=day, day), Duration::from_mins(15));
    assert_eq!(section.bytes("b", 0..=u64::MAX, 1), 2 << 20);
    assert_eq!(section.duration("c", Duration::ZERO..=day, day), Duration::from_secs(90));
    assert_eq!(section.bytes("d", 0..=u64::MAX, 1), 2048);
    assert_eq!(section.one_of("e", &[("auto", 1), ("true", 2)], 1), 2);
    section.finish();
    ledger.verdict().unwrap();
    assert_eq!(shown(&ledger, "session.a"), "session.a = \"15m\"  # file");
    assert_eq!(shown(&ledger, "session.d"), "session.d = \"2 KiB\"  # file");
    assert_eq!(shown(&ledger, "session.e"), "session.e = true  # file");
}

#[test]
fn names_of_variables_follow_one_rule() {
    assert_eq!(environment_name("base_url"), "BELGIE_BASE_URL");
    assert_eq!(environment_name("session.max_age_seconds"), "BELGIE_SESSION_MAX_AGE_SECONDS");
    assert_eq!(environment_name("plugins.oauth-server.x"), "BELGIE_OAUTH_SERVER_X");
}

#[test]
fn a_variable_wins_over_the_file_and_the_command_line_over_both() {
    let (mut section, ledger) = section(
        "a = 1\nb = 1\nc = ['x']\nd = 1",
        &[("BELGIE_SESSION_A", "2"), ("BELGIE_SESSION_B", "2"), ("BELGIE_SESSION_C", "y, z"), ("BELGIE_SESSION_D", "")],
    );
    ledger.override_key("session.b", "3");
    assert_eq!(section.integer("a", 0..=9, 0), 2);
    assert_eq!(section.integer("b", 0..=9, 0), 3);
    assert_eq!(section.list("c", &[]), ["y", "z"]);
    assert_eq!(section.integer("d", 0..=9, 0), 1, "an empty variable counts as not set");
    assert_eq!(section.integer("e", 0..=9, 5), 5);
    section.finish();
    ledger.check_environment();
    ledger.verdict().unwrap();
    assert_eq!(ledger.origin("session.a"), Some(Origin::Environment("BELGIE_SESSION_A".to_owned())));
    assert_eq!(ledger.origin("session.b"), Some(Origin::CommandLine));
    assert_eq!(ledger.origin("session.d"), Some(Origin::File));
    assert_eq!(shown(&ledger, "session.e"), "session.e = 5  # default");
}

#[test]
fn a_bad_value_is_pointed_at_where_it_came_from() {
    let (mut section, ledger) = section("", &[("BELGIE_SESSION_MAX_SIZE", "big"), ("BELGIE_SESSION_PORTS", "80,http")]);
    ledger.override_key("session.page_size", "huge");
    section.integer("max_size", 0..=9, 0);
    section.integer("page_size", 0..=9, 0);
    let port = |text: &str| text.parse::<u16>().map_err(|_| "not a port".to_owned());
    assert_eq!(section.parsed_list("ports", port, "write numbers"), [80]);
    let found = problems(&ledger);
    let places: Vec<_> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(places, ["BELGIE_SESSION_MAX_SIZE", "--page-size", "BELGIE_SESSION_PORTS"]);
}

#[test]
fn an_alias_is_read_and_a_contradiction_refused() {
    let read = |variables: &[(&str, &str)]| {
        let (mut section, ledger) = section("", variables);
        section.alias("max_age_seconds", "BELGIE_SESSION_MAX_AGE");
        let value = section.integer("max_age_seconds", 0..=9, 1);
        ledger.check_environment();
        (value, ledger)
    };
    let (value, ledger) = read(&[("BELGIE_SESSION_MAX_AGE", "7")]);
    assert_eq!(value, 7);
    ledger.verdict().unwrap();
    let (_, ledger) = read(&[("BELGIE_SESSION_MAX_AGE", "7"), ("BELGIE_SESSION_MAX_AGE_SECONDS", "8")]);
    assert!(problems(&ledger).to_string().contains("another name of the same setting"));
}

#[test]
fn an_unknown_variable_is_reported_and_the_suites_own_are_not() {
    let (mut section, ledger) = section(
        "",
        &[
            ("BELGIE_SESION_MAX_AGE_SECONDS", "1"),
            ("BELGIE_TEST_POSTGRES_URL", "x"),
            ("BELGIE_CONFIG", "x"),
            ("HOME", "/"),
        ],
    );
    ledger.expect_variable("BELGIE_CONFIG");
    section.integer("max_age_seconds", 0..=9, 1);
    ledger.check_environment();
    let found = problems(&ledger);
    assert_eq!(found.0.len(), 1, "{found}");
    assert!(found.to_string().contains("did you mean `BELGIE_SESSION_MAX_AGE_SECONDS`?"), "{found}");
}

#[test]
fn a_variable_that_could_mean_two_keys_is_refused() {
    let ledger = Ledger::new(environment(&[("BELGIE_A_B_C", "1")]));
    let mut root = Section::new("", toml::Table::new(), &ledger);
    root.section("a_b", |section| section.integer("c", 0..=9, 0));
    root.section("a", |section| section.integer("b_c", 0..=9, 0));
    assert!(problems(&ledger).to_string().contains("it could mean `a_b.c` or `a.b_c`"));
}

#[test]
fn a_secret_is_never_shown() {
    let (mut section, ledger) =
        section("key = 'hunter2'\nother = 5\nkeyy = 'hunter2'", &[("BELGIE_SESSION_THIRD", "hunter2")]);
    let key = section.secret("key").unwrap();
    assert!(section.secret("other").is_none());
    let third = section.secret("third").unwrap();
    assert_eq!((key.expose_secret(), third.expose_secret()), ("hunter2", "hunter2"));
    let debug = format!("{section:?} {ledger:?} {key:?}");
    section.finish();
    let printed: String = ledger.effective().iter().map(ToString::to_string).collect();
    let all = format!("{debug} {printed} {}", problems(&ledger));
    assert!(!all.contains("hunter2"), "{all}");
    assert_eq!(shown(&ledger, "session.key"), "session.key = (secret)  # file");
}

#[test]
fn a_wrong_value_is_never_repeated() {
    let (mut section, ledger) =
        section("a = 'hunter2'\nb = 'hunter2'\nc = ['hunter2']\nd = 'http://u:hunter2@'\ne = 'hunter2'", &[]);
    section.integer("a", 0..=9, 0);
    section.one_of("b", &[("lax", 1)], 1);
    section.parsed_list("c", |_| Err::<u8, _>("not a number".to_owned()), "write numbers");
    section.opt_url("d");
    section.duration("e", Duration::ZERO..=Duration::MAX, Duration::ZERO);
    let found = problems(&ledger);
    assert_eq!(found.0.len(), 5, "{found}");
    assert!(!found.to_string().contains("hunter2"), "{found}");
}

#[test]
fn a_secret_may_come_from_a_file() {
    let file = std::env::temp_dir().join(format!("belgie-settings-{}", uuid::Uuid::now_v7()));
    std::fs::write(&file, "from the file\n").unwrap();
    let line = format!("key_file = '{}'", file.display());

    let (mut only_file, ledger) = section(&line, &[]);
    assert_eq!(only_file.secret("key").unwrap().expose_secret(), "from the file");
    only_file.finish();
    ledger.verdict().unwrap();

    let (mut overridden, ledger) = section(&line, &[("BELGIE_SESSION_KEY", "from outside")]);
    assert_eq!(overridden.secret("key").unwrap().expose_secret(), "from outside");
    ledger.verdict().unwrap();

    let (mut both, ledger) = section(&format!("key = 'inline'\n{line}"), &[]);
    assert!(both.secret("key").is_none());
    assert!(problems(&ledger).to_string().contains("`key` and `key_file` are both set"));
    std::fs::remove_file(&file).unwrap();

    let (mut gone, ledger) = section(&line, &[]);
    assert!(gone.secret("key").is_none());
    assert!(problems(&ledger).to_string().contains("cannot read"));
}

#[test]
fn sections_lists_of_tables_and_chosen_names_are_finished_by_themselves() {
    let text = "
        [[plan]]
        id = 'free'
        [[plan]]
        id = 'pro'
        prise = 5
        [upstreams.notes]
        url = 'https://notes.example/mcp'
        [limits]
        burst = 3
    ";
    let ledger = Ledger::new(environment(&[("BELGIE_UPSTREAMS_NOTES_URL", "https://other.example/mcp")]));
    let mut root = Section::new("", toml::from_str(text).unwrap(), &ledger);
    let plans = root.tables("plan", |plan| (plan.string("id", ""), plan.integer("price", 0..=9, 0)));
    assert_eq!(plans, [("free".to_owned(), 0), ("pro".to_owned(), 0)]);
    for (name, mut upstream) in root.children("upstreams") {
        assert_eq!(name, "notes");
        assert_eq!(upstream.opt_url("url").unwrap().as_str(), "https://other.example/mcp");
        upstream.finish();
    }
    root.section("limits", |_| ());
    root.finish();
    let found = problems(&ledger);
    let places: Vec<_> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(places, ["plan[1].prise", "limits.burst"]);
}

#[test]
fn a_required_key_is_asked_for_once() {
    let (mut section, ledger) = section("bad = 5", &[]);
    for key in ["client_id", "bad"] {
        let value = section.opt_string(key);
        assert!(section.require(key, value, "the id").is_none());
    }
    let found = problems(&ledger);
    assert_eq!(found.0.len(), 2, "{found}");
    assert!(found.to_string().contains("set `session.client_id` or BELGIE_SESSION_CLIENT_ID to the id"), "{found}");
}

#[test]
fn a_weakening_switch_carries_its_warning_in_its_name() {
    let (mut section, ledger) = section("danger_allow_http = true\nallow_http = true", &[]);
    assert!(section.danger("allow_http"));
    section.finish();
    assert!(problems(&ledger).to_string().contains("did you mean `danger_allow_http`?"));
}

#[test]
fn paths_and_parsed_values_keep_their_defaults() {
    let (mut section, ledger) = section("port = '70000'", &[]);
    assert_eq!(section.path_buf("dir", "./data"), PathBuf::from("./data"));
    let port = section.parsed("port", 80_u16, "a port", |text| text.parse().map_err(|_| "not a port".to_owned()));
    assert_eq!(port, 80);
    assert!(section.opt_parsed("peer", "a port", |text| text.parse::<u16>().map_err(|e| e.to_string())).is_none());
    assert_eq!(problems(&ledger).0.len(), 1);
}
