//! What the gateway offers, known once every plugin has mounted.

use crate::plugin::{ScopeHierarchy, ScopeInfo};
use crate::resource;

/// What the whole gateway offers.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Every scope a plugin or the core brings, in a fixed order.
    pub scopes: Vec<ScopeInfo>,
    /// Protected resources (RFC 9728) that are always there: the absolute URI of each. The first is the default (`/mcp`).
    pub resources: Vec<String>,
    /// Our public address, when organizations are known: each has a resource of its own under it.
    pub organizations_under: Option<String>,
    /// Which scopes imply which.
    pub hierarchy: ScopeHierarchy,
}

impl Catalog {
    /// Whether this is a protected resource of this host: an absolute URI in the spelling of
    /// [`resources`](Self::resources). Every organization there could be has one; that there is such an organization it
    /// does not mean.
    #[must_use]
    pub fn is_resource(&self, uri: &str) -> bool {
        let is_under = |base: &String| uri.strip_prefix(base.as_str()).and_then(resource::slug_in_path).is_some();
        self.resources.iter().any(|known| known == uri) || self.organizations_under.as_ref().is_some_and(is_under)
    }

    /// The scopes that can be had at one of these resources, absolute URIs: those that name it, and at a resource of this host, or
    /// at one that no scope names, those that name none.
    #[must_use]
    pub fn offered_at(&self, resources: &[String]) -> Vec<ScopeInfo> {
        let is_plain = |uri: &String| self.is_resource(uri) || !self.scopes.iter().any(|info| info.names(uri));
        let has_plain = resources.iter().any(is_plain);
        let is_offered = |info: &&ScopeInfo| match info.resources.as_slice() {
            [] => has_plain,
            _ => resources.iter().any(|uri| info.names(uri)),
        };
        self.scopes.iter().filter(is_offered).cloned().collect()
    }

    /// The scopes that can be had at some resource of this host.
    #[must_use]
    pub fn offered_here(&self) -> Vec<ScopeInfo> {
        let of_organizations =
            self.organizations_under.as_ref().map(|base| format!("{base}{}", resource::OF_ORGANIZATION));
        let is_here = |uri: &String| self.is_resource(uri) || of_organizations.as_ref() == Some(uri);
        let is_offered = |info: &&ScopeInfo| info.resources.is_empty() || info.resources.iter().any(is_here);
        self.scopes.iter().filter(is_offered).cloned().collect()
    }
}
