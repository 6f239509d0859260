//! (b) What the call costs with rmcp and without us: its transport as it is meant to be used, the router made once.

use std::sync::Arc;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};

use super::Echo;

pub struct Alone {
    router: ToolRouter<Self>,
}

#[tool_router]
impl Alone {
    #[tool(description = "Gives the text back")]
    async fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        text
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Alone {}

/// Serves both eras on one path: sessions for the older one, none for the newer.
pub fn service() -> StreamableHttpService<Arc<Alone>, LocalSessionManager> {
    let alone = Arc::new(Alone { router: Alone::tool_router() });
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    StreamableHttpService::new(move || Ok(Arc::clone(&alone)), Arc::default(), config)
}
