//! What linked accounts are to the person they belong to: ways in, a part of what is kept, and nothing that outlives a
//! stranger.

use std::sync::{Arc, Weak};

use belgie_api::axum::http::HeaderMap;
use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::{Act, Departure, Shows, Veto, WaysIn};
use belgie_api::plugin::{Checkup, DataExport, Examined};
use belgie_api::ports::{LimitBucket, SubjectLinks};
use belgie_api::serde_json::{Value, json};
use belgie_api::web::Visitor;
use belgie_api::{Event, Failure, Result, UserId, async_trait};

use super::{Engine, LinkedAccountInfo};
use crate::model::flow::{FlowOptions, Intent};
use crate::model::refusal;
use crate::model::return_to::with_parameter;
use crate::store;

/// Linked accounts as others know them. The host holds this and the engine holds the host, so this holds the engine only
/// as long as others do.
#[derive(Clone)]
pub struct People(pub Weak<Engine>);

impl People {
    fn engine(&self) -> Result<Arc<Engine>> {
        self.0.upgrade().ok_or_else(|| Failure::internal("the engine of providers is gone"))
    }
}

#[async_trait]
impl WaysIn for People {
    async fn list(&self, conn: &mut Conn, user: UserId) -> Result<Vec<String>> {
        let engine = self.engine()?;
        let linked = store::accounts::list(conn, user).await?.into_iter().map(|account| account.provider);
        Ok(linked.filter(|provider| engine.provider(provider).is_ok()).collect())
    }

    fn shows(&self, way: &str) -> Option<Shows> {
        let provider = self.engine().ok()?.provider(way).ok()?;
        Some(if provider.settings().can_prove_presence() { Shows::Presence } else { Shows::Browser })
    }

    async fn begin_to_confirm(
        &self,
        way: &str,
        (visitor, headers): (&Visitor, &HeaderMap),
        return_to: &str,
    ) -> Result<Option<Departure>> {
        let engine = self.engine()?;
        let Ok(provider) = engine.provider(way) else { return Ok(None) };
        engine.host.limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
        let caller = visitor.caller.as_ref().filter(|caller| !caller.is_worn());
        let caller = caller.ok_or_else(refusal::confirm_of_another_session)?;
        let session = caller.session().ok_or_else(refusal::confirm_of_another_session)?;
        let options = FlowOptions {
            return_to: Some(return_to.to_owned()),
            error_redirect_url: Some(with_parameter("/auth/confirm", "return_to", return_to)),
            ..FlowOptions::default()
        };
        let intent = Intent::Confirm { user: caller.user().id, session };
        engine.begin(&provider, headers, intent, options).await.map(Some)
    }
}

/// Accounts that a stranger linked before the owner of the address came end with everything else the stranger did; and
/// those that somebody came with become ways in once the address is proven.
#[async_trait]
impl Veto for People {
    fn name(&self) -> &'static str {
        "oauth-client.links"
    }

    async fn check(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        let user = match act {
            Act::Reclaim { user } => user,
            Act::Bring { user, method, brought } => return self.engine()?.take_in(tx, user, method, brought).await,
            _ => return Ok(()),
        };
        for provider in store::accounts::delete_all(tx, user.id).await? {
            tx.emit(Event::ProviderUnlinked { user: user.id, provider });
        }
        Ok(())
    }
}

#[async_trait]
impl SubjectLinks for People {
    async fn find_by_subject(&self, issuer: &str, subject: &str) -> Result<Option<UserId>> {
        let mut conn = self.engine()?.host.db().read().await?;
        let users = store::accounts::list_users(&mut conn, issuer, subject).await?;
        Ok(if let [only] = users.as_slice() { Some(*only) } else { None })
    }
}

#[async_trait]
impl DataExport for People {
    fn id(&self) -> &'static str {
        "oauth-client"
    }

    async fn export(&self, user: UserId) -> Result<Value> {
        let accounts = store::accounts::list(&mut self.engine()?.host.db().read().await?, user).await?;
        let accounts: Vec<LinkedAccountInfo> = accounts.into_iter().map(Into::into).collect();
        Ok(json!({ "linked_accounts": accounts }))
    }
}

#[async_trait]
impl Examined for People {
    async fn examine(&self) -> Vec<Checkup> {
        let Ok(engine) = self.engine() else { return Vec::new() };
        let mut findings = Vec::new();
        for provider in engine.all() {
            findings.push(provider.examine(&engine.host).await);
        }
        findings
    }
}
