//! The kinds of values a section can be asked for.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, path::PathBuf, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::{
    Origin, Problem, Section,
    ledger::place,
    nearest::nearest,
    raw::{Fault, Raw, Shape, quoted},
    units,
};

const TEXT: &str = "a text that is not empty";
const WEB_ADDRESS: &str = "an http or https address";
const LIST: &str = "a list of texts";
const COUNTS: &str = "a table of whole numbers, none of them negative";
const MAP: &str = "a table of texts";

impl Section {
    /// A text that is not empty.
    pub fn string(&mut self, key: &str, default: &str) -> String {
        self.usually(key, default.to_owned(), &Shape { expected: TEXT, read: &text, show: &|value| quoted(value) })
    }

    /// A text without a default; an empty one counts as not set.
    pub fn opt_string(&mut self, key: &str) -> Option<String> {
        self.maybe(key, &Shape { expected: TEXT, read: &text, show: &|value| quoted(value) })
    }

    /// `true` or `false`; in the environment also `1`, `0`, `yes`, `no`, `on`, `off`.
    pub fn boolean(&mut self, key: &str, default: bool) -> bool {
        self.usually(key, default, &Shape { expected: "true or false", read: &boolean, show: &bool::to_string })
    }

    /// A switch that weakens security: its key is `danger_<name>` and it is off unless the operator turns it on.
    pub fn danger(&mut self, name: &str) -> bool {
        self.boolean(&format!("danger_{name}"), false)
    }

    /// A whole number in `range`.
    pub fn integer<T>(&mut self, key: &str, range: RangeInclusive<T>, default: T) -> T
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let expected = whole_number(&range);
        let read = |raw: &Raw| read_integer(raw, &range);
        self.usually(key, default, &Shape { expected: &expected, read: &read, show: &T::to_string })
    }

    /// As [`integer`](Self::integer), without a default.
    pub fn opt_integer<T>(&mut self, key: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let expected = whole_number(&range);
        self.maybe(key, &Shape { expected: &expected, read: &|raw| read_integer(raw, &range), show: &T::to_string })
    }

    /// A time in whole seconds, in `range`. By convention the key ends with `_seconds`.
    pub fn seconds(&mut self, key: &str, range: RangeInclusive<u64>, default: Duration) -> Duration {
        let expected = format!("a whole number of seconds from {} to {}", range.start(), range.end());
        let read = |raw: &Raw| {
            let number = raw.integer().ok_or(Fault::Kind)?;
            let fits = u64::try_from(number).ok().filter(|value| range.contains(value));
            let fits = fits.ok_or_else(|| Fault::Because(format!("{number} seconds is out of range")))?;
            Ok(Duration::from_secs(fits))
        };
        self.usually(
            key,
            default,
            &Shape { expected: &expected, read: &read, show: &|value| value.as_secs().to_string() },
        )
    }

    /// A time with its unit, such as `"90s"`, `"15m"`, `"12h"` or `"7d"`, in `range`. A bare number is seconds.
    pub fn duration(&mut self, key: &str, range: RangeInclusive<Duration>, default: Duration) -> Duration {
        let (least, most) = (units::show_duration(*range.start()), units::show_duration(*range.end()));
        let expected = format!("a time such as \"15m\", from \"{least}\" to \"{most}\"");
        let read = |raw: &Raw| {
            let value = units::duration(raw).ok_or(Fault::Kind)?;
            if range.contains(&value) { Ok(value) } else { Err(Fault::Because("the time is out of range".to_owned())) }
        };
        let show = |value: &Duration| quoted(&units::show_duration(*value));
        self.usually(key, default, &Shape { expected: &expected, read: &read, show: &show })
    }

    /// A size: a number of bytes, or a text such as `"1 MiB"`, in `range`.
    pub fn bytes(&mut self, key: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let (least, most) = (units::show_bytes(*range.start()), units::show_bytes(*range.end()));
        let expected = format!("a size such as \"1 MiB\", from \"{least}\" to \"{most}\"");
        let read = |raw: &Raw| {
            let value = units::bytes(raw).ok_or(Fault::Kind)?;
            if range.contains(&value) { Ok(value) } else { Err(Fault::Because("the size is out of range".to_owned())) }
        };
        let show = |value: &u64| quoted(&units::show_bytes(*value));
        self.usually(key, default, &Shape { expected: &expected, read: &read, show: &show })
    }

    /// A list of texts; in the environment separated by commas, or a JSON array.
    pub fn list(&mut self, key: &str, default: &[&str]) -> Vec<String> {
        let read = |raw: &Raw| raw.list().ok_or(Fault::Kind);
        let default = default.iter().map(|&item| item.to_owned()).collect();
        self.usually(key, default, &Shape { expected: LIST, read: &read, show: &|items| show_list(items) })
    }

    /// One text or a list of texts; in the environment separated by commas, or a JSON array. Empty by default.
    pub fn one_or_more(&mut self, key: &str) -> Vec<String> {
        let read = |raw: &Raw| match raw.one_or_more() {
            Some(items) if items.iter().all(|item| item.trim().is_empty()) => Ok(Vec::new()),
            Some(items) => Ok(items),
            None => Err(Fault::Kind),
        };
        let shape = Shape { expected: "a text or a list of texts", read: &read, show: &|items| show_list(items) };
        self.usually(key, Vec::new(), &shape)
    }

    /// Texts under names, such as `{ name = "value" }`; in the environment a JSON object. Empty by default.
    pub fn map(&mut self, key: &str) -> BTreeMap<String, String> {
        let read = |raw: &Raw| raw.map().ok_or(Fault::Kind);
        self.usually(key, BTreeMap::new(), &Shape { expected: MAP, read: &read, show: &|map| show_map(map, false) })
    }

    /// Whole numbers under names, such as `{ name = 3 }`; in the environment a JSON object. Empty by default.
    pub fn counts(&mut self, key: &str) -> BTreeMap<String, u64> {
        let read = |raw: &Raw| raw.counts().ok_or(Fault::Kind);
        let show = |map: &BTreeMap<String, u64>| {
            let entries: Vec<String> = map.iter().map(|(name, count)| format!("{} = {count}", quoted(name))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        };
        self.usually(key, BTreeMap::new(), &Shape { expected: COUNTS, read: &read, show: &show })
    }

    /// As [`map`](Self::map); the values may be secret, so only the names are ever shown.
    pub fn secret_map(&mut self, key: &str) -> BTreeMap<String, SecretString> {
        let read = |raw: &Raw| raw.map().ok_or(Fault::Kind);
        let shape = Shape { expected: MAP, read: &read, show: &|map| show_map(map, true) };
        let map = self.usually(key, BTreeMap::new(), &shape);
        map.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()
    }

    /// A list of which every item is read with `parse`; empty by default. `parse` gives back what is wrong with an
    /// item, without repeating it; bad items are left out and noted under their number.
    pub fn parsed_list<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>, remedy: &str) -> Vec<T> {
        let items = self.list(key, &[]);
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match parse(item) {
                Ok(value) => values.push(value),
                Err(message) => {
                    let path = self.path_of(key);
                    let origin = self.ledger().origin(&path).unwrap_or(Origin::Default);
                    let message = format!("entry {}: {message}", index + 1);
                    let place = place(&format!("{path}[{index}]"), &origin);
                    self.ledger().add(Problem::new(place, message, remedy));
                }
            }
        }
        values
    }

    /// An absolute http or https address, without a default.
    pub fn opt_url(&mut self, key: &str) -> Option<Url> {
        self.maybe(key, &Shape { expected: WEB_ADDRESS, read: &url, show: &|value| quoted(value.as_str()) })
    }

    /// An absolute http or https address.
    pub fn url(&mut self, key: &str, default: Url) -> Url {
        self.usually(key, default, &Shape { expected: WEB_ADDRESS, read: &url, show: &|value| quoted(value.as_str()) })
    }

    /// A path in the file system. A relative one is relative to the working directory.
    pub fn path_buf(&mut self, key: &str, default: &str) -> PathBuf {
        PathBuf::from(self.string(key, default))
    }

    /// A path in the file system, without a default.
    pub fn opt_path_buf(&mut self, key: &str) -> Option<PathBuf> {
        self.opt_string(key).map(PathBuf::from)
    }

    /// One of several words. `true` and `false` may be among them and need no quotes.
    pub fn one_of<T: Copy + PartialEq>(&mut self, key: &str, choices: &[(&str, T)], default: T) -> T {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", words.join(", "));
        let read = |raw: &Raw| {
            let word = match raw {
                Raw::Toml(toml::Value::Boolean(value)) => value.to_string(),
                other => other.text().ok_or(Fault::Kind)?.trim().to_ascii_lowercase(),
            };
            let choice = choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice);
            choice.ok_or_else(|| match nearest(&word, words.iter().copied()) {
                Some(near) => Fault::Because(format!("not a known word; did you mean `{near}`?")),
                None => Fault::Kind,
            })
        };
        let show = |value: &T| {
            let word = choices.iter().find(|(_, choice)| choice == value).map_or("", |(word, _)| *word);
            if matches!(word, "true" | "false") { word.to_owned() } else { quoted(word) }
        };
        self.usually(key, default, &Shape { expected: &expected, read: &read, show: &show })
    }

    /// A text read with `parse`, which gives back what is wrong with it, without repeating it.
    pub fn parsed<T: Display>(
        &mut self,
        key: &str,
        default: T,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let read = |raw: &Raw| parse(raw.text().ok_or(Fault::Kind)?.trim()).map_err(Fault::Because);
        self.usually(key, default, &Shape { expected, read: &read, show: &|value| quoted(&value.to_string()) })
    }

    /// As [`parsed`](Self::parsed); a whole number is handed over as its digits.
    pub fn parsed_or_number<T: Display>(
        &mut self,
        key: &str,
        default: T,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let read = |raw: &Raw| match raw.integer() {
            Some(number) => parse(&number.to_string()).map_err(Fault::Because),
            None => parse(raw.text().ok_or(Fault::Kind)?.trim()).map_err(Fault::Because),
        };
        self.usually(key, default, &Shape { expected, read: &read, show: &|value| quoted(&value.to_string()) })
    }

    /// As [`parsed`](Self::parsed), without a default; an empty text counts as not set.
    pub fn opt_parsed<T: Display>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let read = |raw: &Raw| parse(raw.text().ok_or(Fault::Kind)?.trim()).map_err(Fault::Because);
        self.maybe(key, &Shape { expected, read: &read, show: &|value| quoted(&value.to_string()) })
    }
}

fn whole_number<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

fn read_integer<T: PartialOrd + TryFrom<i64>>(raw: &Raw, range: &RangeInclusive<T>) -> Result<T, Fault> {
    let number = raw.integer().ok_or(Fault::Kind)?;
    let fits = T::try_from(number).ok().filter(|value| range.contains(value));
    fits.ok_or_else(|| Fault::Because(format!("{number} is out of range")))
}

fn text(raw: &Raw) -> Result<String, Fault> {
    match raw.text() {
        Some(value) if !raw.is_blank() => Ok(value.to_owned()),
        Some(_) => Err(Fault::Because("it is empty".to_owned())),
        None => Err(Fault::Kind),
    }
}

fn boolean(raw: &Raw) -> Result<bool, Fault> {
    raw.boolean().ok_or(Fault::Kind)
}

fn url(raw: &Raw) -> Result<Url, Fault> {
    let text = raw.text().ok_or(Fault::Kind)?;
    let url = Url::parse(text.trim()).map_err(|error| Fault::Because(format!("not an address: {error}")))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(Fault::Kind) }
}

fn show_list(items: &[String]) -> String {
    toml::Value::Array(items.iter().cloned().map(toml::Value::String).collect()).to_string()
}

fn show_map(map: &BTreeMap<String, String>, is_secret: bool) -> String {
    let entries = map.iter().map(|(name, value)| {
        let value = if is_secret { "(secret)" } else { value };
        format!("{} = {}", quoted(name), quoted(value))
    });
    let entries = entries.collect::<Vec<_>>().join(", ");
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {entries} }}") }
}
