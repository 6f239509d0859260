//! `.env`: variables that stand in a file instead of the environment.
//!
//! `NAME=value`, one a line, as shells and other readers of such files take it: `export` in front, `#` for comments, quotes
//! around values with spaces (`'...'` to the letter, `"..."` with `\n`, `\t`, `\"`, `\\` and `\$`, over several lines if need
//! be). Nothing is put in for `$NAME`. What cannot be read is told by its line, never by its text, which may be a secret.

use std::path::Path;

use belgie_api::settings::Problem;

/// Reads a file. The last line wins when a name stands there twice.
pub(super) fn read(path: &Path, text: &str) -> (Vec<(String, String)>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.is_empty() {
        let line = text.get(..text.len() - rest.len()).unwrap_or_default().matches('\n').count() + 1;
        let (here, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if here.trim().is_empty() || here.trim_start().starts_with('#') {
            rest = after;
            continue;
        }
        match entry(rest) {
            Ok((name, value, after)) => {
                found.push((name, value));
                rest = after;
            }
            Err(message) => {
                let remedy = "write NAME=value, or NAME=\"value\" when it has spaces, quotes or several lines";
                problems.push(Problem::new(format!("{}:{line}", path.display()), message, remedy));
                rest = after;
            }
        }
    }
    (found, problems)
}

/// The variable at the beginning of a text, and what comes after its line.
fn entry(text: &str) -> Result<(String, String, &str), &'static str> {
    let (name, after) = text.split_once('=').filter(|(name, _)| !name.contains('\n')).ok_or("there is no `=`")?;
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim_start();
    let is_name = !name.is_empty()
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.');
    if !is_name {
        return Err("what stands before `=` is not a name");
    }
    let after = after.trim_start_matches([' ', '\t']);
    let (value, after) = match after.chars().next() {
        Some('\'') => literal(after)?,
        Some('"') => quoted(after)?,
        _ => return Ok(plain(name, after)),
    };
    let (tail, next) = after.split_once('\n').unwrap_or((after, ""));
    let tail = tail.trim();
    if !tail.is_empty() && !tail.starts_with('#') {
        return Err("there is something after the closing quote");
    }
    Ok((name.to_owned(), value, next))
}

/// Up to the end of the line, or to a comment, which begins with a space.
fn plain<'a>(name: &str, text: &'a str) -> (String, String, &'a str) {
    let (here, next) = text.split_once('\n').unwrap_or((text, ""));
    let comment = if here.starts_with('#') { Some(0) } else { here.find(" #").or_else(|| here.find("\t#")) };
    let value = comment.and_then(|at| here.get(..at)).unwrap_or(here).trim();
    (name.to_owned(), value.to_owned(), next)
}

fn literal(text: &str) -> Result<(String, &str), &'static str> {
    let (value, after) = text.strip_prefix('\'').and_then(|text| text.split_once('\'')).ok_or("a quote never ends")?;
    Ok((value.to_owned(), after))
}

fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, letter @ ('"' | '\\' | '$'))) => value.push(letter),
                _ => return Err("a backslash stands before a letter it means nothing to"),
            },
            letter => value.push(letter),
        }
    }
    Err("a quote never ends")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read;

    #[test]
    fn values_are_read_as_other_readers_of_such_files_do() {
        let text = "\u{feff}# comment\n\nBELGIE_A=plain value # why\r\nexport BELGIE_B='to the $letter # too'\n  BELGIE_C = \"two\\nlines\\t\\\"\\$\"  # x\n\
                    BELGIE_D=\"over\ntwo lines\"\nBELGIE_E=\nBELGIE_F=a#b=c\nBELGIE_G=#\nBELGIE_A=again";
        let (found, problems) = read(Path::new(".env"), text);
        assert!(problems.is_empty(), "{problems:?}");
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            found,
            [
                ("BELGIE_A", "plain value"),
                ("BELGIE_B", "to the $letter # too"),
                ("BELGIE_C", "two\nlines\t\"$"),
                ("BELGIE_D", "over\ntwo lines"),
                ("BELGIE_E", ""),
                ("BELGIE_F", "a#b=c"),
                ("BELGIE_G", ""),
                ("BELGIE_A", "again"),
            ]
        );
    }

    #[test]
    fn every_line_that_cannot_be_read_is_told_by_its_number_and_not_by_its_text() {
        let text = "hunter2\nBELGIE_A=1\n9LIVES=hunter2\nA B=hunter2\nBELGIE_B='hunter2' hunter2\nBELGIE_C=\"\\hunter2\"\nBELGIE_D='hunter2";
        let (found, problems) = read(Path::new(".env"), text);
        assert_eq!(found, [("BELGIE_A".to_owned(), "1".to_owned())]);
        let places: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(places, [".env:1", ".env:3", ".env:4", ".env:5", ".env:6", ".env:7"]);
        assert!(!format!("{problems:?}").contains("hunter2"), "a line may be a secret");
    }
}
