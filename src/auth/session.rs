//! A browser session as a caller.

use std::sync::Arc;

use belgie_api::context::ClientContext;
use belgie_api::host::{PrincipalParts, principal};
use belgie_api::{Caller, ClientId, GrantBinding, OrgId, Presence, Principal};

use crate::access::caller::personal;
use crate::identity::Resumed;

/// The caller behind a live browser session, for the person alone.
#[must_use]
pub fn session_caller(resumed: &Resumed) -> Caller {
    personal(session_principal(resumed, None))
}

/// The principal behind a live browser session: our own pages as the client `web`, with the scopes of the account.
#[must_use]
pub fn session_principal(resumed: &Resumed, organization: Option<OrgId>) -> Arc<Principal> {
    let user = resumed.user.clone();
    let scopes = user.scopes.clone();
    Arc::new(principal(PrincipalParts {
        user,
        service: None,
        client: ClientContext { id: ClientId::from_wire("web"), name: "Web".to_owned() },
        session: Some(resumed.session.id),
        presence: Some(Presence {
            authenticated_at: resumed.session.authenticated_at,
            method: resumed.session.method.clone(),
            impersonator: resumed.session.impersonator_id,
        }),
        grant: None,
        token: None,
        scopes,
        binding: GrantBinding { organization, ..GrantBinding::default() },
        expires_at: resumed.session.expires_at,
    }))
}
