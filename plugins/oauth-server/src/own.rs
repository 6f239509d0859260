//! What an application brings along.

use std::fmt;
use std::sync::Arc;

use crate::claims::Claims;
use crate::forms::Forms;
use crate::steps::{Requests, Steps};

/// Everything the application adds, as far as it does.
#[derive(Clone, Default)]
pub(crate) struct Own {
    pub(crate) claims: Option<Arc<dyn Claims>>,
    pub(crate) forms: Option<Arc<dyn Forms>>,
    pub(crate) steps: Option<Arc<dyn Steps>>,
    pub(crate) requests: Option<Arc<dyn Requests>>,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("claims", &self.claims.is_some())
            .field("forms", &self.forms.is_some())
            .field("steps", &self.steps.is_some())
            .field("requests", &self.requests.is_some())
            .finish()
    }
}
