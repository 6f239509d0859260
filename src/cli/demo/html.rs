//! As much HTML as a browser needs to fill in forms and to follow links: tags and attributes, read as a page means them.

/// A form of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent, as the page says it.
    pub action: String,
    /// What is sent: names and values, hidden fields included.
    pub fields: Vec<(String, String)>,
    /// Names and values of its buttons; only the one that is pressed is sent.
    pub buttons: Vec<(String, String)>,
    /// What can be ticked and is not yet; controls elsewhere on the page that say they belong here are among it.
    pub options: Vec<Choice>,
    id: String,
}

/// A box or a radio button of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// What is sent when it is ticked.
    pub value: String,
    /// Whether ticking it unticks all others of the name.
    pub is_radio: bool,
}

impl Form {
    /// Whether it has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }
}

/// All forms of a page that are sent with POST.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open: Option<Form> = None;
    let mut elsewhere = Vec::new();
    for tag in (Tags { rest: html }) {
        match (tag.name.as_str(), tag.is_end) {
            ("form", false) => {
                let is_post = tag.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
                open = is_post.then(|| Form { action: tag.text("action"), id: tag.text("id"), ..Form::default() });
            }
            ("form", true) => forms.extend(open.take()),
            ("input" | "button", false) if tag.get("form").is_some() => elsewhere.push(tag),
            ("input" | "button", false) => {
                if let Some(form) = &mut open {
                    add_control(form, &tag);
                }
            }
            _ => {}
        }
    }
    for tag in elsewhere {
        let owner = forms.iter_mut().find(|form| Some(form.id.as_str()) == tag.get("form"));
        if let Some(form) = owner {
            add_control(form, &tag);
        }
    }
    forms
}

/// The address of the first link with exactly these words.
pub fn link_named(html: &str, words: &str) -> Option<String> {
    let mut tags = Tags { rest: html };
    while let Some(tag) = tags.next() {
        if tag.name == "a" && !tag.is_end {
            let (inside, _) = tags.rest.split_once("</a")?;
            if decode(&text_of(inside)).trim() == words {
                return tag.get("href").map(str::to_owned);
            }
        }
    }
    None
}

/// What stands between the tags.
fn text_of(html: &str) -> String {
    let (start, rest) = html.split_once('<').unwrap_or((html, ""));
    let behind = rest.split('<').filter_map(|piece| piece.split_once('>'));
    behind.fold(start.to_owned(), |text, (_tag, more)| text + more)
}

/// The addresses of all links of a page, as the page says them.
pub fn links(html: &str) -> impl Iterator<Item = String> {
    let anchors = Tags { rest: html }.filter(|tag| tag.name == "a" && !tag.is_end);
    anchors.filter_map(|tag| tag.get("href").map(str::to_owned))
}

fn add_control(form: &mut Form, tag: &Tag) {
    let kind = match (tag.name.as_str(), tag.get("type")) {
        ("button", None) => "submit",
        (_, kind) => kind.unwrap_or("text"),
    };
    let Some(name) = tag.get("name").filter(|name| !name.is_empty()) else { return };
    let pair = (name.to_owned(), tag.text("value"));
    match kind {
        "submit" => form.buttons.push(pair),
        "button" | "reset" | "image" | "file" => {}
        "checkbox" | "radio" if tag.get("checked").is_none() => {
            form.options.push(Choice { name: pair.0, value: pair.1, is_radio: kind == "radio" });
        }
        _ => form.fields.push(pair),
    }
}

struct Tag {
    name: String,
    is_end: bool,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

struct Tags<'a> {
    rest: &'a str,
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        loop {
            let (_, after) = self.rest.split_once('<')?;
            if let Some(comment) = after.strip_prefix("!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            let (is_end, after) = after.strip_prefix('/').map_or((false, after), |after| (true, after));
            self.rest = after;
            if !after.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            let (name, after) = split_where(after, |c| c.is_whitespace() || matches!(c, '/' | '>'));
            let (attributes, rest) = attributes(after);
            self.rest = rest;
            return Some(Tag { name: name.to_ascii_lowercase(), is_end, attributes });
        }
    }
}

/// The attributes of a tag, and what follows the tag.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        if rest.is_empty() {
            return (found, rest);
        }
        let (name, after) = split_where(rest, |c| c.is_whitespace() || matches!(c, '=' | '/' | '>'));
        let Some(value) = after.trim_start().strip_prefix('=') else {
            found.push((name.to_ascii_lowercase(), String::new()));
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let quoted = ['"', '\''].into_iter().find_map(|quote| Some((quote, value.strip_prefix(quote)?)));
        let (value, after) = match quoted {
            Some((quote, value)) => value.split_once(quote).unwrap_or((value, "")),
            None => split_where(value, |c| c.is_whitespace() || c == '>'),
        };
        found.push((name.to_ascii_lowercase(), decode(value)));
        rest = after;
    }
}

fn split_where(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

/// Resolves character references: those by number, and the names that escaping produces.
fn decode(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut decoded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let reference = piece.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        let (character, after) = reference.unwrap_or(('&', piece));
        decoded.push(character);
        decoded.push_str(after);
    }
    decoded
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, forms, link_named, links};

    #[test]
    fn a_form_is_read_with_its_hidden_fields_and_its_buttons() {
        let page = r#"<!-- <form method="post" action="/no"> --> <p title="a > b">1 < 2</p>
            <form class="stack" method="post" action="&#x2f;authorize"><input type=hidden name='csrf_token' value="a&amp;b">
            <input name=email><input type="checkbox" name="stay"><input type="checkbox" name="agree" value="yes" checked>
            <button type="submit" name="decision" value="deny">No</button><button name="decision" value="allow">Yes</button>
            </form> <form action="/search"><input name="q"></form>"#;
        let [form] = forms(page).try_into().expect("one form that is posted");
        assert_eq!(form.action, "/authorize");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(form.fields, [pair("csrf_token", "a&b"), pair("email", ""), pair("agree", "yes")]);
        assert_eq!(form.buttons, [pair("decision", "deny"), pair("decision", "allow")]);
        assert_eq!(form.options.iter().map(|choice| choice.name.as_str()).collect::<Vec<_>>(), ["stay"]);
    }

    #[test]
    fn a_control_elsewhere_belongs_to_the_form_it_names() {
        let page = r#"<input type="radio" name="for" value="none" form="decision" checked><input name="lost" form="nobody">
            <input type="radio" name="for" value="acme" form="decision"><form method="post" id="decision"></form>"#;
        let [mut form] = forms(page).try_into().expect("one form that is posted");
        assert_eq!(form.fields, [("for".to_owned(), "none".to_owned())]);
        form.tick("for", "acme").expect("a choice of the form");
        assert_eq!(form.fields, [("for".to_owned(), "acme".to_owned())]);
        assert!(form.tick("for", "other").is_err());
    }

    #[test]
    fn a_link_is_found_by_its_words() {
        let page = r#"<a href="/a"><b>Ada</b> &amp; co</a><a href="/b"> <bdi>Bob</bdi></a><a href="/c">open"#;
        assert_eq!(link_named(page, "Ada & co").as_deref(), Some("/a"));
        assert_eq!(link_named(page, "Bob").as_deref(), Some("/b"));
        assert_eq!(link_named(page, "Bo"), None);
    }

    #[test]
    fn links_are_found_and_unescaped() {
        let page = r#"<a class="x" href="/a?b=1&amp;c=%2F">go</a><a name="top"></a><A HREF=/d>d</A>"#;
        assert_eq!(links(page).collect::<Vec<_>>(), ["/a?b=1&c=%2F", "/d"]);
    }

    #[test]
    fn text_that_only_looks_like_a_reference_stays() {
        assert_eq!(decode("a & b &nosuch; &#39;&#xe9;&#x110000;"), "a & b &nosuch; 'é&#x110000;");
    }

    #[test]
    fn broken_pages_end() {
        for page in ["<", "<form", "<form method=", "<form method=\"post", "<!--", "<a =x>", "</"] {
            let _ = (forms(page), links(page).count());
        }
    }
}
