//! Names with stars.

use std::fmt;

/// A name, or a pattern in which each `*` stands for any characters, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Reads one. Every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether a name is meant, letter by letter.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut left) = name.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let Some(at) = left.find(part) else { return false };
            left = left.get(at + part.len()..).unwrap_or_default();
        }
        left.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, right, wrong) in [
            ("export", &["export"][..], &["exports", "Export", "", "my_export"][..]),
            ("export*", &["export", "export_csv"], &["my_export", "exp"]),
            ("*export", &["export", "my_export"], &["export_csv"]),
            ("a*b*c", &["abc", "a-b-c", "abbc", "abcbc"], &["ab", "acb", "abcd"]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("*", &["", "anything", "notes://5"], &[]),
            ("notes://*/private", &["notes://5/private", "notes:///private"], &["notes://5/public"]),
            ("ä*ö", &["äö", "äüö"], &["ä"]),
        ] {
            for name in right {
                assert!(Pattern::new(pattern).matches(name), "{pattern} {name}");
            }
            for name in wrong {
                assert!(!Pattern::new(pattern).matches(name), "{pattern} {name}");
            }
        }
    }
}
