//! The pages people see: templates, the sheet they are dressed with, and the check that all of them work.
//!
//! Templates are compiled in. An operator who wants other words or another look puts a file of the template's name into
//! the override folder (`error.html`, `oauth-server/consent.html`, `belgie.css`); it takes the place of ours. Before
//! anything opens, every template is rendered with every one of its samples, so a page that asks for something it is
//! not given is found at the start and not by a visitor.

mod assets;
mod context;
mod core;
mod engine;
mod letters;
mod overrides;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use axum::response::{Html, IntoResponse, Response};
use belgie_api::failure::{Failure, Result};
use belgie_api::plugin::Template;
use belgie_api::ports::{Mail, Pages, SiteLinks};
use belgie_api::settings::Problems;
use belgie_api::web::Visitor;

pub use self::assets::Assets;
use self::core::{CORE, STYLESHEET, STYLESHEET_NAME};
use self::engine::Engine;
use self::overrides::Overrides;

/// How the pages are made.
#[derive(Clone, Debug)]
pub struct PagesSettings {
    /// The name of this host on every page.
    pub site_name: String,
    /// What people can read about it elsewhere, at the foot of every page.
    pub links: SiteLinks,
    /// Where files lie that take the place of ours; read once, at the start.
    pub override_folder: Option<PathBuf>,
}

/// [`Pages`] from templates.
pub struct SitePages {
    site_name: String,
    links: SiteLinks,
    engine: Engine,
    assets: Assets,
}

impl SitePages {
    /// Takes our templates and those of the plugins, puts the operator's files in their places, and tries all of them.
    ///
    /// # Errors
    /// Every problem there is: a template or an override that cannot be read, a sample that does not render, a file in
    /// the override folder that takes nobody's place, two templates of one name.
    pub fn load(settings: PagesSettings, plugin_templates: Vec<Template>) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut overrides = Overrides::read(settings.override_folder.as_deref(), &mut problems);
        let stylesheet = overrides.take(STYLESHEET_NAME).map_or_else(|| STYLESHEET.to_owned(), |file| file.text);
        let templates: Vec<Template> = CORE.iter().cloned().chain(plugin_templates).collect();
        let engine = Engine::build(&templates, &mut overrides, &mut problems);
        overrides.report_unused(&mut problems);
        if problems.is_empty() {
            Ok(Self { site_name: settings.site_name, links: settings.links, engine, assets: Assets::new(stylesheet) })
        } else {
            Err(Problems(problems))
        }
    }

    /// What this host is called.
    #[must_use]
    pub fn site_name(&self) -> &str {
        &self.site_name
    }

    /// The files that belong to the pages.
    #[must_use]
    pub fn assets(&self) -> &Assets {
        &self.assets
    }
}

impl Pages for SitePages {
    fn page(&self, visitor: &Visitor, template: &str, title: &str, context: serde_json::Value) -> Result<Response> {
        let serde_json::Value::Object(mut context) = context else {
            return Err(Failure::internal(format!("the context of {template} is not an object")));
        };
        let page = context::page(visitor, title, &self.site_name, self.assets.css_url(), &self.links);
        context.insert("page".to_owned(), page);
        let html = self.engine.render(template, &context.into()).map_err(Failure::internal)?;
        Ok(Html(html).into_response())
    }

    fn fragment(&self, template: &str, context: serde_json::Value) -> Result<String> {
        self.engine.render(template, &context).map_err(Failure::internal)
    }

    fn letter(&self, to: &str, template: &str, context: serde_json::Value) -> Result<Mail> {
        let serde_json::Value::Object(mut context) = context else {
            return Err(Failure::internal(format!("the context of {template} is not an object")));
        };
        context.insert("site_name".to_owned(), self.site_name.as_str().into());
        context.insert("email".to_owned(), to.into());
        let (subject, text, html) = Self::letter(self, template, &context.into())?;
        Ok(Mail { to: to.to_owned(), subject, text, html })
    }
}
