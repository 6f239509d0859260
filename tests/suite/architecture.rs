//! The house rules that can be read off the source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no source in {folder}");
    let name = |path: &Path| path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("readable source"))).collect()
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

/// The code of a file without its unit tests and comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The layer of each module of the machine; a module may use lower layers and its own.
const LAYERS: [(&str, u8); 20] = [
    ("config", 0),
    ("outbound", 0),
    ("tasks", 0),
    ("telemetry", 0),
    ("db", 0),
    ("store", 1),
    ("limits", 2),
    ("audit", 2),
    ("events", 2),
    ("mail", 2),
    ("pages", 2),
    ("identity", 3),
    ("access", 4),
    ("auth", 4),
    ("mcp", 5),
    ("registry", 5),
    ("web", 5),
    ("gateway", 6),
    ("cli", 7),
    ("main", 7),
];

#[test]
fn arrows_point_down_inside_the_machine() {
    let layers: BTreeMap<&str, u8> = LAYERS.into_iter().collect();
    let mut wrong = Vec::new();
    for (name, text) in rust_files("src") {
        let module = name.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
        if module == "lib" || is_test(&name) {
            continue;
        }
        let own = *layers.get(module.as_str()).unwrap_or_else(|| panic!("`{module}` has no layer yet"));
        for used in code(&text).split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if layers.get(used.as_str()).is_some_and(|layer| *layer > own) {
                wrong.push(format!("{name} uses {used}, which lies above it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Which plugin may know which other.
const EDGES: [(&str, &str); 3] = [("google", "oauth-client"), ("microsoft", "oauth-client"), ("team", "organization")];

#[test]
fn plugins_know_the_api_and_nothing_of_the_machine() {
    for folder in std::fs::read_dir(root().join("plugins")).expect("plugins").flatten() {
        let manifest = std::fs::read_to_string(folder.path().join("Cargo.toml")).expect("a manifest");
        let own: Vec<&str> = manifest.lines().filter(|line| line.starts_with("belgie")).collect();
        let name = folder.file_name().to_string_lossy().into_owned();
        let others = EDGES.iter().filter(|(from, _)| *from == name).map(|(_, to)| format!("belgie-{to}."));
        let known: Vec<String> = others.chain((name != "api").then(|| "belgie-api.".to_owned())).collect();
        let allowed = |line: &&str| known.iter().any(|known| line.starts_with(known.as_str()));
        assert!(own.iter().all(allowed), "{:?} depends on {own:?}", folder.file_name());
    }
}

#[test]
fn principals_and_callers_are_made_in_auth_and_access_only() {
    for (name, text) in rust_files("src").into_iter().chain(rust_files("plugins")) {
        let makes_one = code(&text).contains("belgie_api::host") || code(&text).contains("api::host");
        let may = name.starts_with("src/auth") || name.starts_with("src/access");
        assert!(!makes_one || may || is_test(&name), "{name} makes a principal or a caller");
    }
}

#[test]
fn rmcp_is_named_in_a_few_places_only() {
    let allowed = |name: &str| {
        name.starts_with("src/mcp")
            || name.starts_with("plugins/api/src/tools")
            || name.starts_with("plugins/api/src/caller")
            || name.ends_with("tools.rs")
            || name.ends_with("lib.rs")
    };
    for (name, text) in rust_files("src").into_iter().chain(rust_files("plugins")) {
        let is_named = code(&text).contains("rmcp::");
        assert!(!is_named || allowed(&name) || is_test(&name), "{name} names rmcp");
    }
}

#[test]
fn time_randomness_tasks_and_environment_have_one_place_each() {
    let banned: [(&str, &[&str]); 5] = [
        ("SystemTime::now", &["plugins/api/src/clock.rs"]),
        ("rand::fill", &["plugins/api/src/entropy.rs"]),
        ("tokio::spawn", &["src/tasks.rs"]),
        ("std::env::var", &["src/config/raw.rs", "src/config.rs"]),
        ("reqwest::", &["src/outbound", "src/cli/demo"]),
    ];
    for (name, text) in rust_files("src").into_iter().chain(rust_files("plugins")) {
        for (word, places) in banned {
            let is_home = places.iter().any(|place| name.starts_with(place));
            assert!(is_home || is_test(&name) || !code(&text).contains(word), "{name} uses {word}");
        }
    }
}

#[test]
fn handlers_know_neither_the_clock_nor_a_table() {
    // How long a request took is the edge's to say.
    let banned: [(&str, &[&str]); 4] =
        [("clock", &[]), (".now()", &[]), ("Instant::now", &["src/web/edge.rs"]), ("crate::store", &[])];
    let is_web = |name: &str| name == "src/web.rs" || name.starts_with("src/web/");
    let of_plugins = |name: &str| name.contains("/src/routes") || name.contains("/src/pages");
    for (name, text) in rust_files("src").into_iter().chain(rust_files("plugins")) {
        for (word, places) in banned {
            let is_handler = is_web(&name) || (word == "crate::store" && of_plugins(&name));
            let is_told = !is_handler || places.contains(&name.as_str()) || !code(&text).contains(word);
            assert!(is_told, "{name} names {word}: a service gives what it needs");
        }
    }
}

#[test]
fn sql_lives_in_stores() {
    for (name, text) in rust_files("src").into_iter().chain(rust_files("plugins")) {
        let has_sql = code(&text).contains("sqlx::query");
        let is_store = name.contains("/store") || name.contains("/db") || name == "src/events.rs";
        assert!(!has_sql || is_store || is_test(&name), "{name} has SQL of its own");
    }
}

#[test]
fn files_stay_short_and_are_never_called_mod() {
    let mut long = Vec::new();
    for folder in ["src", "plugins", "tests/suite"] {
        for (name, text) in rust_files(folder) {
            assert!(!name.ends_with("/mod.rs"), "{name}: use foo.rs beside foo/");
            let lines = code(&text).lines().filter(|line| !line.trim().is_empty()).count();
            if lines > 400 && !is_test(&name) {
                long.push(format!("{name}: {lines}"));
            }
        }
    }
    assert!(long.is_empty(), "files over 400 lines of code: {long:#?}");
}

#[test]
fn nothing_is_unfinished_and_nothing_panics_on_purpose() {
    for (name, text) in rust_files("src").into_iter().chain(rust_files("plugins")) {
        if is_test(&name) {
            continue;
        }
        let code = code(&text);
        for word in ["todo!(", "unimplemented!(", "panic!(", ".unwrap()", "#[allow("] {
            assert!(!code.contains(word), "{name} has {word}");
        }
        let excused = code.matches("clippy::expect_used").count();
        assert!(code.matches(".expect(").count() <= excused, "{name} expects without a reason");
    }
}

#[test]
fn plugins_bring_a_readme_and_their_tables_twice() {
    for folder in std::fs::read_dir(root().join("plugins")).expect("plugins").flatten() {
        let path = folder.path();
        if folder.file_name() == "api" {
            continue;
        }
        assert!(path.join("README.md").exists(), "{} has no README.md", path.display());
        let names = |engine: &str| -> Vec<_> {
            let mut names: Vec<_> = std::fs::read_dir(path.join("migrations").join(engine))
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names("sqlite"), names("postgres"), "{}", path.display());
    }
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).expect("a text");
    assert!(read("README.md").contains(&read("examples/notes.rs")), "put examples/notes.rs into README.md");
}

/// Whether there is a test of this name: a function behind `#[test]`, `#[tokio::test]` or inside one of the suite's macros.
fn is_a_test(source: &str, name: &str) -> bool {
    source.split(&format!("fn {name}(")).collect::<Vec<_>>().windows(2).any(|pair| {
        let before = pair[0].trim_end().trim_end_matches("async").trim_end();
        let line = before.lines().rev().map(str::trim).find(|line| !line.starts_with("//")).unwrap_or_default();
        line.starts_with("#[test]") || line.starts_with("#[tokio::test") || line.ends_with("! {")
    })
}

/// The files a cited test may stand in: any, or those its path names (`provider::google::somebody_signs_in`).
fn is_there(sources: &[(String, String)], cited: &str) -> bool {
    let (path, name) = cited.rsplit_once("::").unwrap_or(("", cited));
    let end = format!("{}.rs", path.replace("::", "/"));
    sources.iter().any(|(file, text)| (path.is_empty() || file.ends_with(&end)) && is_a_test(text, name))
}

#[test]
fn the_tables_of_features_are_whole_and_name_tests_that_exist() {
    let sources: Vec<(String, String)> = ["src", "plugins", "tests/suite"].into_iter().flat_map(rust_files).collect();
    let plugins = std::fs::read_dir(root().join("plugins")).expect("plugins").flatten().map(|entry| entry.path());
    let folders = plugins.chain([root().to_owned()]);
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for readme in folders.filter_map(|folder| std::fs::read_to_string(folder.join("README.md")).ok()) {
        for row in readme.lines().filter(|line| line.starts_with("| ")) {
            let number = row.trim_start_matches("| ").split(' ').next().unwrap_or_default();
            // A row may have neighbours of its own: 49a.
            let plain = number.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
            let Ok(feature) = plain.parse() else { continue };
            let proof = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
            let cited: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
            missing
                .extend(cited.iter().filter(|test| !is_there(&sources, test)).map(|test| format!("{number}: {test}")));
            if cited.is_empty() {
                missing.push(format!("{number} cites no test"));
            }
            if plain == number {
                rows.entry(feature).or_default().push(row.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "tests that do not exist: {missing:#?}");
    let twice: Vec<_> = rows.values().filter(|rows| rows.len() > 1).collect();
    assert!(twice.is_empty(), "features that stand in two rows: {twice:#?}");
    let all: Vec<u32> = (1..=126).chain(147..=164).collect();
    assert_eq!(rows.into_keys().collect::<Vec<_>>(), all, "each feature has its row");
}

/// The texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of all tables of a text whose last column says what proves them: what stands before, and the proof.
fn proven_rows(text: &str) -> Vec<(&str, &str)> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let row = line.trim_end_matches([' ', '|']);
        match (line.starts_with('|'), row.rsplit_once('|')) {
            (true, Some((_, last))) if last.trim() == "proved by" => is_inside = true,
            (true, Some((before, last))) if is_inside && !last.starts_with("--") => rows.push((before, last)),
            (true, _) => {}
            (false, _) => is_inside = false,
        }
    }
    rows
}

#[test]
fn the_duties_of_the_authorization_server_name_modules_and_tests_that_exist() {
    let folders = ["src", "plugins", "resource-server", "tests/suite"];
    let sources: Vec<(String, String)> = folders.into_iter().flat_map(rust_files).collect();
    let readme = std::fs::read_to_string(root().join("plugins/oauth-server/README.md")).expect("a text");
    let rows = proven_rows(&readme);
    assert!(rows.len() > 100, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (before, proof) in rows {
        let path = |name: &str| match name.split_once(".rs") {
            Some((_, "")) => Some(name.to_owned()),
            _ => (name.contains("::") && name.starts_with(|first: char| first.is_ascii_lowercase()))
                .then(|| format!("plugins/oauth-server/src/{}.rs", name.replace("::", "/"))),
        };
        wrong.extend(quoted(before).filter_map(path).filter(|path| !root().join(path).exists()));
        wrong.extend(quoted(proof).filter(|test| !is_there(&sources, test)).map(str::to_owned));
        if quoted(proof).next().is_none() {
            wrong.push(format!("nothing proves {before}"));
        }
    }
    assert!(wrong.is_empty(), "what does not exist: {wrong:#?}");
}

#[test]
fn the_checks_of_the_official_suite_are_where_the_table_says() {
    let sources = rust_files("tests/suite");
    let sources: Vec<_> = sources.into_iter().chain(rust_files("plugins/oauth-server")).collect();
    let folder = root().join("tests/conformance");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let readme = read("README.md");
    let (_, table) = readme.split_once("| scenario | check | where |").expect("the table of checks");
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let cells: Vec<&str> = row.split('|').collect();
        let check = quoted(cells[2]).next().expect("a check");
        for place in quoted(cells[3]) {
            let is_known = if place.contains(".mjs") { read(place).contains(check) } else { is_there(&sources, place) };
            if !is_known {
                wrong.push(format!("{check} is not in {place}"));
            }
        }
        count += 1;
    }
    assert!(count > 30, "only {count} rows");
    // And the other way round: no check is made that the table does not name.
    for entry in std::fs::read_dir(folder.join("checks")).expect("the checks").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a text");
        let names = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let names = names.filter(|name| ["auth-", "step-up-", "sep-"].iter().any(|start| name.starts_with(start)));
        wrong.extend(
            names
                .filter(|name| !table.contains(&format!("`{name}`")) && !table.contains(&format!("/{name}`")))
                .map(str::to_owned),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_guard_over_the_tables_sees_tests_and_nothing_else() {
    let source = "#[test]\nfn one() {}\nfn two() {}\nwith_idp! {\n    // Why.\n    async fn three(a: B) {}\n}\nfour => five, six;\nfive();";
    let sources = [("tests/suite/provider/google.rs".to_owned(), source.to_owned())];
    for (cited, expected) in [
        ("one", true),
        ("provider::google::one", true),
        ("provider::microsoft::one", false),
        ("two", false),
        ("three", true),
        ("five", false),
        ("nobody", false),
    ] {
        assert_eq!(is_there(&sources, cited), expected, "{cited}");
    }
}
