//! A [`Peer`] without a client behind it. rmcp wants one in every request context and offers no constructor, so one
//! service is kept that never receives anything.

use std::convert::Infallible;
use std::future::{pending, ready};

use rmcp::model::{InitializeRequestParams, ProtocolVersion};
use rmcp::service::{RunningService, RxJsonRpcMessage, TxJsonRpcMessage, serve_directly_with_ct};
use rmcp::transport::Transport;
use rmcp::{Peer, RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;

struct Silence;

impl ServerHandler for Silence {}

impl Transport<RoleServer> for Silence {
    type Error = Infallible;

    fn send(
        &mut self,
        _message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        ready(Ok(()))
    }

    fn receive(&mut self) -> impl Future<Output = Option<RxJsonRpcMessage<RoleServer>>> + Send {
        pending()
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Swallows notifications and refuses requests, as every peer of the protocol version 2026-07-28 does.
pub(crate) struct IdlePeer(RunningService<RoleServer, Silence>);

impl IdlePeer {
    /// Starts the service behind the peer, until `cutting`. Needs a running tokio runtime.
    pub(crate) fn start(cutting: CancellationToken) -> Self {
        let mut client = InitializeRequestParams::default();
        client.protocol_version = ProtocolVersion::V_2026_07_28;
        Self(serve_directly_with_ct(Silence, Silence, Some(client), cutting))
    }

    pub(crate) fn peer(&self) -> Peer<RoleServer> {
        self.0.peer().clone()
    }
}
