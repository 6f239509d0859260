//! What the rest of the host asks about the people in organizations.

use std::sync::Arc;

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::{Act, Veto};
use belgie_api::plugin::DataExport;
use belgie_api::serde_json::{Value, json};
use belgie_api::{OrgId, Result, UserId, async_trait};

use super::Organizations;
use super::invitations::with_ended;
use crate::actor::Actor;
use crate::model::member::Member;
use crate::model::refusal;
use crate::store;

/// How an operator comes into the session of somebody else, which is no sign-in of that person.
const WORN: &str = "impersonation";

/// Organizations as others know them.
pub struct People(pub Arc<Organizations>);

#[async_trait]
impl Veto for People {
    fn name(&self) -> &'static str {
        "organization.people"
    }

    async fn check(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        match act {
            Act::Delete { user } => self.0.let_go(tx, user).await,
            Act::SignIn { user, method } if user.email_verified && method != WORN => {
                self.0.join_by_domain(tx, user).await
            }
            _ => Ok(()),
        }
    }
}

impl Organizations {
    /// An account goes. Organizations only it was in go with it; where others stay, so must an owner.
    async fn let_go(&self, tx: &mut Tx, user: &UserContext) -> Result<()> {
        self.host.accounts().hold(tx, user.id).await?;
        let mut memberships = store::members::list_of_user(tx, user.id).await?;
        memberships.sort_by_key(|membership| membership.organization_id);
        let actor = Actor::user(user.id);
        for membership in memberships {
            let id = membership.organization_id;
            let Some(organization) = store::organizations::lock(tx, id).await? else { continue };
            let Some((member, powers)) = self.standing(tx, id, user.id).await? else { continue };
            let is_last = powers.is_owner() && store::members::count_owners(tx, id).await? <= 1;
            if is_last && store::members::count(tx, id).await? > 1 {
                return Err(refusal::sole_owner(&organization.name));
            }
            if is_last {
                self.delete_in(tx, &actor, &organization).await?;
            } else {
                let ended = self.remove_in(tx, &organization, &member).await?;
                let details = with_ended(json!({ "user": user.id, "by": "deletion" }), &ended);
                self.record(tx, &actor, "organization.left", id, details).await?;
            }
        }
        store::members::delete_of_user(tx, user.id).await?;
        store::departures::forget_user(tx, user.id).await?;
        store::invitations::forget_user(tx, user.id).await?;
        store::slugs::forget_user(tx, user.id).await?;
        store::services::forget_maker(tx, user.id).await?;
        store::organizations::forget_maker(tx, user.id).await
    }

    /// Somebody with a proven address signs in, and comes into the organizations that the application says its domain
    /// belongs to. Nothing of it keeps anybody from signing in but a database that does not answer.
    async fn join_by_domain(&self, tx: &mut Tx, user: &UserContext) -> Result<()> {
        let Some((_, domain)) = user.email.rsplit_once('@') else { return Ok(()) };
        let mut joins = Vec::new();
        for listener in self.listeners.all() {
            joins.extend(listener.joins_by_domain(tx, user, domain).await?);
        }
        joins.sort_by_key(|join| join.organization);
        for join in joins {
            // Most who sign in are members long since: they hold up nobody, and wait for nobody.
            if !self.may_join(tx, join.organization, user.id).await? {
                continue;
            }
            let Some(organization) = store::organizations::lock(tx, join.organization).await? else { continue };
            if !self.may_join(tx, organization.id, user.id).await? {
                continue;
            }
            let now = self.host.now();
            let member =
                Member { organization_id: organization.id, user_id: user.id, roles: join.roles, joined_at: now };
            let limit = i64::from(self.settings.maximum_members_per_organization);
            let as_person = Actor::user(user.id);
            if self.room_for(tx, &as_person, user.id, &member.roles).await.is_err() {
                tracing::warn!(org.id = %organization.id, "somebody could not join by domain: they own too many");
                continue;
            }
            let has_roles = self.powers_of_roles(tx, organization.id, &member.roles).await.is_ok();
            if !has_roles || member.roles.is_empty() || store::members::count(tx, organization.id).await? >= limit {
                tracing::warn!(org.id = %organization.id, "somebody could not join by domain: full, or no such role");
                continue;
            }
            self.add_in(tx, &organization, &member).await?;
            let details = json!({ "user": user.id, "roles": member.roles, "by": "domain" });
            self.record(tx, &as_person, "organization.member_added", organization.id, details).await?;
        }
        Ok(())
    }

    /// Whether somebody is neither in an organization nor was once.
    async fn may_join(&self, tx: &mut Tx, id: OrgId, user: UserId) -> Result<bool> {
        let is_in = self.standing(tx, id, user).await?.is_some();
        Ok(!is_in && !store::departures::has_left(tx, id, user).await?)
    }
}

#[async_trait]
impl DataExport for People {
    fn id(&self) -> &'static str {
        "organization"
    }

    async fn export(&self, user: UserId) -> Result<Value> {
        let memberships = self.0.list_for(user).await?;
        let invitations = self.0.invitations_for_me(&Actor::user(user)).await?;
        let invitation = |shown: &super::ShownInvitation| {
            json!({
                "id": shown.invitation.id,
                "organization": shown.organization.name,
                "roles": shown.invitation.roles,
                "created_at": shown.invitation.created_at,
                "expires_at": shown.invitation.expires_at,
            })
        };
        Ok(json!({
            "memberships": memberships,
            "invitations": invitations.iter().map(invitation).collect::<Vec<_>>(),
        }))
    }
}
