use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belgie_api::failure::Failure;
use tokio::sync::mpsc;
use tracing_subscriber::fmt::MakeWriter;

use super::{Shutdown, Tasks};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(1);

/// Keeps what was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Logs of this thread come here, as long as the result lives. The runtime of a test has one thread.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::fmt().with_ansi(false).with_writer(self.clone()).finish())
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_shutdown_waits_for_a_task_that_is_coming_to_its_end() {
    let tasks = Tasks::new();
    let (sender, mut done) = mpsc::unbounded_channel();
    let stopping = tasks.stopping();
    tasks.spawn("listener", async move {
        stopping.cancelled().await;
        tokio::task::yield_now().await;
        sender.send("put away").unwrap();
    });
    assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
    assert_eq!(done.try_recv(), Ok("put away"));
}

#[tokio::test]
async fn the_shutdown_cuts_off_what_does_not_end_and_names_it() {
    let log = Log::default();
    let _listening = log.listen();
    let tasks = Tasks::new();
    let (sender, mut held) = mpsc::unbounded_channel::<()>();
    tasks.spawn("stubborn", async move {
        let _held = sender;
        pending::<()>().await;
    });
    assert_eq!(tasks.shutdown(SHORT).await, Shutdown::CutOff(1));
    assert_eq!(held.recv().await, None, "what the task held is dropped");
    assert!(log.text().contains("task.name=\"stubborn\""), "{}", log.text());
}

#[tokio::test]
async fn a_task_that_panics_is_logged_with_its_name_and_hurts_nobody() {
    let log = Log::default();
    let _listening = log.listen();
    let tasks = Tasks::new();
    tasks.spawn("clumsy", async {
        tokio::task::yield_now().await;
        panic!("dropped {}", "a plate");
    });
    assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
    let text = log.text();
    assert!(text.contains("task.name=\"clumsy\"") && text.contains("dropped a plate"), "{text}");
}

#[tokio::test]
async fn a_periodic_job_outlives_its_failures_and_ends_with_the_shutdown() {
    let log = Log::default();
    let _listening = log.listen();
    let tasks = Tasks::new();
    let (sender, mut runs) = mpsc::unbounded_channel();
    let mut run = 0;
    tasks.every("purge", SHORT, move || {
        run += 1;
        assert_ne!(run, 3, "the third one did not even begin");
        let sender = sender.clone();
        async move {
            let _ = sender.send(run);
            match run {
                1 => Err(Failure::internal("the first one failed")),
                2 => panic!("the second one panicked"),
                _ => Ok(()),
            }
        }
    });
    for expected in [1, 2, 4, 5] {
        assert_eq!(runs.recv().await, Some(expected));
    }
    assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
    let text = log.text();
    assert!(text.contains("the first one failed"), "{text}");
    assert!(text.contains("the second one panicked"), "{text}");
    assert!(text.contains("the third one did not even begin"), "{text}");
    while runs.recv().await.is_some() {}
}

#[tokio::test]
async fn a_run_that_has_begun_is_finished_before_the_shutdown_is_complete() {
    let tasks = Tasks::new();
    let (sender, mut steps) = mpsc::unbounded_channel();
    let stopping = tasks.stopping();
    tasks.every("backup", LONG, move || {
        let (sender, stopping) = (sender.clone(), stopping.clone());
        async move {
            let _ = sender.send("begun");
            stopping.cancelled().await;
            let _ = sender.send("finished");
            Ok(())
        }
    });
    assert_eq!(steps.recv().await, Some("begun"));
    assert_eq!(tasks.shutdown(LONG).await, Shutdown::Complete);
    assert_eq!(steps.try_recv(), Ok("finished"));
}

#[test]
fn deep_work_has_room_and_its_panic_is_nobodys() {
    fn depth(left: usize) -> usize {
        let ballast = std::hint::black_box([0_u8; 4096]);
        if left == 0 { ballast.len() } else { std::hint::black_box(depth(left - 1)) }
    }
    assert_eq!(super::with_deep_stack(|| depth(4_000)), Some(4096), "16 MiB, where others have two");
    assert_eq!(super::with_deep_stack(|| panic!("on purpose")), None::<()>);
}
