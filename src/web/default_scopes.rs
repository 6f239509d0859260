//! What clients get that name no scope.

use belgie_api::plugin::ScopeGrant;
use belgie_api::ports::{Catalog, Urls};
use belgie_api::{Scope, ScopeSet, resource};

/// The scopes for basic use of each kind of endpoint (RFC 9728 `scopes_supported`, and the challenge of status 401).
pub struct DefaultScopes {
    /// Of the shared endpoint.
    pub shared: ScopeSet,
    /// Of every organization's own.
    pub of_organizations: ScopeSet,
}

impl DefaultScopes {
    /// What of everything there is can be had at each kind, and is granted to whoever names nothing.
    pub fn of(catalog: &Catalog, urls: &Urls) -> Self {
        let at = |path: &str| {
            let offered = catalog.offered_at(&[urls.absolute(path)]);
            let by_default = offered.iter().filter(|scope| scope.grant == ScopeGrant::ByDefault);
            by_default.filter_map(|scope| scope.name.parse::<Scope>().ok()).collect()
        };
        // All of them are one kind, so any name does.
        Self { shared: at(resource::SHARED), of_organizations: at(&resource::path_of("any")) }
    }
}
