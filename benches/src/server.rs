//! The servers that are compared. All run the same tool, on one worker thread, over TCP without delays.

pub mod gateway;
mod hand;
mod rmcp_alone;

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::Pin;

use axum::Router;
use axum::serve::ListenerExt;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::cell::Variant;
use crate::folder::Folder;
use crate::wire::{PATH, Ready};

/// What the tool is given.
#[derive(Deserialize, schemars::JsonSchema)]
pub struct Echo {
    /// What to give back.
    pub text: String,
}

/// A server at work.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves until standard input ends: a server never outlives the program that started it.
pub fn serve(variant: Variant) -> anyhow::Result<()> {
    let data = Folder::new()?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    // On the worker, and not on this thread, from the first step to the last.
    let (ready, serving) = runtime.block_on(runtime.spawn(start(variant, data.path().to_owned())))??;
    runtime.spawn(serving);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&ready)?)?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}

async fn start(variant: Variant, data: PathBuf) -> anyhow::Result<(Ready, Serving)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (token, serving) = match variant {
        Variant::Hand => (None, serve_bare(listener, hand::routes())),
        Variant::Rmcp => {
            let routes = Router::new().route_service(PATH, rmcp_alone::service());
            (None, serve_bare(listener, routes))
        }
        Variant::Direct | Variant::Unrecorded | Variant::ThroughRmcp => {
            let (token, serving) = gateway::start(listener, &data, variant).await?;
            (Some(token), serving)
        }
    };
    Ok((Ready { address, token }, serving))
}

fn serve_bare(listener: TcpListener, routes: Router) -> Serving {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("no TCP_NODELAY: {error}");
        }
    });
    Box::pin(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            eprintln!("the server has ended: {error}");
        }
    })
}
