//! One temporary Postgres for the whole run, a database for every test.
//!
//! The server runs under a shell that waits for its standard input to end. This process holds the other end, so however
//! it ends, the server ends too and its files are removed.

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
    _supervisor: Child,
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
        println!("SKIPPED every test on Postgres: no server binaries found");
        return None;
    };
    tokio::task::spawn_blocking(move || Some(launch(&bin))).await.expect("the launcher does not panic")
}

fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path()).collect();
    versions.sort();
    versions.into_iter().rev().map(|version| version.join("bin")).find(|bin| bin.join("initdb").exists())
}

fn launch(bin: &Path) -> Cluster {
    let port = free_port();
    // Postgres does not run as root; the folder belongs to whoever runs it.
    let script = r#"
        set -e
        dir=$(mktemp -d /tmp/belgie-postgres-XXXXXX)
        as=""
        if [ "$(id -u)" = 0 ]; then
            chown postgres:postgres "$dir"
            as="setpriv --reuid=postgres --regid=postgres --clear-groups"
        fi
        cd "$dir"
        $as "$BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
        $as "$BIN/postgres" -D "$dir/data" -p "$PORT" -k "$dir" -c listen_addresses=127.0.0.1 -c fsync=off \
            -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=32MB \
            >"$dir/log" 2>&1 </dev/null &
        server=$!
        read -r _ || true
        kill -QUIT $server 2>/dev/null || true
        wait $server || true
        rm -rf "$dir"
    "#;
    let supervisor = Command::new("bash")
        .args(["-c", script])
        .env("BIN", bin)
        .env("PORT", port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash runs");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !Command::new(bin.join("pg_isready"))
        .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
        .status()
        .is_ok_and(|s| s.success())
    {
        assert!(Instant::now() < deadline, "the test server did not start");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Cluster { port, _supervisor: supervisor }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").port()
}
