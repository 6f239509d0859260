//! One temporary Postgres for the whole run, a database for every test.
//!
//! The server runs under a shell (`postgres.sh`) that waits for its standard input to end. This process holds the other end,
//! so however it ends, the server ends too and its files are removed.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Cluster {
    port: u16,
    supervisor: Child,
}

/// The address of a new, empty database; `None`, said aloud, when there is no Postgres and none is required.
pub async fn new_database() -> Option<String> {
    let cluster = CLUSTER.get_or_init(start).await.as_ref()?;
    let name = format!("belgie_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let server = format!("postgres://postgres@127.0.0.1:{}", cluster.port);
    let mut conn = PgConnection::connect(&format!("{server}/postgres")).await.expect("the test server answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.expect("a new database");
    Some(format!("{server}/{name}"))
}

async fn start() -> Option<Cluster> {
    let Some(bin) = binaries() else {
        let required = std::env::var("BELGIE_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|name| name == "postgres"), "postgres is required and not there");
        super::say("SKIPPED every test on Postgres: no server binaries found");
        return None;
    };
    tokio::task::spawn_blocking(move || Some(launch(&bin, &std::env::temp_dir())))
        .await
        .expect("the launcher does not panic")
}

fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path()).collect();
    versions.sort();
    versions.into_iter().rev().map(|version| version.join("bin")).find(|bin| bin.join("initdb").exists())
}

/// Starts a server in a folder of its own under `parent`. Its shell is in a process group of its own, so what ends this
/// process and everything beside it leaves the shell time to tidy up.
fn launch(bin: &Path, parent: &Path) -> Cluster {
    let port = free_port();
    let supervisor = Command::new("bash")
        .args(["-c", include_str!("postgres.sh")])
        .process_group(0)
        .env("BIN", bin)
        .env("PARENT", parent)
        .env("PORT", port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash runs");
    let deadline = Instant::now() + Duration::from_secs(180);
    while !Command::new(bin.join("pg_isready"))
        .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
        .status()
        .is_ok_and(|s| s.success())
    {
        assert!(Instant::now() < deadline, "the test server did not start");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Cluster { port, supervisor }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").port()
}

#[test]
fn the_temporary_server_takes_its_files_along_however_a_run_ends() {
    let Some(bin) = binaries() else {
        super::say("SKIPPED: no server binaries found");
        return;
    };
    let parent = tempfile::tempdir().expect("a folder");
    let shell = |script: &str, argument: &str| {
        let mut command = Command::new("bash");
        let done = command.args(["-c", script, "-", argument]).current_dir(parent.path()).status().expect("bash runs");
        assert!(done.success(), "{script}");
    };
    // One whose script is gone, one whose script is there, and what is none of ours.
    let others = "chmod 711 . && mkdir belgie-postgres-gone01 belgie-postgres-here01 belgie-postgres-mine
        echo 4194305 >belgie-postgres-gone01/supervisor && touch -d '1 hour ago' belgie-postgres-*
        echo $1 >belgie-postgres-here01/supervisor && touch -d '1 hour ago' belgie-postgres-*";
    let mut somebody = Command::new("bash").args(["-c", "read -r _"]).stdin(Stdio::piped()).spawn().expect("bash runs");
    shell(others, &somebody.id().to_string());
    let names = || {
        let entries = std::fs::read_dir(parent.path()).expect("a folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let mut cluster = launch(&bin, parent.path());
    assert_eq!(names().len(), 3, "its own, and two that are none of its business: {:?}", names());
    // Interrupting the run interrupts the script and its server as well; then the run is gone, and its pipe with it.
    shell("kill -INT -$1 && kill -HUP -$1 && kill -TERM -$1", &cluster.supervisor.id().to_string());
    drop(cluster.supervisor.stdin.take());
    cluster.supervisor.wait().expect("the script ends");
    assert_eq!(names(), ["belgie-postgres-here01", "belgie-postgres-mine"]);
    drop(somebody.stdin.take());
    somebody.wait().expect("it ends");
}
