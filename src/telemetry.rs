//! What the process says about itself: log lines on standard error, so that standard output belongs to the commands.

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line, for collectors.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// Directives of tracing-subscriber, separated by commas, such as `info,belgie=debug`.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process logs already.
    #[error("logging has been set up before")]
    Twice(#[from] TryInitError),
}

/// Sets up logging for the whole process; to be called once, by `main`.
///
/// # Errors
/// When the filter cannot be read or logging is set up already.
pub fn install(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    let is_colourful = settings.format == LogFormat::Human && io::stderr().is_terminal();
    Ok(subscriber(settings, is_colourful, io::stderr)?.try_init()?)
}

/// What [`install`] sets up, with any writer.
///
/// # Errors
/// When the filter cannot be read.
pub fn subscriber<W>(
    settings: &TelemetrySettings,
    is_colourful: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(is_colourful);
    Ok(match settings.format {
        LogFormat::Human => Box::new(lines.finish()),
        // The fields of an event stand beside its message, where collectors look for them.
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_span_list(false).finish()),
    })
}
