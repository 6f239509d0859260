//! Organizations and teams in an application with routes and a table of its own: every team has a board, which whoever is in
//! the team reads and writes, on the application's routes and through an agent. `cargo run --example organization_team`.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use std::net::SocketAddr;

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use belgie::api::db::{Conn, Db, Tx};
use belgie::api::ports::Use;
use belgie::api::rmcp::handler::server::wrapper::Parameters;
use belgie::api::tools::Refused;
use belgie::api::{Caller, Failure, Host, Manifest, Mount, Plugin, Result, TeamId, ToolSet, access, on, tool};
use belgie::config::RawConfig;
use belgie::organization::{Actor, NewOrganization, OrganizationRecord, Organizations, read_roles};
use belgie::team::{InTeam, NewTeam, TeamLifecycle, TeamMember, TeamRecord, Teams};
use belgie::{Belgie, Builder, Gateway, ScopeInfo, SignedIn};
use schemars::JsonSchema;
use serde::Deserialize;

/// The application's own table, on whichever engine; a real one comes with migrations.
const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS board_notes (team_id TEXT NOT NULL, author TEXT NOT NULL, line TEXT NOT NULL)";
const PIN: &str = "INSERT INTO board_notes (team_id, author, line) VALUES ($1, $2, $3)";
const READ: &str = "SELECT author || ': ' || line FROM board_notes WHERE team_id = $1 ORDER BY line";
const CLEAR: &str = "DELETE FROM board_notes WHERE team_id = $1";

async fn pin_to(conn: &mut Conn, team: TeamId, author: &str, line: &str) -> Result<()> {
    on!(conn, c => sqlx::query(PIN).bind(team.to_string()).bind(author).bind(line).execute(c).await.map(drop))?;
    Ok(())
}

/// What hangs on the board of a team.
pub async fn notes_of(db: &Db, team: TeamId) -> Result<Vec<String>> {
    let mut conn = db.read().await?;
    Ok(on!(&mut conn, c => sqlx::query_scalar(READ).bind(team.to_string()).fetch_all(c).await)?)
}

/// A board goes with its team, in the same transaction: with the team's organization, too.
struct Boards;

#[belgie::api::async_trait]
impl TeamLifecycle for Boards {
    async fn before_delete(&self, tx: &mut Tx, place: InTeam<'_>) -> Result<()> {
        let team = place.team.id.to_string();
        on!(tx, c => sqlx::query(CLEAR).bind(team).execute(c).await.map(drop))?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Whoever signs in makes a company and owns it.
async fn create(
    SignedIn { caller, .. }: SignedIn,
    companies: Use<Organizations>,
    Json(new): Json<Name>,
) -> Result<Json<OrganizationRecord>> {
    let new = NewOrganization { name: new.name, ..NewOrganization::default() };
    Ok(Json(companies.create(&Actor::caller(&caller), new).await?))
}

/// Its owners and administrators make teams, and lead those they make. What somebody may not, the handle refuses.
async fn create_team(
    SignedIn { caller, .. }: SignedIn,
    companies: Use<Organizations>,
    teams: Use<Teams>,
    Path(company): Path<String>,
    Json(new): Json<Name>,
) -> Result<Json<TeamRecord>> {
    let company = companies.resolve(&company).await?;
    let new = NewTeam { name: new.name, ..NewTeam::default() };
    Ok(Json(teams.create(&Actor::caller(&caller), company, new).await?))
}

#[derive(Deserialize)]
struct Somebody {
    email: String,
}

/// Whoever leads a team adds people of the company.
async fn add(
    SignedIn { caller, .. }: SignedIn,
    teams: Use<Teams>,
    Path(team): Path<TeamId>,
    Json(somebody): Json<Somebody>,
) -> Result<Json<TeamMember>> {
    let actor = Actor::caller(&caller);
    let user = teams.candidate(&actor, team, &somebody.email).await?;
    Ok(Json(teams.add_member(&actor, team, user, &read_roles(["member"])?).await?))
}

/// Whether the person is in the team: the application's own rule, for its own routes.
async fn must_be_in(teams: &Teams, caller: &Caller, team: TeamId) -> Result<()> {
    match teams.details(&Actor::caller(caller), team).await?.powers.roles {
        Some(_) => Ok(()),
        None => Err(Failure::forbidden("board.not_yours", "This board is for the team alone.")),
    }
}

async fn board(
    SignedIn { caller, .. }: SignedIn,
    teams: Use<Teams>,
    Path(team): Path<TeamId>,
) -> Result<Json<Vec<String>>> {
    must_be_in(&teams, &caller, team).await?;
    Ok(Json(notes_of(teams.host().db(), team).await?))
}

#[derive(Deserialize)]
struct Note {
    line: String,
}

async fn pin(
    SignedIn { caller, .. }: SignedIn,
    teams: Use<Teams>,
    Path(team): Path<TeamId>,
    Json(note): Json<Note>,
) -> Result<Json<Vec<String>>> {
    must_be_in(&teams, &caller, team).await?;
    let host = teams.host();
    let mut tx = host.db().begin().await?;
    pin_to(&mut tx, team, &caller.user().email, &note.line).await?;
    tx.commit(host.now()).await?;
    Ok(Json(notes_of(host.db(), team).await?))
}

#[derive(Deserialize, JsonSchema)]
struct NewNote {
    /// The team, by its slug.
    team: String,
    /// What to say.
    line: String,
}

/// An agent pins to the boards of the teams its person let it act for. They are in its caller, as they are now.
async fn pin_note(
    belgie::api::State(host): belgie::api::State<Host>,
    caller: Caller,
    Parameters(note): Parameters<NewNote>,
) -> std::result::Result<String, Refused> {
    let found = caller.teams().iter().find(|team| team.slug == note.team);
    let team = found.ok_or_else(|| Failure::not_found("board.unknown", "You act for no such team."))?;
    let mut tx = host.db().begin().await?;
    pin_to(&mut tx, team.id, &caller.user().email, &note.line).await?;
    tx.commit(host.now()).await?;
    Ok(format!("Pinned to the board of {}", team.name))
}

/// What the application adds to the gateway: a tool, and an ear for what happens to teams.
struct BoardPlugin;

impl Plugin for BoardPlugin {
    fn manifest(&self) -> Manifest {
        let scope = ScopeInfo::by_default("board:write", "Pin notes to the boards of the teams it acts for");
        Manifest { id: "board", version: "1", needs: vec!["organization", "team"], scopes: vec![scope] }
    }

    fn mount(&self, host: &Host, mount: &mut Mount) -> Result<()> {
        mount.needed::<Teams>()?.listen(std::sync::Arc::new(Boards));
        let spec = tool("pin_note", "Pins a note to the board of a team").arguments::<NewNote>().plain();
        mount.tools(ToolSet::new(host.clone()).tool(spec, access().organization().scope("board:write"), pin_note));
        Ok(())
    }
}

/// A gateway with organizations and teams, which are there by default, and boards.
pub fn builder(config: RawConfig) -> Builder {
    Belgie::builder(config).plugin(BoardPlugin)
}

/// Makes the application's table.
pub async fn prepare(gateway: &Gateway) -> Result<()> {
    let host = gateway.host();
    let mut tx = host.db().begin().await?;
    on!(&mut tx, c => sqlx::query(TABLE).execute(c).await.map(drop))?;
    tx.commit(host.now()).await
}

/// The application with the gateway beside it and around it.
pub fn application(gateway: &Gateway) -> Router {
    let routes = Router::new()
        .route("/companies", post(create))
        .route("/companies/{company}/teams", post(create_team))
        .route("/boards/{team}", get(board).post(pin))
        .route("/boards/{team}/people", post(add))
        .layer(gateway.layer());
    routes.merge(gateway.router())
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?).listen().await?;
    prepare(&gateway).await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Then make a company at {}", gateway.host().urls().absolute("/organizations/new"));
    let application = application(&gateway);
    axum::serve(listener, application.into_make_service_with_connect_info::<SocketAddr>()).await?;
    gateway.shutdown().await;
    Ok(())
}
