//! A gateway for one play: in this process, on a free port of this machine, with a data directory that goes with it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use belgie_api::crypto::base64url;
use belgie_api::{Entropy, Failure};
use tokio::net::TcpListener;
use url::Url;

use super::till::{PRICE, Till};
use crate::cli::output::CliError;
use crate::config::RawConfig;
use crate::gateway::{Belgie, Gateway};
use crate::web::MCP_PATH;

/// Where Stripe is told to send webhooks.
const WEBHOOK_PATH: &str = "/auth/stripe/webhook";

/// Everybody may make an account here; nobody else can reach it. Letters are shown instead of sent, one of the tools is for
/// administrators of an organization, and one is behind a plan.
const CONFIG: &str = "
[server]
listen = \"127.0.0.1:0\"
shutdown_grace_seconds = 2

[sign_up]
open = true

[mail]
transport = \"outbox\"

[[access]]
tools = [\"add\"]
roles = [\"owner\", \"admin\"]

[[access]]
tools = [\"echo\"]
plans = [\"pro\"]

[[plan]]
name = \"free\"
title = \"Free\"

[[plan]]
name = \"pro\"
title = \"Pro\"
description = \"For people whose agent says things twice.\"
";

/// A gateway that is ready to be served.
pub struct Stage {
    /// The gateway.
    pub gateway: Gateway,
    /// Where it will answer.
    pub listener: TcpListener,
    /// The address of its MCP endpoint.
    pub mcp_url: Url,
    /// Where its plans are paid.
    pub till: Till,
    /// Where its files are. Keep it as long as the gateway.
    pub data_dir: DataDir,
}

impl Stage {
    /// Opens a gateway whose address is known and where nobody answers yet.
    ///
    /// # Errors
    /// When the directory, the port or the gateway cannot be opened.
    pub async fn open(entropy: &dyn Entropy) -> Result<Self, CliError> {
        let data_dir = DataDir::make(entropy).map_err(|error| no_directory(&error))?;
        let till = Till::open(entropy).await?;
        let text = format!("{CONFIG}monthly_price = \"{PRICE}\"\n\n{}", till.settings());
        let mut config = RawConfig::from_text(&text);
        config.overrides.data_dir = Some(data_dir.path().to_owned());
        let checked = Belgie::builder(config).demo_tools().migrate(true).check()?;
        let listener = TcpListener::bind(checked.config().server.listen).await.map_err(Failure::internal)?;
        let address = listener.local_addr().map_err(Failure::internal)?;
        let gateway = checked.bound_to(address).open().await?;
        let mcp_url = gateway.host().urls().absolute(MCP_PATH);
        let mcp_url = Url::parse(&mcp_url).map_err(Failure::internal)?;
        till.send_webhooks_to(mcp_url.join(WEBHOOK_PATH).map_err(Failure::internal)?);
        Ok(Self { gateway, listener, mcp_url, till, data_dir })
    }
}

fn no_directory(error: &std::io::Error) -> Failure {
    Failure::conflict("demo.no_directory", format!("No temporary directory can be made: {error}."))
        .hint("Point TMPDIR to a directory that you may write to.")
}

/// A directory that only its owner can look into, and that is removed with this value.
pub struct DataDir(PathBuf);

impl DataDir {
    fn make(entropy: &dyn Entropy) -> std::io::Result<Self> {
        let mut name = [0; 12];
        entropy.fill(&mut name);
        let path = std::env::temp_dir().join(format!("belgie-demo-{}", base64url(&name)));
        // Not recursive: a directory that is there already belongs to somebody else.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the directory of the demo could not be removed");
        }
    }
}
