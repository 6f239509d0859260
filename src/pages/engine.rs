//! Templates: embedded, overridable from a folder, strict about what they use, and tried with samples at start.

use std::path::Path;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use belgie_api::plugin::Template;
use belgie_api::ports::Pages;
use belgie_api::web::Visitor;
use belgie_api::{Failure, Result};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::stylesheet::Stylesheet;

macro_rules! core_templates {
    ($($name:literal $(with $samples:literal)?),+ $(,)?) => {
        [$(Template {
            name: concat!($name, ".html"),
            source: include_str!(concat!("templates/", $name, ".html")),
            samples: core_templates!(@samples $($samples)?),
        }),+]
    };
    (@samples $samples:literal) => { include_str!(concat!("samples/", $samples, ".json")) };
    (@samples) => { "[]" };
}

/// The core's own templates. `base` and `parts` are used by the others and have no samples of their own.
const CORE: [Template; 9] = core_templates![
    "base",
    "parts",
    "account" with "account",
    "error" with "error",
    "home" with "home",
    "message" with "message",
    "setup" with "setup",
    "sign_in" with "sign_in",
    "sign_up" with "sign_up",
];

const STYLESHEET: &str = include_str!("assets/belgie.css");

/// Renders pages.
pub struct Engine {
    environment: Environment<'static>,
    stylesheet: Stylesheet,
    site_name: String,
}

impl Engine {
    /// Takes the core's and the plugins' templates, puts files of the override folder in their place, and renders every
    /// one with every sample.
    ///
    /// # Errors
    /// One line for every template that does not parse or render, and for every file that overrides nothing.
    pub fn new(
        site_name: &str,
        plugins: Vec<Template>,
        overrides: Option<&Path>,
    ) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let templates: Vec<Template> = CORE.into_iter().chain(plugins).collect();
        for template in &templates {
            let source = replacement(overrides, template.name, &mut problems)
                .unwrap_or_else(|| template.source.to_owned());
            if let Err(error) = environment.add_template_owned(template.name, source) {
                problems.push(format!(
                    "the template `{}` does not parse: {error:#}",
                    template.name
                ));
            }
        }
        let css = replacement(overrides, "belgie.css", &mut problems)
            .unwrap_or_else(|| STYLESHEET.to_owned());
        problems.extend(strangers(overrides, &templates));
        let engine = Self {
            environment,
            stylesheet: Stylesheet::new(css),
            site_name: site_name.to_owned(),
        };
        for template in &templates {
            problems.extend(engine.try_samples(template));
        }
        if problems.is_empty() {
            Ok(engine)
        } else {
            Err(problems)
        }
    }

    /// The stylesheet of every page.
    #[must_use]
    pub fn stylesheet(&self) -> Stylesheet {
        self.stylesheet.clone()
    }

    fn try_samples(&self, template: &Template) -> Vec<String> {
        let samples: Vec<Value> = match serde_json::from_str(template.samples) {
            Ok(samples) => samples,
            Err(error) => {
                return vec![format!(
                    "the samples of `{}` are not a JSON list: {error}",
                    template.name
                )];
            }
        };
        let tries = samples
            .into_iter()
            .enumerate()
            .map(|(index, sample)| (index, self.fragment(template.name, sample)));
        tries
            .filter_map(|(index, outcome)| outcome.err().map(|failure| (index, failure)))
            .map(|(index, failure)| {
                let why = failure.private_source().unwrap_or_default();
                format!(
                    "the template `{}` does not render with its sample {}: {why}",
                    template.name,
                    index + 1
                )
            })
            .collect()
    }
}

impl Pages for Engine {
    fn page(
        &self,
        visitor: &Visitor,
        template: &str,
        title: &str,
        mut context: Value,
    ) -> Result<Response> {
        let user = visitor.caller.as_ref().map(|caller| {
            let user = caller.user();
            let shown = if user.name.is_empty() {
                &user.email
            } else {
                &user.name
            };
            let initial: String = shown
                .chars()
                .next()
                .map(|c| c.to_uppercase().to_string())
                .unwrap_or_default();
            json!({ "email": user.email, "name": user.name, "initial": initial })
        });
        if let Some(map) = context.as_object_mut() {
            let page = json!({
                "title": title,
                "site_name": self.site_name,
                "css_url": self.stylesheet.path(),
                "csrf_token": visitor.csrf_token,
                "request_id": visitor.info.id,
                "user": user,
            });
            map.insert("page".to_owned(), page);
        }
        let html = self.fragment(template, context)?;
        Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
    }

    fn fragment(&self, template: &str, context: Value) -> Result<String> {
        let template = self
            .environment
            .get_template(template)
            .map_err(Failure::internal)?;
        template
            .render(minijinja::value::Serde(&context))
            .map_err(|error| Failure::internal(format!("{error:#}")))
    }
}

/// The text of the file that takes the place of an embedded one.
fn replacement(folder: Option<&Path>, name: &str, problems: &mut Vec<String>) -> Option<String> {
    let path = folder?.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            problems.push(format!(
                "the page override {} cannot be read: {error}",
                path.display()
            ));
            None
        }
    }
}

/// Files of the override folder that override nothing: most often a misspelt name.
fn strangers(folder: Option<&Path>, templates: &[Template]) -> Vec<String> {
    let Some(folder) = folder else {
        return Vec::new();
    };
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.sort();
    found
        .into_iter()
        .filter(|name| {
            name != "belgie.css" && !templates.iter().any(|template| template.name == name)
        })
        .map(|name| {
            format!("the page override `{name}` takes the place of nothing: check its name")
        })
        .collect()
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if let Ok(name) = path.strip_prefix(root) {
            found.push(name.to_string_lossy().into_owned());
        }
    }
}
