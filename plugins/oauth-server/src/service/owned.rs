//! Clients of people and of organizations: made, changed and deleted by whoever they belong to.

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::{AuditEntry, Organizations};
use belgie_api::serde_json::{Value, json};
use belgie_api::{Caller, ClientId, Failure, OrgId, Result, UserId};

use super::OAuth;
use super::clients::{NewClient, Standing};
use super::powers::{Doer, is_operator};
use super::record::ended;
use super::secrets::unknown_client;
use crate::model::address::read_site;
use crate::model::client::{RegisteredClient, presentable_name};
use crate::model::details::{Offers, asks_nobody};
use crate::model::device::DEVICE_CODE;
use crate::model::owned::{ClientChange, ClientWish, OWNER, Owner, StandingColumns};
use crate::model::redirect::{RedirectKind, kind_of};
use crate::model::refusal;
use crate::model::registration::{ApplicationType, AuthMethod, Registration, read_redirects};
use crate::model::scopes::read_scopes;
use crate::store;

/// How many clients one owner has.
const MOST: usize = 50;

impl OAuth {
    /// The clients of an owner, newest first.
    ///
    /// # Errors
    /// 404 when the caller may not see them.
    pub async fn list_owned(&self, caller: &Caller, owner: Owner) -> Result<Vec<RegisteredClient>> {
        if !self.may_manage(caller, Some(owner)).await? {
            return Err(not_yours());
        }
        let mut conn = self.host.db().read().await?;
        self.list_of(&mut conn, owner).await
    }

    async fn list_of(&self, conn: &mut belgie_api::db::Conn, owner: Owner) -> Result<Vec<RegisteredClient>> {
        match owner {
            Owner::Person(user) => store::owned::list_of_person(conn, user).await,
            Owner::Organization(organization) => store::owned::list_of_organization(conn, organization).await,
        }
    }

    /// Makes a client for a person or an organization; its secret, if it has one, is shown now or never.
    ///
    /// # Errors
    /// 403 when the settings do not let the caller, 404 for an owner that is not theirs, 409 when there are 50, and what is
    /// wrong with what is wished.
    pub async fn create_owned(&self, doer: Doer<'_>, owner: Owner, wish: ClientWish) -> Result<NewClient> {
        if !self.may_manage(doer.caller, Some(owner)).await? {
            return Err(not_yours());
        }
        if !self.may_make_clients(doer.caller) {
            return Err(Failure::forbidden("client.not_allowed", "You may not make applications here.")
                .hint("Ask whoever runs this site."));
        }
        let as_operator = self.acts_as_operator(doer.caller, Some(owner)).await?;
        let registration = self.read_wish(&wish)?;
        let sector = self.find_sector(&registration.subjects, &registration.redirect_uris).await?;
        let standing = Standing { sector, ..Standing::default() };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_manager(&mut tx, doer, Some(owner), as_operator).await?.then_some(()).ok_or_else(not_yours)?;
        let new = self.add_owned(&mut tx, registration, standing, owner, doer.act("client.created")).await?;
        tx.commit(now).await?;
        Ok(new)
    }

    /// Makes a client for somebody at the operator's command, who alone needs no leave to. It is that owner's and not the operator's.
    ///
    /// # Errors
    /// 404 for an owner who is gone, 409 when there are 50, and `invalid_client_metadata` when it is not in the sector it names.
    pub async fn create_for(&self, owner: Owner, registration: Registration, standing: Standing) -> Result<NewClient> {
        let sector = self.find_sector(&registration.subjects, &registration.redirect_uris).await?;
        let standing = Standing { sector, ..standing };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let is_there = match (owner, self.host.provided::<Organizations>()) {
            (Owner::Person(user), _) => self.host.accounts().hold(&mut tx, user).await?.is_some(),
            (Owner::Organization(organization), Some(port)) => port.0.hold(&mut tx, organization).await?,
            (Owner::Organization(_), None) => false,
        };
        is_there.then_some(()).ok_or_else(not_yours)?;
        let act = AuditEntry::done("client.created");
        let new = self.add_owned(&mut tx, registration, standing, owner, act).await?;
        tx.commit(now).await?;
        Ok(new)
    }

    /// Adds a client of somebody's, who is held.
    async fn add_owned(
        &self,
        tx: &mut Tx,
        registration: Registration,
        standing: Standing,
        owner: Owner,
        act: AuditEntry,
    ) -> Result<NewClient> {
        if self.list_of(tx, owner).await?.len() >= MOST {
            return Err(Failure::conflict("client.too_many", format!("There can be {MOST} applications at most."))
                .hint("Delete one that is not needed."));
        }
        let mut new = self.add_client(tx, registration, OWNER, standing, self.host.now()).await?;
        new.client.standing = StandingColumns::of(owner);
        store::owned::set_owner(tx, &new.client.id, &new.client.standing).await?;
        let act = act.to(&new.client.id).within(new.client.standing.owner_organization_id);
        self.record(tx, &act).await?;
        Ok(new)
    }

    /// A wish as a registration: the very same rules.
    fn read_wish(&self, wish: &ClientWish) -> Result<Registration> {
        let offered = &self.host.catalog()?.scopes;
        if presentable_name(&wish.name).is_empty() {
            return Err(no_name());
        }
        if !wish.scopes.trim().is_empty() {
            read_scopes(&wish.scopes, offered)?;
        }
        check_site(&wish.uri)?;
        let method = match (wish.details.has_keys(), wish.is_confidential) {
            (true, true) => return Err(refusal::invalid_client_metadata("It has a secret or keys, not both.")),
            (true, false) => AuthMethod::PrivateKeyJwt,
            (false, true) => AuthMethod::SecretBasic,
            (false, false) => AuthMethod::None,
        };
        let device = (wish.details.device == Some(true)).then_some(DEVICE_CODE);
        let grants: Vec<&str> = ["authorization_code", "refresh_token"].into_iter().chain(device).collect();
        let mut members = wish.details.members(Offers::of(&self.settings, offered))?;
        members.extend([
            ("client_name".to_owned(), json!(wish.name)),
            ("client_uri".to_owned(), json!(wish.uri)),
            ("redirect_uris".to_owned(), json!(wish.redirect_uris)),
            ("grant_types".to_owned(), json!(grants)),
            ("token_endpoint_auth_method".to_owned(), json!(method.as_str())),
            ("scope".to_owned(), json!(wish.scopes)),
        ]);
        let document = Value::Object(members).to_string();
        Registration::read(document.as_bytes(), offered, &self.settings)
    }

    /// Changes a client. Whoever looks different, or sends answers elsewhere, is asked about again. The operator vouches no longer for who does,
    /// or who proves with other keys who it is, or is told elsewhere that people sign out, unless it is they who change it.
    ///
    /// # Errors
    /// 404 when it is not the caller's, and what is wrong with what is wished.
    pub async fn update_owned(&self, doer: Doer<'_>, id: &ClientId, change: ClientChange) -> Result<RegisteredClient> {
        let before = self.find_managed(doer.caller, id).await?;
        let as_operator = self.acts_as_operator(doer.caller, before.standing.owner()).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_own(&mut tx, doer, &before, as_operator).await?;
        let keeps_trust = is_operator(doer.caller);
        let after = self.change_in(&mut tx, id, change, keeps_trust, doer.act("client.changed")).await?;
        tx.commit(now).await?;
        Ok(after)
    }

    /// The same at the operator's command, of any client with a row. The operator goes on vouching for it.
    ///
    /// # Errors
    /// 404 for an unknown client, and what is wrong with what is wished.
    pub async fn update_client(&self, id: &ClientId, change: ClientChange) -> Result<RegisteredClient> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let after = self.change_in(&mut tx, id, change, true, AuditEntry::done("client.changed")).await?;
        tx.commit(now).await?;
        Ok(after)
    }

    async fn change_in(
        &self,
        tx: &mut Tx,
        id: &ClientId,
        change: ClientChange,
        keeps_trust: bool,
        act: AuditEntry,
    ) -> Result<RegisteredClient> {
        let before = store::secrets::hold(tx, id).await?.ok_or_else(unknown_client)?;
        let mut after = before.clone();
        self.apply(&mut after, change)?;
        store::clients::update(tx, &after).await?;
        if let Some(keys) = after.keys.as_ref().filter(|keys| before.keys.as_ref() != Some(keys)) {
            store::client_keys::set(tx, id, keys).await?;
        }
        self.note_looks(tx, &before, &after).await?;
        if before.is_another(&after) && !keeps_trust && before.standing.trusted_at.is_some() {
            store::owned::set_trust(tx, id, None).await?;
            after.standing.trusted_at = None;
        }
        self.record(tx, &act.to(id).within(before.standing.owner_organization_id)).await?;
        Ok(after)
    }

    fn apply(&self, client: &mut RegisteredClient, change: ClientChange) -> Result<()> {
        let offered = &self.host.catalog()?.scopes;
        change.details.apply(client, &self.settings, Offers::of(&self.settings, offered))?;
        if let Some(name) = change.name {
            client.name = Some(presentable_name(&name)).filter(|name| !name.is_empty()).ok_or_else(no_name)?;
        }
        if let Some(uri) = change.uri {
            check_site(&uri)?;
            client.uri = read_site(&uri);
        }
        if let Some(uris) = change.redirect_uris {
            if client.redirect_uris.is_empty() {
                return Err(asks_nobody());
            }
            let uris = read_redirects(&uris)?;
            // Of which sector a client is, its redirect URIs say; another sector would be told other names of the same people.
            if client.sector.is_some() && uris != client.redirect_uris {
                return Err(Failure::bad_request(
                    "client.has_a_sector",
                    "It knows people by names of its own, so its redirect URIs stay. Make another client.",
                ));
            }
            client.redirect_uris = uris;
            let is_local = client.redirect_uris.iter().any(|uri| kind_of(uri.as_str()) != RedirectKind::Https);
            let kind = if is_local { ApplicationType::Native } else { ApplicationType::Web };
            kind.as_str().clone_into(&mut client.application_type);
        }
        if let Some(scopes) = change.scopes {
            if client.service_id.is_some() {
                return Err(Failure::bad_request(
                    "client.scope_is_the_operators",
                    "What a machine may do, the operator says.",
                ));
            }
            client.scopes =
                if scopes.trim().is_empty() { belgie_api::ScopeSet::new() } else { read_scopes(&scopes, offered)? };
        }
        Ok(())
    }

    /// Gives a client of the caller's a new secret, shown now or never. Only a person in a browser gets one.
    ///
    /// # Errors
    /// 404 when it is not the caller's, 403 for an agent, 400 for a client that has no secret.
    pub async fn rotate_owned(&self, doer: Doer<'_>, id: &ClientId, overlap: Duration) -> Result<NewClient> {
        let client = self.find_managed(doer.caller, id).await?;
        if doer.caller.session().is_none() {
            return Err(Failure::forbidden("client.not_by_agents", "Secrets are shown to people on this site alone."));
        }
        let owner = client.standing.owner();
        let as_operator = self.acts_as_operator(doer.caller, owner).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_own(&mut tx, doer, &client, as_operator).await?;
        let act = doer.act("client.secret_rotated").within(client.standing.owner_organization_id);
        let new = self.rotate_in(&mut tx, id, overlap, None, act).await?;
        tx.commit(now).await?;
        Ok(new)
    }

    /// Deletes a client of the caller's, with everything given to it: how many grants.
    ///
    /// # Errors
    /// 404 when it is not the caller's.
    pub async fn delete_owned(&self, doer: Doer<'_>, id: &ClientId) -> Result<usize> {
        let client = self.find_managed(doer.caller, id).await?;
        let as_operator = self.acts_as_operator(doer.caller, client.standing.owner()).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_own(&mut tx, doer, &client, as_operator).await?;
        let act = doer.act("client.deleted").within(client.standing.owner_organization_id);
        let ended = self.delete_in(&mut tx, id, act, now).await?;
        tx.commit(now).await?;
        Ok(ended)
    }

    /// Every client, for operators: the newest 1,000.
    ///
    /// # Errors
    /// 404 for everybody else.
    pub async fn list_for_operator(&self, caller: &Caller) -> Result<Vec<RegisteredClient>> {
        if is_operator(caller) { self.list_clients().await } else { Err(not_yours()) }
    }

    /// Deletes what belongs to a person, or to an organization, that is about to go.
    pub(super) async fn delete_of_owner(&self, tx: &mut Tx, owner: Owner) -> Result<()> {
        let now = self.host.now();
        for client in self.list_of(tx, owner).await? {
            let act = AuditEntry { action: "client.deleted", ..ended() };
            self.delete_in(tx, &client.id, act.within(client.standing.owner_organization_id), now).await?;
        }
        Ok(())
    }

    /// Holds whoever acts upon a client, and looks once more whether they may.
    async fn hold_own(&self, tx: &mut Tx, doer: Doer<'_>, client: &RegisteredClient, as_operator: bool) -> Result<()> {
        let may = self.hold_manager(tx, doer, client.standing.owner(), as_operator).await?;
        may.then_some(()).ok_or_else(unknown_client)
    }

    /// The organizations whose clients a person may manage, for links on a page.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_managed_organizations(&self, caller: &Caller) -> Result<Vec<belgie_api::ports::OrgName>> {
        let mut managed = Vec::new();
        for organization in self.list_organizations(caller.user().id).await? {
            if self.may_manage_in(caller, organization.id).await? {
                managed.push(organization);
            }
        }
        Ok(managed)
    }

    /// Whose clients a caller means: an organization's, or their own.
    pub fn owner_of(&self, caller: &Caller, organization: Option<OrgId>) -> Owner {
        let person: UserId = caller.user().id;
        organization.map_or(Owner::Person(person), Owner::Organization)
    }
}

fn check_site(uri: &str) -> Result<()> {
    if uri.trim().is_empty() || read_site(uri).is_some() {
        return Ok(());
    }
    Err(Failure::bad_request("client.bad_site", "The web site is no address that begins with https://."))
}

fn no_name() -> Failure {
    Failure::bad_request("client.no_name", "The name is empty.")
        .hint("Say what people should read on the consent page.")
}

fn not_yours() -> Failure {
    Failure::not_found("client.not_yours", "There is nothing here that you may manage.")
}
