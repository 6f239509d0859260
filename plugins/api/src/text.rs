//! Texts that people choose and others are shown.

/// Whether nobody sees a character: controls, and the format characters that hide or reorder text (Unicode TR36 section 2).
#[must_use]
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A name that somebody chose and a stranger reads: whatever a mail program would make a link of is none any more.
#[must_use]
pub fn unlinked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        plain.push(letter);
        if matches!(letter, '.' | ':' | '/' | '@') && letters.peek().is_some_and(|next| !next.is_whitespace()) {
            plain.push(' ');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::unlinked;

    #[test]
    fn names_bring_no_links_into_letters() {
        assert_eq!(unlinked("Win at https://evil.example/now"), "Win at https: / / evil. example/ now");
        assert_eq!(unlinked("Acme & Co. Ltd."), "Acme & Co. Ltd.");
    }
}
