//! Organizations themselves: made, found, changed, deleted.

use std::collections::BTreeSet;

use belgie_api::context::OrgContext;
use belgie_api::db::Conn;
use belgie_api::hooks::Act;
use belgie_api::ports::{OrgMember, Size};
use belgie_api::{Event, OrgId, Result, UserId};
use serde_json::{Value, json};

use super::Organizations;
use super::attempts::Attempt;
use super::work::Work;
use crate::actor::Actor;
use crate::model::member::{Member, Membership, Powers, Slugs};
use crate::model::organization::{
    NewOrganization, Organization, OrganizationChanges, check_metadata, read_logo, read_name,
};
use crate::model::role::Role;
use crate::model::{permission, refusal, slug};
use crate::store;
use crate::store::members::Standing;

/// An organization as one of its members sees it.
#[derive(Clone, Debug)]
pub struct Details {
    /// The organization.
    pub organization: Organization,
    /// What whoever looks may do in it.
    pub powers: Powers,
    /// How many members it has.
    pub members: i64,
}

impl Organizations {
    /// Makes an organization, owned by the person who acts.
    ///
    /// # Errors
    /// 403 when people may not make any or an agent acts, 409 when the slug is taken, the person owns too many or took too
    /// many slugs in a day, 400 when a value is wrong, 429 when they named too many in a minute.
    pub async fn create(&self, actor: &Actor, new: NewOrganization) -> Result<Organization> {
        let owner = actor.oneself()?;
        self.limit_slugs(actor).await?;
        if !self.settings.allow_user_to_create_organization {
            return Err(refusal::creation_closed());
        }
        self.create_owned(actor, owner, new).await
    }

    /// Makes an organization for somebody, whatever people may make themselves and however many they own.
    ///
    /// # Errors
    /// 404 when there is no such account, 409 when the slug is taken, 400 when a value is wrong.
    pub async fn create_for(&self, owner: UserId, new: NewOrganization) -> Result<Organization> {
        self.create_owned(&Actor::host(), owner, new).await
    }

    async fn create_owned(&self, actor: &Actor, owner: UserId, new: NewOrganization) -> Result<Organization> {
        let (name, wanted) = (read_name(&new.name)?, new.slug.filter(|slug| !slug.trim().is_empty()));
        let slug = match wanted {
            Some(wanted) => slug::read_slug(&wanted)?,
            None => slug::suggest(&name).ok_or_else(refusal::invalid_slug)?,
        };
        let logo_url = read_logo(new.logo_url.as_deref().unwrap_or_default())?;
        let metadata = new.metadata.unwrap_or_else(|| json!({}));
        check_metadata(&metadata)?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_people(&mut tx, actor, &[owner]).await?;
        self.room_to_own(&mut tx, actor, owner).await?;
        let id = OrgId::new(self.host.clock(), self.host.entropy());
        self.take_slug(&mut tx, actor, &slug, id, now).await?;
        let organization = Organization {
            id,
            slug,
            name,
            logo_url,
            metadata,
            created_by: Some(owner),
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        store::organizations::insert(&mut tx, &organization).await?;
        let member = Member { organization_id: id, user_id: owner, roles: [Role::owner()].into(), joined_at: now };
        store::members::insert(&mut tx, &member, self.new_stay()).await?;
        tx.emit(Event::MembershipChanged { organization: id, user: owner });
        for listener in self.listeners.all() {
            listener.after_create(&mut tx, &organization, &member).await?;
        }
        let details = json!({ "slug": organization.slug, "owner": owner });
        self.record(&mut tx, actor, "organization.created", id, details).await?;
        tx.commit(now).await?;
        Ok(organization)
    }

    /// Refuses whoever can choose no slug at all: they may make no organization, and may change none they are in. What is
    /// taken is theirs to ask no more than to try, and nobody's to ask without end.
    ///
    /// # Errors
    /// 403 for them, and for an agent, 429 when the person has asked too often.
    pub async fn must_choose_slugs(&self, actor: &Actor) -> Result<()> {
        let person = actor.person()?;
        self.limit_slugs(actor).await?;
        if self.settings.allow_user_to_create_organization {
            return Ok(());
        }
        let mut conn = self.host.db().read().await?;
        for membership in store::members::list_of_user(&mut conn, person).await? {
            let powers = self.powers(&mut conn, membership.organization_id, person).await?;
            if powers.is_some_and(|powers| powers.may(permission::ORGANIZATION_UPDATE)) {
                return Ok(());
            }
        }
        Err(refusal::creation_closed())
    }

    /// Whether a slug is taken: an organization has it or had it, or it is reserved.
    ///
    /// # Errors
    /// 400 when it is no slug.
    pub async fn check_slug(&self, text: &str) -> Result<bool> {
        match slug::read_slug(text) {
            Ok(slug) => Ok(store::slugs::find(&mut self.host.db().read().await?, &slug).await?.is_some()),
            Err(failure) if failure.code() == refusal::slug_taken().code() => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// Every slug an organization has or had, whether it is still there or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn list_slugs(&self, id: OrgId) -> Result<BTreeSet<String>> {
        store::slugs::list(&mut self.host.db().read().await?, id).await
    }

    /// The organization that an id, or the slug it has now, stands for; whether an id is of one that is still there and
    /// whether the person is in it, every act asks itself. A slug it had before stands for nothing here: who uses it may
    /// mean another one by now.
    ///
    /// # Errors
    /// 404 when the text stands for none.
    pub async fn resolve(&self, text: &str) -> Result<OrgId> {
        match text.parse() {
            Ok(id) => Ok(id),
            Err(_) => self.find_by_slug(text).await?.map(|found| found.id).ok_or_else(refusal::unknown),
        }
    }

    /// The same for a link to a page, which leads on from a slug an organization had before: show where it leads, and do
    /// nothing there.
    ///
    /// # Errors
    /// 404 when the text never stood for one.
    pub async fn follow(&self, text: &str) -> Result<OrgId> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let slug = text.trim().to_lowercase();
        if !slug::is_slug(&slug) {
            return Err(refusal::unknown());
        }
        store::slugs::find(&mut self.host.db().read().await?, &slug).await?.ok_or_else(refusal::unknown)
    }

    /// What a person is in an organization: roles and the permissions they open; `None` when they are not in it, or it is
    /// deleted. One query, by primary keys.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn membership(&self, user: UserId, id: OrgId) -> Result<Option<OrgContext>> {
        Ok(self.find_member(user, id).await?.map(|member| member.context))
    }

    /// The same, with the stay it is about.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn find_member(&self, user: UserId, id: OrgId) -> Result<Option<OrgMember>> {
        self.find_member_in(&mut self.host.db().read().await?, user, id).await
    }

    /// Holds an organization until the transaction ends; `false` when it is gone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn hold_only(&self, tx: &mut belgie_api::db::Tx, id: OrgId) -> Result<bool> {
        Ok(store::organizations::lock(tx, id).await?.is_some())
    }

    /// As [`find_member`](Self::find_member), on a connection of somebody's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn find_member_in(&self, conn: &mut Conn, user: UserId, id: OrgId) -> Result<Option<OrgMember>> {
        let rows = store::members::standing(conn, id, user).await?;
        let of = |row: &Standing| (Slugs::new(row.slug.clone(), row.former_slugs.as_deref()), row.id);
        let Some((slugs, stay)) = rows.first().map(of) else { return Ok(None) };
        // A stay without an id is one for which nothing can have been made.
        let membership = Some(stay.unwrap_or_else(|| self.new_stay()));
        Ok(Some(OrgMember { context: self.powers_from(rows).into_context(id, slugs), membership }))
    }

    /// The organizations of a person, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_for(&self, user: UserId) -> Result<Vec<Membership>> {
        store::members::list_of_user(&mut self.host.db().read().await?, user).await
    }

    /// A hundred organizations by name, for the operator: the first, or those behind another. None is left when there are none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_all(&self, after: Option<&Organization>) -> Result<Vec<Organization>> {
        store::organizations::list(&mut self.host.db().read().await?, after).await
    }

    /// The organization of an id, whoever asks; `None` when it is deleted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, id: OrgId) -> Result<Option<Organization>> {
        store::organizations::find(&mut self.host.db().read().await?, id).await
    }

    /// How many are in an organization and what it is called, whoever asks; `None` when it is deleted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn size(&self, id: OrgId) -> Result<Option<Size>> {
        let mut conn = self.host.db().read().await?;
        let Some(found) = store::organizations::find(&mut conn, id).await? else { return Ok(None) };
        Ok(Some(Size { name: found.name, members: store::members::count(&mut conn, id).await? }))
    }

    /// The organization that has this slug now, whoever asks; slugs it had before do not count.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_by_slug(&self, slug: &str) -> Result<Option<Organization>> {
        let slug = slug.trim().to_lowercase();
        store::organizations::find_by_slug(&mut self.host.db().read().await?, &slug).await
    }

    /// An organization as whoever acts sees it.
    ///
    /// # Errors
    /// 404 when there is none that the person is in.
    pub async fn details(&self, actor: &Actor, id: OrgId) -> Result<Details> {
        let mut conn = self.host.db().read().await?;
        let powers = self.admit(&mut conn, actor, id, None).await?;
        let organization = store::organizations::find(&mut conn, id).await?.ok_or_else(refusal::unknown)?;
        let members = store::members::count(&mut conn, id).await?;
        Ok(Details { organization, powers, members })
    }

    /// Changes an organization. A slug it had before leads to the new one and stays its own; what was let in at the endpoint
    /// under that slug ends, and does not come back with it.
    ///
    /// # Errors
    /// 404, 403 without `organization:update`, 409 when the slug is taken or whoever acts took too many in a day, 400 when
    /// a value is wrong.
    pub async fn update(&self, actor: &Actor, id: OrgId, changes: OrganizationChanges) -> Result<Organization> {
        let tried = Attempt::new("organization.updated", id, json!({}));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                if changes.slug.is_some() {
                    self.limit_slugs(actor).await?;
                }
                let work = self.begin(actor, id, &[], Some(permission::ORGANIZATION_UPDATE)).await?;
                let Work { mut tx, organization: before, now, .. } = work;
                let mut after = Organization { updated_at: now, ..before.clone() };
                if let Some(name) = &changes.name {
                    after.name = read_name(name)?;
                }
                if let Some(logo) = &changes.logo_url {
                    after.logo_url = read_logo(logo.as_deref().unwrap_or_default())?;
                }
                if let Some(metadata) = changes.metadata {
                    check_metadata(&metadata)?;
                    after.metadata = metadata;
                }
                if let Some(wanted) = &changes.slug {
                    after.slug =
                        if wanted.trim() == before.slug { before.slug.clone() } else { slug::read_slug(wanted)? };
                }
                if after.slug != before.slug {
                    self.take_slug(&mut tx, actor, &after.slug, id, now).await?;
                    store::slugs::retire(&mut tx, &before.slug, now).await?;
                    self.end_at(&mut tx, id, &before.slug).await?;
                }
                if after.slug != before.slug || after.name != before.name {
                    tx.emit(Event::OrganizationChanged { organization: id });
                }
                store::organizations::update(&mut tx, &after).await?;
                for listener in self.listeners.all() {
                    listener.after_update(&mut tx, &after).await?;
                }
                let details =
                    json!({ "slug": changed(&before.slug, &after.slug), "name": changed(&before.name, &after.name) });
                self.record(&mut tx, actor, "organization.updated", id, details).await?;
                tx.commit(now).await?;
                Ok(after)
            }),
        )
        .await
    }

    /// Deletes an organization: from the commit on nobody is in it. Its slugs stay taken for good.
    ///
    /// # Errors
    /// 404, 403 without `organization:delete` or for an agent, or what a listener says.
    pub async fn delete(&self, actor: &Actor, id: OrgId) -> Result<()> {
        let tried = Attempt::new("organization.deleted", id, json!({}));
        self.attempt(
            actor,
            tried,
            Box::pin(async {
                actor.must_be_no_agent()?;
                let work = self.begin(actor, id, &[], Some(permission::ORGANIZATION_DELETE)).await?;
                let Work { mut tx, organization, now, .. } = work;
                self.delete_in(&mut tx, actor, &organization).await?;
                tx.commit(now).await
            }),
        )
        .await
    }

    /// Deletes an organization that is held.
    pub(super) async fn delete_in(
        &self,
        tx: &mut belgie_api::db::Tx,
        actor: &Actor,
        organization: &Organization,
    ) -> Result<()> {
        let (id, now) = (organization.id, self.host.now());
        self.host.accounts().ask_vetoes(tx, Act::DeleteOrganization { organization: id }).await?;
        for listener in self.listeners.all() {
            listener.before_delete(tx, organization).await?;
        }
        if !store::organizations::delete(tx, id, now).await? {
            return Err(refusal::unknown());
        }
        tx.emit(Event::OrganizationChanged { organization: id });
        self.record(tx, actor, "organization.deleted", id, json!({ "slug": organization.slug })).await
    }
}

fn changed(before: &str, after: &str) -> Value {
    if before == after { Value::Null } else { json!({ "before": before, "after": after }) }
}
