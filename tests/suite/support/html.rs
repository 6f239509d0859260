//! Just enough HTML to fill in our own forms: pages are read, never written, here.

/// One form of a page.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Whether the form has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The value a field has.
    pub fn value(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.unwrap_or_else(|| panic!("no field {name} in {self:?}")).1.clone()
    }
}

/// The forms of a page, with the values their inputs have.
pub fn forms(html: &str) -> Vec<Form> {
    html.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next()).map(read_form).collect()
}

fn read_form(html: &str) -> Form {
    let tag = html.split('>').next().unwrap_or_default();
    let inputs = html.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
    // A box that is not ticked is not sent.
    let is_sent = |input: &&str| !input.contains(" type=\"checkbox\"") || input.contains(" checked");
    let fields = inputs
        .filter(is_sent)
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default())))
        .collect();
    Form { action: attribute(tag, "action").unwrap_or_default(), fields }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
    Some(unescape(rest.split('"').next()?))
}

const ENTITIES: [(&str, &str); 6] =
    [("quot;", "\""), ("#x27;", "'"), ("#x2f;", "/"), ("lt;", "<"), ("gt;", ">"), ("amp;", "&")];

/// Undoes what the templates' escaping does. One pass: whole pages come here, thousands of times.
pub fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match ENTITIES.iter().find_map(|(name, sign)| Some((sign, part.strip_prefix(name)?))) {
            Some((sign, rest)) => plain.extend([*sign, rest]),
            None => plain.extend(["&", part]),
        }
    }
    plain
}
