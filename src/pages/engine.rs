//! Compiles, tries and renders templates.

use std::collections::BTreeMap;
use std::error::Error as _;

use belgie_api::plugin::Template;
use belgie_api::settings::Problem;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use super::overrides::Overrides;

/// The compiled templates.
pub(super) struct Engine(Environment<'static>);

impl Engine {
    /// Compiles every template, or the file that takes its place, and renders it with all its samples.
    pub(super) fn build(templates: &[Template], overrides: &mut Overrides, problems: &mut Vec<Problem>) -> Self {
        let mut engine = Self(environment());
        let mut origins: BTreeMap<&'static str, Origin> = BTreeMap::new();
        for template in templates {
            if origins.contains_key(template.name) {
                problems
                    .push(Origin::BuiltIn(template.name).problem("there are two templates of this name".to_owned()));
                continue;
            }
            origins.insert(template.name, engine.compile(template, overrides, problems));
        }
        for template in templates {
            if let Some(origin) = origins.remove(template.name) {
                engine.try_samples(template, &origin, problems);
            }
        }
        engine
    }

    /// Renders a template with a context.
    pub(super) fn render(&self, template: &str, context: &serde_json::Value) -> Result<String, Error> {
        self.0.get_template(template)?.render(value(context))
    }

    /// When a file is no template, ours stays in its place: it is tried with all the rest, so that one mistake in
    /// `base.html` does not look like a mistake in every page.
    fn compile(&mut self, template: &Template, overrides: &mut Overrides, problems: &mut Vec<Problem>) -> Origin {
        if let Some(file) = overrides.take(template.name) {
            let origin = Origin::File(file.path.display().to_string());
            match self.0.add_template_owned(template.name, file.text) {
                Ok(()) => return origin,
                Err(error) => problems.push(origin.problem(words_of(&error))),
            }
        }
        let origin = Origin::BuiltIn(template.name);
        if let Err(error) = self.0.add_template(template.name, template.source) {
            problems.push(origin.problem(words_of(&error)));
        }
        origin
    }

    fn try_samples(&self, template: &Template, origin: &Origin, problems: &mut Vec<Problem>) {
        // One that did not compile has been reported.
        let Ok(compiled) = self.0.get_template(template.name) else { return };
        let samples: Vec<serde_json::Value> = match serde_json::from_str(template.samples) {
            Ok(samples) => samples,
            Err(error) => {
                let message = format!("its samples are not a JSON list: {error}");
                return problems.push(Origin::BuiltIn(template.name).problem(message));
            }
        };
        for (index, sample) in samples.iter().enumerate() {
            if let Err(error) = compiled.render(value(sample)) {
                problems.push(origin.problem(format!("sample {} does not render: {}", index + 1, words_of(&error))));
            }
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // All of them are HTML but the texts of mails; a name that ends otherwise must not switch the escaping off.
    environment.set_auto_escape_callback(|name| if is_letter_text(name) { AutoEscape::None } else { AutoEscape::Html });
    // Errors end in the log, where the contents of a page have no place.
    environment.set_debug(false);
    environment
}

/// Whether this is the text of a mail, which nothing reads as HTML.
fn is_letter_text(name: &str) -> bool {
    name.strip_prefix("mail/").is_some_and(|name| name.strip_suffix(".txt").is_some())
}

/// Where a template comes from, for whoever has to correct it.
enum Origin {
    BuiltIn(&'static str),
    File(String),
}

impl Origin {
    fn problem(&self, message: String) -> Problem {
        match self {
            Self::BuiltIn(name) => Problem::new(
                format!("template {name}"),
                message,
                "This is a mistake in the program or in a plugin: tell its makers.",
            ),
            Self::File(path) => {
                Problem::new(path.clone(), message, "Correct the file, or remove it to get the built-in one back.")
            }
        }
    }
}

/// The error and its causes. Errors inside a piece that a page is built from are causes of the page's error.
fn words_of(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        words.push_str(": ");
        words.push_str(&found.to_string());
        cause = found.source();
    }
    words
}

/// JSON as the engine sees it. Objects of JSON have no duplicates and no order that would matter to a template.
fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .or_else(|| number.as_f64().map(Value::from))
            .unwrap_or(Value::UNDEFINED),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items.iter().map(value).collect(),
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), value(field))).collect::<BTreeMap<_, _>>().into()
        }
    }
}
