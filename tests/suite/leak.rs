use std::sync::Arc;
use belgie::config::RawConfig;
use belgie::Belgie;
use crate::support::{Engine, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leak_probe() {
    for bare in [true, false] {
        let dir = tempfile::tempdir().expect("a folder");
        let builder = Belgie::builder(RawConfig::from_text(&format!("data_dir = {:?}\n", dir.path().join("data"))));
        let builder = if bare { builder.bare() } else { builder };
        let gateway = builder.build().await.expect("x");
        let weak = Arc::downgrade(gateway.host().db().bus());
        gateway.shutdown().await;
        drop(gateway);
        println!("bare={bare} built: {}", weak.strong_count());
    }
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let weak = Arc::downgrade(gateway.gateway.host().db().bus());
    gateway.gateway.shutdown().await;
    drop(gateway);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    println!("served: {}", weak.strong_count());
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let weak = Arc::downgrade(gateway.gateway.host().db().bus());
    gateway.signed_in("a@example.org").await;
    gateway.gateway.shutdown().await;
    drop(gateway);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    println!("visited: {}", weak.strong_count());
}
