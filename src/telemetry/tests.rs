use std::sync::{Arc, Mutex};

use super::{LogFormat, TelemetryError, TelemetrySettings, subscriber};

fn settings(filter: &str, format: LogFormat) -> TelemetrySettings {
    TelemetrySettings { filter: filter.to_owned(), format }
}

/// What two events, one of them below `info`, leave in the log.
fn logged(format: LogFormat) -> String {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let subscriber = subscriber(&settings("info", format), false, move || Shared(Arc::clone(&writer))).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("too quiet");
        tracing::info!(http.status = 200, "answered");
    });
    let bytes = log.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn collectors_get_one_flat_object_per_line() {
    let text = logged(LogFormat::Json);
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["message"], "answered");
    assert_eq!(line["http.status"], 200);
    assert_eq!(line["level"], "INFO");
}

#[test]
fn people_get_a_line_without_colour_codes_when_it_goes_to_a_file() {
    let text = logged(LogFormat::Human);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("INFO") && text.contains("answered http.status=200"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_filter_that_cannot_be_read_is_an_error() {
    let outcome = subscriber(&settings("belgie=loudest", LogFormat::Human), false, std::io::sink);
    assert!(matches!(outcome, Err(TelemetryError::Filter(_))));
}
