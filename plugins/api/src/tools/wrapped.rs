//! Somebody else's MCP server, put behind a rule as it is.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rmcp::model::{SubscriptionFilter, Tool};
use rmcp::service::{DynService, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::access::Rule;

/// A [`ServerHandler`] whose type no longer matters.
pub trait AnyHandler: DynService<RoleServer> {
    /// The definition of one of its tools, when the handler tells.
    fn tool(&self, name: &str) -> Option<Tool>;

    /// What of a subscription the handler will serve.
    fn subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter>;

    /// Serves an established subscription until it ends.
    fn serve_subscription(
        &self,
        context: SubscriptionContext,
    ) -> Pin<Box<dyn Future<Output = Result<(), ErrorData>> + Send + '_>>;
}

impl<H: ServerHandler> AnyHandler for H {
    fn tool(&self, name: &str) -> Option<Tool> {
        self.get_tool(name)
    }

    fn subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.accepted_subscription_filter(requested)
    }

    fn serve_subscription(
        &self,
        context: SubscriptionContext,
    ) -> Pin<Box<dyn Future<Output = Result<(), ErrorData>> + Send + '_>> {
        Box::pin(self.listen(context))
    }
}

/// A wrapped server with its rules. Tools, prompts and resources that appear later get the rule of the whole.
#[derive(Clone)]
pub struct Guarded {
    /// What the operator calls it.
    pub name: &'static str,
    /// Who may use anything of it.
    pub rule: Rule,
    /// Rules of single tools, in place of the rule of the whole.
    pub tools: BTreeMap<String, Rule>,
    /// The server itself.
    pub handler: Arc<dyn AnyHandler>,
}

/// Puts a server behind a rule: `guard("notes", access().scope("notes:read"), NotesServer::new())`.
#[must_use]
pub fn guard(name: &'static str, rule: Rule, handler: impl ServerHandler) -> Guarded {
    Guarded { name, rule, tools: BTreeMap::new(), handler: Arc::new(handler) }
}

impl Guarded {
    /// Gives one tool a rule of its own.
    #[must_use]
    pub fn tool(mut self, name: &str, rule: Rule) -> Self {
        self.tools.insert(name.to_owned(), rule);
        self
    }

    /// Whether a tool of this name is known before the server is asked for its list: it has a rule here, or the server tells.
    #[must_use]
    pub fn has(&self, tool: &str) -> bool {
        self.tools.contains_key(tool) || self.handler.tool(tool).is_some()
    }

    /// The rule that holds for a tool.
    #[must_use]
    pub fn rule_for(&self, tool: &str) -> &Rule {
        self.tools.get(tool).unwrap_or(&self.rule)
    }
}
