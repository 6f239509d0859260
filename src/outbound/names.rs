//! From names to addresses that were looked at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::Guard;

/// A name service.
#[async_trait]
pub trait Names: Send + Sync {
    /// Every address of the name.
    ///
    /// # Errors
    /// When there is no such name or nobody answers.
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The name service of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The resolver of the client: what it hands out is what was looked at, and the connection goes there.
pub(super) struct GuardedNames {
    names: Arc<dyn Names>,
    guard: Guard,
}

impl GuardedNames {
    pub(super) fn new(names: Arc<dyn Names>, guard: Guard) -> Self {
        Self { names, guard }
    }
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, guard) = (Arc::clone(&self.names), self.guard.clone());
        Box::pin(async move {
            let addresses = names.look_up(name.as_str()).await?;
            guard.check_addresses(name.as_str(), &addresses)?;
            // Port 0 means: the port of the URL.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
