//! Clients the operator vouches for: people are let in without a question.

use belgie_api::{Caller, GrantBinding, Result};

use super::OAuth;
use super::authorize::answerer;
use crate::model::address::slugs_in;
use crate::model::consent::remembered_host;
use crate::model::redirect::RedirectUri;
use crate::model::request::AuthorizationRequest;
use crate::model::wish::Wish;
use crate::store;

impl OAuth {
    /// Where the browser goes next when the operator vouches for the client. `None` when the person is asked all the same: when
    /// the answer goes to their own machine, where any program may be waiting (RFC 8252 section 8.6); when a scope hangs on their
    /// account; and when they have to choose for whom the client acts.
    ///
    /// # Errors
    /// When the database does not answer, or it cannot be found out what the person is in the organization.
    pub async fn answer_trusted(
        &self,
        caller: &Caller,
        request: &AuthorizationRequest,
        is_trusted: bool,
    ) -> Result<Option<String>> {
        if !is_trusted || remembered_host(request).is_none() || request.scopes.depends_on_account() {
            return Ok(None);
        }
        let (Ok(answerer), now) = (answerer(caller), self.host.now()) else { return Ok(None) };
        let choices = self.list_choices(caller, request).await?;
        let is_fixed = !slugs_in(&request.resources).is_empty();
        let wish = match choices.as_slice() {
            [] if !is_fixed => Wish::Themselves,
            [only] if is_fixed => {
                Wish::Organization { organization: only.organization.id, teams: std::collections::BTreeSet::new() }
            }
            _ => return Ok(None),
        };
        let mut request = request.clone();
        request.binding = match wish {
            Wish::Organization { .. } => {
                let bound = self.bind(answerer.user, wish).await?;
                bound.check(&request.resources)?;
                bound.binding
            }
            _ => GrantBinding::default(),
        };
        // Whoever was cut off or made to do less is asked about, whoever vouches for them.
        let mut conn = self.host.db().read().await?;
        let last = store::grants::find_last(&mut conn, answerer.user, &request.client.id).await?;
        drop(conn);
        if last.is_some_and(|last| !last.lets_in_again(&request)) {
            return Ok(None);
        }
        let mut tx = self.host.db().begin().await?;
        if !self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await? {
            return Ok(None);
        }
        // The operator vouches for it, and the answer goes where it may, at this very moment.
        let client = store::secrets::hold(&mut tx, &request.client.id).await?;
        let goes_there = |own: &RedirectUri| own.allows(&request.reply.redirect_uri);
        if !client.is_some_and(|own| own.standing.trusted_at.is_some() && own.redirect_uris.iter().any(goes_there)) {
            return Ok(None);
        }
        self.give(tx, caller, answerer, request, "consent.trusted", now).await.map(Some)
    }
}
