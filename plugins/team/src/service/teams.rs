//! Teams themselves: made, found, renamed, deleted.

use belgie_api::hooks::Act;
use belgie_api::ports::Size;
use belgie_api::{Event, OrgId, Result, TeamId, UserId};
use belgie_organization::{Actor, Attempt, Roles, permission, read_name, read_roles};
use serde::Serialize;
use serde_json::json;

use super::Teams;
use super::members::PAGE;
use super::work::{Tried, Work};
use crate::model::member::{InTeam, LEAD, Need, TeamMembership, TeamPowers};
use crate::model::refusal;
use crate::model::team::{NewTeam, Team, slug_for};
use crate::store;

/// How many characters of the name of a team stand on record that was not made.
const LONGEST_TRIED: usize = 64;

/// A team in the list of an organization.
#[derive(Clone, Debug, Serialize)]
pub struct TeamInfo {
    /// The team.
    #[serde(flatten)]
    pub team: Team,
    /// How many are in it.
    pub member_count: i64,
    /// What whoever looks is in it; `None` when they are not in it.
    pub roles: Option<Roles>,
}

/// Fifty of them.
#[derive(Clone, Debug, Serialize)]
pub struct TeamPage {
    /// By name.
    pub teams: Vec<TeamInfo>,
    /// Whether there is another page.
    pub has_more: bool,
}

/// A team as whoever looks sees it.
#[derive(Clone, Debug)]
pub struct TeamDetails {
    /// The team.
    pub team: Team,
    /// How many are in it.
    pub member_count: i64,
    /// What whoever looks may do with it.
    pub powers: TeamPowers,
}

fn name_of(text: &str) -> Result<String> {
    read_name(text).map_err(|_| refusal::invalid_name())
}

impl Teams {
    /// Makes a team. Whoever makes it leads it, unless they name somebody else.
    ///
    /// # Errors
    /// 404 when there is no such organization they are in, 403 without `team:create`, for an agent that acts for some teams
    /// alone, or when the organization has as many as it can, 409 when the slug is taken, 400 when a value is wrong or
    /// whoever is to lead it is not in the organization.
    pub async fn create(&self, actor: &Actor, organization: OrgId, new: NewTeam) -> Result<Team> {
        let organizations = self.organizations()?;
        let name = read_name(&new.name).ok().map(|name| name.chars().take(LONGEST_TRIED).collect::<String>());
        let details = json!({ "name": name, "organization": organization });
        let tried = Attempt::new("team.created", organization, details);
        organizations
            .attempt(
                actor,
                tried,
                Box::pin(async {
                    let mut conn = self.host.db().read().await?;
                    organizations.admit(&mut conn, actor, organization, Some(permission::TEAM_CREATE)).await?;
                    drop(conn);
                    if actor.is_bound_to_teams() {
                        return Err(refusal::bound_to_teams());
                    }
                    let name = name_of(&new.name)?;
                    let slug = slug_for(new.slug.as_deref(), &name)?;
                    let now = self.host.now();
                    let mut tx = self.host.db().begin().await?;
                    organizations.hold_people(&mut tx, actor, &[]).await?;
                    let held = organizations.hold(&mut tx, actor, organization, Some(permission::TEAM_CREATE)).await;
                    let (organization, _) = held?;
                    let count = store::teams::count(&mut tx, organization.id).await?;
                    if let Some(limit) =
                        self.settings.maximum_teams_per_organization.filter(|limit| count >= i64::from(*limit))
                    {
                        return Err(refusal::too_many(limit));
                    }
                    let id = TeamId::new(self.host.clock(), self.host.entropy());
                    let team =
                        Team { id, organization_id: organization.id, slug, name, created_at: now, updated_at: now };
                    if !store::teams::insert(&mut tx, &team).await? {
                        return Err(refusal::slug_taken());
                    }
                    let place = InTeam { team: &team, organization: &organization };
                    for listener in self.listeners.all() {
                        listener.after_create(&mut tx, place).await?;
                    }
                    let lead = new.lead.or(actor.user_id());
                    if let Some(user) = lead {
                        if !self.is_in_organization(&mut tx, &team, user).await? {
                            return Err(refusal::not_in_organization());
                        }
                        let member = self.new_member(id, user, read_roles([LEAD])?);
                        self.add_in(&mut tx, place, &member).await?;
                    }
                    let details = json!({ "slug": team.slug, "lead": lead });
                    self.record(&mut tx, actor, "team.created", &team, details).await?;
                    tx.commit(now).await?;
                    Ok(team)
                }),
            )
            .await
    }

    /// Fifty teams of an organization, by name; of an agent that acts for some of them, those. `page` counts from 0.
    ///
    /// # Errors
    /// 404 when there is no such organization they are in.
    pub async fn list(&self, actor: &Actor, organization: OrgId, page: u32) -> Result<TeamPage> {
        let organizations = self.organizations()?;
        let mut conn = self.host.db().read().await?;
        organizations.admit(&mut conn, actor, organization, None).await?;
        let mine = match actor.user_id() {
            Some(user) => store::members::list_of_user_in(&mut conn, user, organization).await?,
            None => Vec::new(),
        };
        let roles_in = |id| mine.iter().find(|own| own.id == id).map(|own| own.roles.clone());
        let (limit, offset) = (i64::from(PAGE), i64::from(page) * i64::from(PAGE));
        let mut found = if actor.is_bound_to_teams() {
            let mut reached = store::teams::list_counted(&mut conn, organization, i64::MAX, 0).await?;
            reached.retain(|counted| actor.reaches_team(counted.team.id));
            reached.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).collect()
        } else {
            store::teams::list_counted(&mut conn, organization, limit + 1, offset).await?
        };
        let has_more = found.len() > PAGE as usize;
        found.truncate(PAGE as usize);
        let info = |counted: store::teams::Counted| TeamInfo {
            roles: roles_in(counted.team.id),
            team: counted.team,
            member_count: counted.member_count,
        };
        Ok(TeamPage { teams: found.into_iter().map(info).collect(), has_more })
    }

    /// The teams of a person, of whichever organization, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_for(&self, user: UserId) -> Result<Vec<TeamMembership>> {
        store::members::list_of_user(&mut self.host.db().read().await?, user).await
    }

    /// The teams of a person in one organization.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_of_user_in(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamMembership>> {
        store::members::list_of_user_in(&mut self.host.db().read().await?, user, organization).await
    }

    /// The team of an organization that an id or a slug stands for; what whoever asks may do with it, every act asks
    /// itself.
    ///
    /// # Errors
    /// 404 when the text stands for none of this organization.
    pub async fn resolve(&self, organization: OrgId, text: &str) -> Result<TeamId> {
        let mut conn = self.host.db().read().await?;
        let found = match text.trim().parse() {
            Ok(id) => store::teams::find(&mut conn, id).await?.filter(|team| team.organization_id == organization),
            Err(_) => store::teams::find_by_slug(&mut conn, organization, &text.trim().to_lowercase()).await?,
        };
        found.map(|team| team.id).ok_or_else(refusal::unknown)
    }

    /// The team of an id, whoever asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, id: TeamId) -> Result<Option<Team>> {
        store::teams::find(&mut self.host.db().read().await?, id).await
    }

    /// Every team of an organization, whoever asks, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_all(&self, organization: OrgId) -> Result<Vec<Team>> {
        store::teams::list(&mut self.host.db().read().await?, organization).await
    }

    /// How many are in a team and what it is called, whoever asks; `None` when the organization has no such team.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn size(&self, organization: OrgId, id: TeamId) -> Result<Option<Size>> {
        let mut conn = self.host.db().read().await?;
        let found = store::teams::find(&mut conn, id).await?.filter(|team| team.organization_id == organization);
        let Some(team) = found else { return Ok(None) };
        Ok(Some(Size { name: team.name, members: store::members::count(&mut conn, id).await? }))
    }

    /// The teams of an organization into which somebody may bring others: with `team:update` all, else those they lead.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_open_to(&self, user: UserId, organization: OrgId) -> Result<Vec<Team>> {
        let organizations = self.organizations()?;
        let mut conn = self.host.db().read().await?;
        let admitted = organizations.admit(&mut conn, &Actor::user(user), organization, None).await;
        let in_organization = match admitted {
            Ok(powers) => powers,
            Err(failure) if failure.status().is_server_error() => return Err(failure),
            Err(_) => return Ok(Vec::new()),
        };
        let mine = store::members::list_of_user_in(&mut conn, user, organization).await?;
        let mut teams = store::teams::list(&mut conn, organization).await?;
        teams.retain(|team| {
            let roles = mine.iter().find(|own| own.id == team.id).map(|own| own.roles.clone());
            TeamPowers::new(&in_organization, roles).may(Need::Members)
        });
        Ok(teams)
    }

    /// A team as whoever acts sees it: everybody of the organization sees that it is there.
    ///
    /// # Errors
    /// 404 when there is none within reach.
    pub async fn details(&self, actor: &Actor, id: TeamId) -> Result<TeamDetails> {
        let (team, powers) = self.look(actor, id, Need::Organization).await?;
        let member_count = store::members::count(&mut self.host.db().read().await?, id).await?;
        Ok(TeamDetails { team, member_count, powers })
    }

    /// Gives a team another name. Its slug stays.
    ///
    /// # Errors
    /// 404, 403 without `team:update`, 400 when it is no name.
    pub async fn rename(&self, actor: &Actor, id: TeamId, name: &str) -> Result<Team> {
        let tried = Tried { action: "team.renamed", details: json!({}) };
        self.attempt(
            actor,
            id,
            tried,
            Box::pin(async {
                let Work { mut tx, organization, team: before, now, .. } = self.begin(actor, id, Need::Update).await?;
                let team = Team { name: name_of(name)?, updated_at: now, ..before.clone() };
                if team.name == before.name {
                    return Ok(before);
                }
                store::teams::rename(&mut tx, id, &team.name, now).await?;
                tx.emit(Event::OrganizationChanged { organization: organization.id });
                for listener in self.listeners.all() {
                    listener.after_update(&mut tx, InTeam { team: &team, organization: &organization }).await?;
                }
                let details = json!({ "name": { "before": before.name, "after": team.name } });
                self.record(&mut tx, actor, "team.renamed", &team, details).await?;
                tx.commit(now).await?;
                Ok(team)
            }),
        )
        .await
    }

    /// Deletes a team: from the commit on nobody is in it. Grants for it open no other team instead, and invitations into
    /// it lead into the organization alone.
    ///
    /// # Errors
    /// 404, 403 without `team:delete`, or what a listener says.
    pub async fn delete(&self, actor: &Actor, id: TeamId) -> Result<()> {
        let tried = Tried { action: "team.deleted", details: json!({}) };
        self.attempt(
            actor,
            id,
            tried,
            Box::pin(async {
                let Work { mut tx, organization, team, now, .. } = self.begin(actor, id, Need::Delete).await?;
                let act = Act::DeleteTeam { organization: organization.id, team: id };
                self.host.accounts().ask_vetoes(&mut tx, act).await?;
                for listener in self.listeners.all() {
                    listener.before_delete(&mut tx, InTeam { team: &team, organization: &organization }).await?;
                }
                if !store::teams::delete(&mut tx, id).await? {
                    return Err(refusal::unknown());
                }
                tx.emit(Event::OrganizationChanged { organization: organization.id });
                self.record(&mut tx, actor, "team.deleted", &team, json!({ "slug": team.slug })).await?;
                tx.commit(now).await
            }),
        )
        .await
    }
}
