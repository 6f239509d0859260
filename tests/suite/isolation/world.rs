//! Three organizations with three teams each, and everybody who asks.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::entropy::SystemEntropy;
use belgie_api::{OrgId, TokenKind, UserId};
use belgie_organization::{Actor, NewInvitation, NewOrganization, NewServiceToken, read_roles};
use belgie_team::NewTeam;
use serde_json::json;

use super::doors::Names;
use super::own::{self, Television};
use crate::oauth::own_clients::made;
use crate::organization::{done, join, known, organizations};
use crate::provider::read;
use crate::support::{Agent, Browser, Setup, TestGateway};
use crate::team::{enter, teams};

/// A word for each organization, which stands in whatever belongs to it and nowhere else: long enough
/// that no random token has it.
pub const WORDS: [&str; 3] = ["zebrafish", "walrusbay", "quaggahill"];
/// What distinguishes the teams of each.
pub const COLORS: [&str; 3] = ["red", "blue", "green"];
/// What opens every tool of organizations and teams, and those that manage applications.
pub const ALL: &str = "org:read org:manage team:manage clients:read clients:write";
/// What opens the list of what can act for a person.
pub const CONNECTIONS: &str = "connections:read";
/// Both, for agents of people.
pub const OWN: &str = "org:read org:manage team:manage clients:read clients:write connections:read";

/// What somebody is in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Owner,
    Admin,
    /// A member who leads the first team and is in the second.
    Lead,
    /// A member who is in the first team.
    Mate,
    /// A member in no team.
    Other,
    /// Somebody in no team with a role the organization has made itself, of [`CUSTOM`].
    Custom,
}

/// What that role allows: some of what administrators may, and not all of what goes with it.
const CUSTOM: [&str; 7] =
    ["member:read", "role:read", "invitation:read", "invitation:create", "agent:read", "team:update", "billing:manage"];

/// Everybody of one organization, in the order of [`World::people`].
const STANDINGS: [Standing; 5] = [Standing::Owner, Standing::Admin, Standing::Lead, Standing::Mate, Standing::Custom];

/// Somebody who asks.
#[derive(Clone)]
pub struct Person {
    /// Their address, or what else they are called.
    pub email: String,
    /// What they are, by the place of the organization in [`WORDS`].
    pub standings: Vec<(usize, Standing)>,
    pub browser: Browser,
    /// What their forms bring along.
    pub csrf: String,
    pub is_signed_in: bool,
}

impl Person {
    /// The column of the table in which they stand towards an organization, or a team of it.
    pub fn column(&self, place: usize, team: Option<usize>) -> &'static str {
        let standing = self.standings.iter().find(|(at, _)| *at == place).map(|(_, standing)| *standing);
        match (standing, team) {
            (None, _) if self.is_signed_in => "outside",
            (None, _) => "nobody",
            (Some(standing), team) => in_team(standing, team),
        }
    }

    /// The words that may be said to them about an organization, or about themselves: their own address has one.
    pub fn words(&self, about: Option<usize>) -> BTreeSet<usize> {
        let own: BTreeSet<usize> = self.standings.iter().map(|(place, _)| *place).collect();
        match about {
            Some(place) if own.len() > 1 => own.into_iter().filter(|known| *known == place).collect(),
            _ => own,
        }
    }
}

/// The column of somebody of the organization.
pub fn in_team(standing: Standing, team: Option<usize>) -> &'static str {
    match (standing, team) {
        (Standing::Custom, _) => "custom",
        (Standing::Owner, _) => "owner",
        (Standing::Admin, _) => "admin",
        (Standing::Lead, None | Some(0)) => "lead",
        (Standing::Lead, Some(1)) | (Standing::Mate, None | Some(0)) => "mate",
        _ => "other",
    }
}

/// The people of an organization.
#[derive(Clone)]
struct Cast {
    owner: UserId,
    admin: UserId,
    lead: UserId,
    mate: UserId,
    custom: UserId,
    worker: UserContext,
    of_worker: Browser,
    of_owner: Browser,
    spare: UserContext,
}

/// An organization as it stands.
pub struct Place {
    pub id: OrgId,
    /// What a request about it, and about each of its teams, carries.
    pub names: Vec<Names>,
    /// The token of its service.
    pub service: String,
    cast: Cast,
    /// The ids of what belongs to it; everything else of it has its word.
    ids: BTreeSet<String>,
}

impl Place {
    /// Who is who there: the owner, the administrator, whoever leads the first team, whoever is in it.
    pub fn person(&self, number: usize) -> UserId {
        [self.cast.owner, self.cast.admin, self.cast.lead, self.cast.mate][number]
    }

    /// The browser of somebody who is acted upon.
    pub fn worker(&self) -> Browser {
        self.cast.of_worker.clone()
    }
}

/// Everything there is.
pub struct World {
    pub gateway: TestGateway,
    pub places: Vec<Place>,
    pub people: Vec<Person>,
    /// What exists nowhere.
    pub nowhere: Names,
    pub agent: Agent,
    /// What lets devices begin to wait.
    pub television: Television,
}

/// A gateway on which one person can own as many organizations as a matrix needs.
pub fn setup() -> Setup {
    // Everybody types codes at an address of their own: so many may come from one.
    Setup::default().with_mail().server("trusted_proxies = [\"127.0.0.1/32\"]").config(
        "# rules\n[plugins.organization]\nmaximum_organizations_per_user = 10000\nmaximum_new_slugs_per_user_per_day = 10000\n\
         [plugins.oauth-server]\nclient_creation = \"people\"\ndevice_authorization = true",
    )
}

impl World {
    /// Makes it.
    pub async fn new(gateway: TestGateway) -> Self {
        let mut people = Vec::new();
        let mut places = Vec::new();
        for (place, word) in WORDS.into_iter().enumerate() {
            let (mut ids, mut browsers) = (Vec::new(), Vec::new());
            for standing in STANDINGS {
                let label = format!("{standing:?}").to_lowercase();
                let (user, browser) = known(&gateway, &format!("{label}.{word}@example.org")).await;
                ids.push(user.id);
                browsers.push(browser.clone());
                people.push(signed_in(&user.email, vec![(place, standing)], browser).await);
            }
            let (worker, of_worker) = known(&gateway, &format!("worker.{word}@example.org")).await;
            let spare = gateway.person(&format!("spare.{word}@example.org")).await;
            let [owner, admin, lead, mate, custom] = ids.try_into().expect("five of them");
            let of_owner = browsers.swap_remove(0);
            let cast = Cast { owner, admin, lead, mate, custom, worker, of_worker, of_owner, spare };
            places.push(furnish(&gateway, cast, word, &format!("{word}-house"), &[0, 1, 2], |_| true).await);
        }
        let (both, browser) = known(&gateway, "both@example.org").await;
        join(&gateway, places[0].id, both.id, "admin").await;
        join(&gateway, places[1].id, both.id, "member").await;
        let standings = vec![(0, Standing::Admin), (1, Standing::Other)];
        people.push(signed_in(&both.email, standings, browser).await);
        let (lonely, browser) = known(&gateway, "lonely@example.org").await;
        people.push(signed_in(&lonely.email, Vec::new(), browser).await);
        let mut browser = gateway.browser();
        let csrf = browser.get("/auth/signin").await.form("/auth/signin").value("csrf_token");
        let label = "a stranger".to_owned();
        people.push(Person { email: label.clone(), standings: Vec::new(), browser, csrf, is_signed_in: false });
        for (person, number) in people.iter_mut().zip(1..) {
            person.browser = person.browser.clone().at_address(&format!("198.51.100.{number}"));
        }
        let agent = Agent::register(&gateway).await;
        let remembered = Agent::register_with(&gateway, "https://agent.example/callback").await;
        for place in &mut places {
            let given = own::given(&agent, &remembered, &mut place.worker(), place.id).await;
            place.ids.extend(given.iter().filter(|(name, _)| *name != "question").map(|(_, id)| id.clone()));
            place.names.iter_mut().for_each(|names| names.0.extend(given.clone()));
        }
        let television = Television::new(&gateway).await;
        Self { gateway, places, people, nowhere: nowhere(), agent, television }
    }

    /// Whoever owns an organization.
    pub fn owner(&self, place: usize) -> &Person {
        &self.people[place * STANDINGS.len()]
    }

    /// Whoever leads its first team and is in the second.
    pub fn lead(&self, place: usize) -> &Person {
        &self.people[place * STANDINGS.len() + 2]
    }

    /// An administrator of the first organization who is a member of the second.
    pub fn both(&self) -> &Person {
        &self.people[WORDS.len() * STANDINGS.len()]
    }

    /// Where somebody stands in the list, as a number of their own.
    pub fn index(&self, person: &Person) -> usize {
        self.people.iter().position(|known| known.email == person.email).expect("one of them")
    }

    /// Another organization, in which the people of this one are the same, to do something in. `team`: the one it has.
    pub async fn scratch(&self, place: usize, team: usize, number: usize, used: &BTreeSet<&'static str>) -> Place {
        let (cast, word) = (self.places[place].cast.clone(), WORDS[place]);
        let slug = format!("{word}-case-{number}");
        furnish(&self.gateway, cast, word, &slug, &[team], |name| used.contains(name)).await
    }

    /// What stands in an answer and is of an organization that nothing may be said of: its word, or one of its ids.
    pub fn leak(&self, text: &str, allowed: &BTreeSet<usize>) -> Option<String> {
        let text = text.to_ascii_lowercase();
        let foreign: Vec<usize> = (0..WORDS.len()).filter(|place| !allowed.contains(place)).collect();
        let word = foreign.iter().map(|place| WORDS[*place]).find(|word| has(&text, word));
        // An id is three letters, an underscore and 32 digits.
        let mut ids = text.match_indices('_').filter_map(|(at, _)| text.get(at.checked_sub(3)?..at + 33));
        let is_foreign = |id: &&str| foreign.iter().any(|place| self.places[*place].ids.contains(*id));
        word.or_else(|| ids.find(is_foreign)).map(str::to_owned)
    }

    /// Everything that stands in the three organizations, but for what use changes.
    pub async fn state(&self) -> Vec<String> {
        let (host, lent, teams) = (Actor::host(), organizations(&self.gateway), teams(&self.gateway));
        let mut state = Vec::new();
        for place in &self.places {
            state.push(format!("{:?}", lent.find(place.id).await.expect("an answer")));
            state.push(format!("{:?}", lent.members(&host, place.id, 0).await.expect("members")));
            state.push(format!("{:?}", lent.roles(&host, place.id).await.expect("roles")));
            state.push(format!("{:?}", lent.invitations(&host, place.id, true).await.expect("invitations")));
            let services = lent.services(&host, place.id).await.expect("services");
            state.extend(services.into_iter().map(|service| service.id.to_string()));
            let query = format!("/auth/clients?organization={}", place.id);
            let mut clients = read(&mut place.cast.of_owner.clone(), &query).await.1["clients"].take();
            clients.as_array_mut().expect("a list").iter_mut().for_each(|client| drop(client["last_used_at"].take()));
            state.push(clients.to_string());
            state.push(format!("{:?}", own::left(place).await));
            let agents = lent.agents(&host, place.id, 0).await.expect("agents").agents;
            state.extend(agents.into_iter().map(|agent| agent.id));
            for info in teams.list(&host, place.id, 0).await.expect("teams").teams {
                let members = teams.members(&host, info.team.id, 0).await.expect("members");
                state.push(format!("{info:?} {members:?}"));
            }
        }
        state
    }
}

async fn signed_in(email: &str, standings: Vec<(usize, Standing)>, mut browser: Browser) -> Person {
    let csrf = browser.get("/organizations/new").await.form("/organizations/new").value("csrf_token");
    Person { email: email.to_owned(), standings, browser, csrf, is_signed_in: true }
}

fn nowhere() -> Names {
    let id = "019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b";
    let of = |kind: &str| format!("{kind}_{id}");
    Names(
        [
            ("organization", "nowhere-house".to_owned()),
            ("organization id", of("org")),
            ("team", "nowhere-red".to_owned()),
            ("team id", of("tea")),
            ("user", of("usr")),
            ("email", "worker.nowhere@example.org".to_owned()),
            ("spare", "spare.nowhere@example.org".to_owned()),
            ("outsider", "nobody@example.org".to_owned()),
            ("role", "nowhere-clerk".to_owned()),
            ("invitation", of("inv")),
            ("link", TokenKind::Link.mint(&SystemEntropy).expose().to_owned()),
            ("service", of("svc")),
            ("agent", of("grt")),
            ("client", of("cli")),
            ("token", of("tok")),
            ("consent", of("con")),
            ("question", TokenKind::Interaction.mint(&SystemEntropy).expose().to_owned()),
        ]
        .into(),
    )
}

/// Makes an organization of these people, with these teams, and what is needed of the rest.
async fn furnish(
    gateway: &TestGateway,
    cast: Cast,
    word: &str,
    slug: &str,
    colors: &[usize],
    needs: impl Fn(&str) -> bool,
) -> Place {
    let (host, lent) = (Actor::host(), organizations(gateway));
    let name = format!("The {} house", word.to_uppercase());
    let new = NewOrganization { name, slug: Some(slug.to_owned()), ..NewOrganization::default() };
    let id = lent.create_for(cast.owner, new).await.expect("an organization").id;
    let members = [(cast.admin, "admin"), (cast.lead, "member"), (cast.mate, "member"), (cast.worker.id, "member")];
    for (user, roles) in members.into_iter().chain([(cast.spare.id, "owner")]) {
        join(gateway, id, user, roles).await;
    }
    let own = format!("{word}-envoy");
    lent.create_role(&host, id, &own.parse().expect("a role"), CUSTOM.map(str::to_owned).into()).await.expect("a role");
    join(gateway, id, cast.custom, &own).await;
    let mut names = Names::default();
    let mut put = |name: &'static str, value: String| names.0.insert(name, value);
    put("organization", slug.to_owned());
    put("organization id", id.to_string());
    put("user", cast.worker.id.to_string());
    put("email", cast.worker.email.clone());
    put("spare", cast.spare.email.clone());
    put("outsider", "lonely@example.org".to_owned());
    let role = format!("{word}-clerk");
    put("role", role.clone());
    if needs("role") {
        let role = role.parse().expect("a role");
        lent.create_role(&host, id, &role, vec!["member:read".to_owned()]).await.expect("a role");
    }
    if needs("invitation") || needs("link") {
        let (email, roles) = (format!("guest.{word}@example.org"), read_roles(["member"]).expect("roles"));
        let new = NewInvitation { email, roles, resend: false, team: None };
        put("invitation", lent.invite(&host, id, new).await.expect("an invitation").id.to_string());
    }
    if needs("link") {
        put("link", gateway.letter_to(&format!("guest.{word}@example.org")).await.token());
    }
    let mut service = String::new();
    if needs("service") {
        let (roles, scopes) = (read_roles(["admin"]).expect("roles"), ALL.parse().expect("scopes"));
        let new =
            NewServiceToken { name: format!("The {word} clock"), roles, scopes, lifetime: Duration::from_secs(3600) };
        let (secret, made) = lent.create_service(&host, id, new).await.expect("a service");
        secret.expose().clone_into(&mut service);
        put("service", made.id.to_string());
    }
    if needs("agent") {
        let wish =
            json!({ "name": format!("{word} script"), "scope": "org:read", "ttl_seconds": 600, "organization": id });
        done(&mut cast.of_worker.clone(), "/auth/tokens/create", wish).await;
        put("agent", lent.agents(&host, id, 0).await.expect("agents").agents[0].id.clone());
    }
    if needs("client") {
        let wish = json!({
            "client_name": format!("The {word} notes"), "redirect_uris": [format!("https://{word}.example/callback")],
            "confidential": true, "organization": id,
        });
        put("client", made(&mut cast.of_owner.clone(), wish).await.0);
    }
    let mut all = Vec::new();
    for color in colors {
        let slug = format!("{word}-{}", COLORS[*color]);
        let new = NewTeam { name: format!("The {word} {}s", COLORS[*color]), slug: Some(slug.clone()), lead: None };
        let team = teams(gateway).create(&host, id, new).await.expect("a team").id;
        let roles = [("lead", cast.lead, 0), ("member", cast.lead, 1), ("member", cast.mate, 0)];
        for (role, user, _) in roles.into_iter().filter(|(_, _, at)| at == color) {
            enter(gateway, team, user, role).await;
        }
        enter(gateway, team, cast.worker.id, "member").await;
        let mut names = names.clone();
        names.0.insert("team", slug);
        names.0.insert("team id", team.to_string());
        all.push(names);
    }
    let of_it = all
        .iter()
        .flat_map(|names| &names.0)
        .filter(|(name, value)| !["outsider", "link"].contains(*name) && !has(value, word));
    let ids: BTreeSet<String> = of_it.map(|(_, id)| id.clone()).collect();
    assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes()[3] == b'_'), "a word or an id: {ids:?}");
    Place { id, names: all, service, cast, ids }
}

/// Whether a text has a word. Looked for by its first letter, a rare one: unoptimized, that is many times as fast.
pub fn has(text: &str, word: &str) -> bool {
    let first = word.chars().next().expect("a word");
    text.match_indices(first).any(|(at, _)| text[at..].starts_with(word))
}
