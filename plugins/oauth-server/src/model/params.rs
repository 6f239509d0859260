//! Parameters as they come in a query or a form (RFC 6749 sections 3.1 and 3.2, appendix B).

use url::form_urlencoded;

/// The one parameter that may come several times (RFC 8707 section 2).
const REPEATABLE: &str = "resource";

/// Decoded parameters. Those without a value count as left out (RFC 6749 section 3.1).
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

/// A parameter came more than once, so nobody can say which one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated;

impl Params {
    /// Reads `application/x-www-form-urlencoded`; `None` when a value holds control characters or is no UTF-8, which no
    /// parameter of the protocol may.
    pub fn read(encoded: &[u8]) -> Option<Self> {
        let mut pairs = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if [&name, &value].iter().any(|text| text.contains(is_junk)) {
                return None;
            }
            if !value.is_empty() {
                pairs.push((name.into_owned(), value.into_owned()));
            }
        }
        Some(Self(pairs))
    }

    /// The value of a parameter that may come once.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Repeated> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(Repeated),
        }
    }

    /// The value of a parameter, once [`has_repetition`](Self::has_repetition) has been ruled out; none when it came twice.
    pub fn get(&self, name: &'static str) -> Option<&str> {
        self.one(name).ok().flatten()
    }

    /// Every value of a parameter.
    pub fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every parameter, in its order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every parameter whose name begins with `prefix`: the rest of the name, and the value.
    pub fn beginning_with(&self, prefix: &'static str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }

    /// Whether any parameter that may come once came more often, known here or not.
    pub fn has_repetition(&self) -> bool {
        let mut names: Vec<&str> =
            self.0.iter().map(|(key, _)| key.as_str()).filter(|key| *key != REPEATABLE).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() != count
    }
}

fn is_junk(character: char) -> bool {
    character.is_control() || character == char::REPLACEMENT_CHARACTER
}

#[cfg(test)]
mod tests {
    use super::{Params, Repeated};

    fn read(text: &str) -> Params {
        Params::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_value_counts_as_left_out() {
        let params = read("scope=&state=a+b%2Bc");
        assert_eq!(params.one("scope"), Ok(None));
        assert_eq!(params.one("state"), Ok(Some("a b+c")));
    }

    #[test]
    fn a_repeated_parameter_is_noticed_and_a_repeated_resource_is_fine() {
        let params = read("client_id=a&client_id=b&resource=x&resource=y");
        assert_eq!(params.one("client_id"), Err(Repeated));
        assert!(params.has_repetition());
        assert!(!read("client_id=a&resource=x&resource=y").has_repetition());
        assert!(read("mine=1&mine=2").has_repetition());
    }

    #[test]
    fn control_characters_and_broken_utf8_are_refused() {
        for text in ["state=%00", "state=a%0d%0aLocation:x", "state=%ff", "%00=x"] {
            assert!(Params::read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
