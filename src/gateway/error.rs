//! Why a gateway does not start.

use belgie_api::Failure;

use crate::config::{Problem, Problems};
use crate::db::OpenError;

/// Why a gateway does not start. Every variant says all it knows at once.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The configuration is not right.
    #[error("{0}")]
    Config(#[from] Problems),
    /// The secret cannot be read, made or trusted.
    #[error("{0}")]
    Secret(Problem),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A migration failed.
    #[error("a migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Plugins, tools or pages do not fit together.
    #[error("the gateway does not start:\n{}", lines(.0))]
    Misfit(Vec<String>),
    /// Something else failed on the way.
    #[error("{}{}", .0, source_of(.0))]
    Failure(#[from] Failure),
}

fn lines(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n")
}

/// The operator starts the gateway, so here the private source may be shown.
fn source_of(failure: &Failure) -> String {
    failure.private_source().map(|source| format!(" ({source})")).unwrap_or_default()
}
