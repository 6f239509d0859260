//! The roles an organization makes itself.

use std::collections::BTreeSet;

use belgie_api::{Event, OrgId, Result, UserId};
use serde::Serialize;
use serde_json::json;

use super::Organizations;
use super::attempts::Attempt;
use super::invitations::with_ended;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::Powers;
use crate::model::role::{Role, Roles};
use crate::model::{permission, refusal};
use crate::store;

const MOST: i64 = 50;
/// How many are listed of those who may do something.
const MOST_PERMITTED: usize = 100;

/// A role and what it allows.
#[derive(Clone, Debug, Serialize)]
pub struct RoleInfo {
    /// Its name.
    pub name: Role,
    /// What it allows, as `resource:action`.
    pub permissions: BTreeSet<String>,
    /// Whether every organization has it.
    pub is_built_in: bool,
}

impl Organizations {
    /// Every role there is in an organization: owner, admin, member, then its own by name.
    ///
    /// # Errors
    /// 404, or 403 without `role:read`.
    pub async fn roles(&self, actor: &Actor, id: OrgId) -> Result<Vec<RoleInfo>> {
        let mut conn = self.host.db().read().await?;
        self.admit(&mut conn, actor, id, Some(permission::ROLE_READ)).await?;
        let fixed = [Role::owner(), Role::admin(), Role::member()].into_iter().map(|name| RoleInfo {
            permissions: name.fixed_permissions(&self.settings.matrix).unwrap_or_default(),
            name,
            is_built_in: true,
        });
        let own = store::roles::list(&mut conn, id).await?.into_iter();
        let own = own.map(|row| RoleInfo { name: row.name, permissions: row.permissions, is_built_in: false });
        Ok(fixed.chain(own).collect())
    }

    /// Those whose roles allow something: a hundred at most.
    pub(crate) async fn list_permitted(&self, id: OrgId, permission: &str) -> Result<BTreeSet<UserId>> {
        let mut conn = self.host.db().read().await?;
        let fixed = [Role::owner(), Role::admin(), Role::member()].into_iter().map(|name| {
            let permissions = name.fixed_permissions(&self.settings.matrix).unwrap_or_default();
            (name, permissions)
        });
        let own = store::roles::list(&mut conn, id).await?.into_iter().map(|row| (row.name, row.permissions));
        let mut found = BTreeSet::new();
        for (role, _) in fixed.chain(own).filter(|(_, permissions)| permissions.contains(permission)) {
            let left = MOST_PERMITTED.saturating_sub(found.len());
            found.extend(store::members::list_with_role(&mut conn, id, &role).await?.into_iter().take(left));
        }
        Ok(found)
    }

    /// Makes a role.
    ///
    /// # Errors
    /// 404, 403 without `role:create` or when it allows more than whoever makes it may, 409 when there is one of its name or
    /// there are 50, 400 when a permission is not known.
    pub async fn create_role(&self, actor: &Actor, id: OrgId, name: &Role, wanted: Vec<String>) -> Result<RoleInfo> {
        let known = self.settings.matrix.known_of(&wanted);
        let tried = Attempt::new("organization.role_created", id, json!({ "role": name, "permissions": known }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::ROLE_CREATE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                let permissions = self.settings.matrix.read(wanted)?;
                // Its name gives nothing to anybody yet: whoever is no administrator can make it, and neither give nor take it.
                powers.must_cover(&Powers { roles: Roles::new(), permissions: permissions.clone() })?;
                if name.is_built_in() {
                    return Err(refusal::role_taken());
                }
                if i64::try_from(store::roles::list(&mut tx, id).await?.len()).unwrap_or(MOST) >= MOST {
                    return Err(refusal::too_many_custom_roles(MOST));
                }
                if !store::roles::insert(&mut tx, id, name, &permissions, now).await? {
                    return Err(refusal::role_taken());
                }
                let details = json!({ "role": name, "permissions": permissions });
                self.record(&mut tx, actor, "organization.role_created", id, details).await?;
                tx.commit(now).await?;
                Ok(RoleInfo { name: name.clone(), permissions, is_built_in: false })
            }),
        )
        .await
    }

    /// Makes a role allow other things; for everybody who has it, at once.
    ///
    /// # Errors
    /// 404, 403 without `role:update` or when it allowed or will allow more than whoever changes it may, 409 for the three
    /// that are the same everywhere, 400 when there is no such role or permission.
    pub async fn update_role(&self, actor: &Actor, id: OrgId, name: &Role, wanted: Vec<String>) -> Result<RoleInfo> {
        let known = self.settings.matrix.known_of(&wanted);
        let tried = Attempt::new("organization.role_updated", id, json!({ "role": name, "permissions": known }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::ROLE_UPDATE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                let permissions = self.settings.matrix.read(wanted)?;
                if name.is_built_in() {
                    return Err(refusal::fixed_role());
                }
                let before = self.powers_of_roles(&mut tx, id, &[name.clone()].into()).await?;
                actor.must_cover(&powers, &before)?;
                actor.must_cover(&powers, &powers_of(name, &permissions))?;
                if !store::roles::update(&mut tx, id, name, &permissions, now).await? {
                    return Err(refusal::unknown_role());
                }
                let mut ended = Vec::new();
                if permissions != before.permissions {
                    ended = self.withdraw_all_uncovered(&mut tx, id).await?;
                    tx.emit(Event::OrganizationChanged { organization: id });
                }
                let details = with_ended(json!({ "role": name, "permissions": permissions }), &ended);
                self.record(&mut tx, actor, "organization.role_updated", id, details).await?;
                tx.commit(now).await?;
                Ok(RoleInfo { name: name.clone(), permissions, is_built_in: false })
            }),
        )
        .await
    }

    /// Deletes a role that no member and no service has and nobody is invited to have.
    ///
    /// # Errors
    /// 404, 403 without `role:delete` or when it allows more than whoever deletes it may, 409 when it is in use or the same
    /// everywhere, 400 when there is no such role.
    pub async fn delete_role(&self, actor: &Actor, id: OrgId, name: &Role) -> Result<()> {
        let tried = Attempt::new("organization.role_deleted", id, json!({ "role": name }));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                let work = self.begin(actor, id, &[], Some(permission::ROLE_DELETE)).await?;
                let Work { mut tx, powers, now, .. } = work;
                if name.is_built_in() {
                    return Err(refusal::fixed_role());
                }
                actor.must_cover(&powers, &self.powers_of_roles(&mut tx, id, &[name.clone()].into()).await?)?;
                let is_held = store::members::count_with_role(&mut tx, id, name.as_str()).await? > 0
                    || self.is_role_of_service(&mut tx, id, name).await?;
                if is_held || store::invitations::is_role_offered(&mut tx, id, name.as_str(), now).await? {
                    return Err(refusal::role_in_use());
                }
                if !store::roles::delete(&mut tx, id, name).await? {
                    return Err(refusal::unknown_role());
                }
                self.record(&mut tx, actor, "organization.role_deleted", id, json!({ "role": name })).await?;
                tx.commit(now).await
            }),
        )
        .await
    }
}

fn powers_of(name: &Role, permissions: &BTreeSet<String>) -> Powers {
    Powers { roles: [name.clone()].into(), permissions: permissions.clone() }
}
