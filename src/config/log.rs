//! `[log]`: what is written about running.

use belgie_api::settings::Section;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// Which are written: a `tracing` filter, known to parse.
    pub filter: String,
}

impl Log {
    pub(super) fn read(section: &mut Section) -> Self {
        let formats = [("human", LogFormat::Human), ("json", LogFormat::Json)];
        let usual = "info,rmcp=error,sqlx=warn,hyper=warn".to_owned();
        Self {
            format: section.one_of("format", &formats, LogFormat::Human),
            filter: section.parsed("filter", usual, "a filter such as \"info,sqlx=warn\"", |text| {
                let wrong = |error| format!("not a filter: {error}");
                EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(wrong)
            }),
        }
    }
}
