//! `examples/belgie.toml` promises to be complete and to say the defaults: these tests keep it honest.

use super::{BTreeMap, BTreeSet, Config, RawConfig, environment_name};

const REFERENCE: &str = include_str!("../../../examples/belgie.toml");

/// Keys stand as `#key = value`; prose has a space after its `#`.
fn uncommented() -> String {
    let key = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_lowercase());
    REFERENCE.lines().map(|line| line.strip_prefix('#').filter(key).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn effective(text: &str) -> BTreeMap<String, Option<String>> {
    let config = Config::draft(RawConfig::from_text(text)).unwrap().finish(&[]).unwrap();
    config.effective().into_iter().map(|entry| (entry.path, entry.value)).collect()
}

fn keys(prefix: &str, table: &toml::Table, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(table) => keys(&path, table, into),
            _ => assert!(into.insert(path)),
        }
    }
}

#[test]
fn as_it_is_it_changes_nothing() {
    assert_eq!(effective(REFERENCE), effective(""));
}

#[test]
fn its_values_are_the_defaults() {
    assert_eq!(effective(&uncommented()), effective(""));
}

#[test]
fn it_names_every_key_and_its_variable() {
    let mut named = BTreeSet::new();
    keys("", &uncommented().parse().unwrap(), &mut named);
    let known: BTreeSet<String> = effective("").into_keys().collect();
    assert_eq!(named, known);
    for path in known {
        let variable = environment_name(&path);
        assert!(REFERENCE.split([' ', '\n', ',']).any(|word| word == variable), "{variable} is missing");
    }
}
