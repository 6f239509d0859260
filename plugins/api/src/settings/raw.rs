//! A value before it is checked.

use std::collections::BTreeMap;

use super::Origin;

/// A found value: typed TOML from the file, or plain text from the environment or the command line.
pub(super) enum Raw {
    Text(String),
    Toml(toml::Value),
}

/// A raw value and who gave it.
pub(super) struct Found {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// Why a raw value is not what was asked for.
pub(super) enum Fault {
    /// It is of another kind: the message names the kind and never the value.
    Kind,
    /// A reason of its own. Must not repeat text.
    Because(String),
}

/// How to read one kind of value: what to call it, how to convert it, how to show it to the operator.
pub(super) struct Shape<'a, T> {
    pub(super) expected: &'a str,
    pub(super) read: &'a dyn Fn(&Raw) -> Result<T, Fault>,
    pub(super) show: &'a dyn Fn(&T) -> String,
}

impl Raw {
    /// Whether it is an empty text, which for an optional setting means "not set".
    pub(super) fn is_blank(&self) -> bool {
        self.text().is_some_and(|text| text.trim().is_empty())
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Toml(toml::Value::String(_)) => "some other text",
            Self::Toml(toml::Value::Integer(_)) => "a number",
            Self::Toml(toml::Value::Float(_)) => "a number with a fraction",
            Self::Toml(toml::Value::Boolean(_)) => "true or false",
            Self::Toml(toml::Value::Datetime(_)) => "a date",
            Self::Toml(toml::Value::Array(_)) => "a list",
            Self::Toml(toml::Value::Table(_)) => "a table",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => Some(text),
            Self::Toml(_) => None,
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => None,
            },
            Self::Toml(value) => value.as_bool(),
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Toml(value) => value.as_integer(),
        }
    }

    /// A list of texts. From outside the file: a JSON array, or items separated by commas.
    pub(super) fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::Text(text) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok(),
            Self::Text(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(items.map(str::to_owned).collect())
            }
            Self::Toml(toml::Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
            }
            Self::Toml(_) => None,
        }
    }

    /// One text or a list of them.
    pub(super) fn one_or_more(&self) -> Option<Vec<String>> {
        match self {
            Self::Toml(toml::Value::String(text)) => Some(vec![text.clone()]),
            other => other.list(),
        }
    }

    /// Whole numbers under names. From outside the file: a JSON object.
    pub(super) fn counts(&self) -> Option<BTreeMap<String, u64>> {
        let count = |value: &toml::Value| u64::try_from(value.as_integer()?).ok();
        match self {
            Self::Text(text) => serde_json::from_str(text).ok(),
            Self::Toml(toml::Value::Table(table)) => {
                table.iter().map(|(name, value)| Some((name.clone(), count(value)?))).collect()
            }
            Self::Toml(_) => None,
        }
    }

    /// Texts under names. From outside the file: a JSON object.
    pub(super) fn map(&self) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Text(text) => serde_json::from_str(text).ok(),
            Self::Toml(toml::Value::Table(table)) => {
                table.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
            }
            Self::Toml(_) => None,
        }
    }
}

/// A text as it would stand in the file.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
