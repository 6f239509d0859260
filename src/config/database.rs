//! `[database]`: where the data is.

use std::path::Path;

use belgie_api::settings::Section;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The two engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded: one file in the data directory.
    Sqlite,
    /// A server, for many nodes.
    Postgres,
}

/// Which database to open, and how.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which engine `url` speaks of.
    pub engine: Engine,
    /// `sqlite:<path>` (percent-encoded), `sqlite::memory:` or `postgres://...`. Wrapped because it
    /// may hold a password.
    pub url: SecretString,
    /// The same without password and options, for messages.
    pub shown_url: String,
    /// Whether starting applies pending migrations; otherwise starting with pending ones is refused.
    pub migrate_on_start: bool,
    /// The size of the connection pool.
    pub max_connections: u32,
}

impl Database {
    pub(super) fn read(section: &mut Section, data_dir: &Path) -> Self {
        let given = section.secret("url");
        let recognised = given.as_ref().map(|url| recognise(url.expose_secret()));
        let usual = || {
            let url = sqlite_url(&data_dir.join("belgie.db"));
            (Engine::Sqlite, url.clone(), url)
        };
        let (engine, url, shown_url) = match (given, recognised) {
            (Some(url), Some(Some((engine, shown)))) => (engine, url.expose_secret().to_owned(), shown),
            (Some(_), _) => {
                section.complain(
                    "url",
                    "not the address of a database",
                    "write sqlite:<path> or postgres://<user>:<password>@<host>/<database>",
                );
                usual()
            }
            (None, _) => usual(),
        };
        if section.ledger().origin(&section.path_of("url")).is_some() {
            section.show_as("url", &shown_url);
        }
        Self {
            engine,
            url: SecretString::from(url),
            shown_url,
            migrate_on_start: section.boolean("migrate_on_start", engine == Engine::Sqlite),
            max_connections: section.integer("max_connections", 1..=1_000, 10),
        }
    }
}

/// The engine of `url`, and `url` as it may be shown.
fn recognise(url: &str) -> Option<(Engine, String)> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let shown = path.split('?').next().unwrap_or_default();
        return (!shown.is_empty()).then(|| (Engine::Sqlite, format!("sqlite:{shown}")));
    }
    let mut shown = Url::parse(url).ok()?;
    if !matches!(shown.scheme(), "postgres" | "postgresql") {
        return None;
    }
    if shown.password().is_some() {
        shown.set_password(Some("***")).ok()?;
    }
    // Options may carry a password as well.
    shown.set_query(None);
    shown.set_fragment(None);
    Some((Engine::Postgres, shown.to_string()))
}

/// In a URL these three letters of a path would mean something else.
fn sqlite_url(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite:{path}")
}
