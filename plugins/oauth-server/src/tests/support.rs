//! A gateway of one plugin, and the people and programs that use it.

#![expect(clippy::disallowed_methods, reason = "a test is no part of the machine")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock};

use belgie_api::axum::Router;
use belgie_api::axum::body::{Body, to_bytes};
use belgie_api::axum::http::{HeaderMap, Request, StatusCode, header};
use belgie_api::clock::ShiftedClock;
use belgie_api::context::{ClientContext, UserContext};
use belgie_api::crypto::{base64url, sha256};
use belgie_api::db::{Db, Pools};
use belgie_api::entropy::SystemEntropy;
use belgie_api::event::{Bus, Event};
use belgie_api::host::{Contexts, Nowhere, PrincipalParts, caller, principal};
use belgie_api::plugin::{MountParts, Plugin, ScopeGrant, ScopeHierarchy, ScopeInfo};
use belgie_api::ports::{Catalog, HostParts, Urls};
use belgie_api::web::{RequestInfo, Visitor};
use belgie_api::{
    Caller, ClientId, Clock, Failure, Host, Mount, PlainToken, ScopeSet, SessionId, UserId, VerifiedToken, on,
};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tower::ServiceExt;
use url::Url;

use super::stand_ins::{Buckets, People, PlainPages, Web};
use crate::{OAuthServer, Settings};

pub const ISSUER: &str = "https://belgie.example";
pub const RESOURCE: &str = "https://belgie.example/mcp";
pub const VERIFIER: &str = "a-verifier-of-forty-three-characters-at-least.~";
pub const CALLBACK: &str = "http://127.0.0.1:41234/callback";

pub struct Bench {
    pub plugin: OAuthServer,
    pub host: Host,
    pub parts: MountParts,
    pub router: Router,
    pub clock: Arc<ShiftedClock>,
    pub web: Arc<Web>,
    pub buckets: Arc<Buckets>,
    pub people: Arc<People>,
    pub events: Arc<Mutex<Vec<Event>>>,
    file: Option<PathBuf>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = self.file.as_ref().map(|file| std::fs::remove_file(format!("{}{end}", file.display())));
        }
    }
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub failure: Option<Failure>,
    pub form_action: Option<String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {:?}", self.body, self.failure))
    }

    /// The RFC 6749 error code, however it travels.
    pub fn error(&self) -> String {
        let failure = self.failure.as_ref().map(|failure| failure.code().to_owned());
        failure.or_else(|| self.json()["error"].as_str().map(str::to_owned)).unwrap_or_default()
    }

    pub fn location(&self) -> Url {
        let text = self.headers.get(header::LOCATION).unwrap_or_else(|| panic!("no redirect: {:?}", self.failure));
        Url::parse(ISSUER).unwrap().join(text.to_str().unwrap()).unwrap()
    }

    /// A parameter of the redirect; it must be there at most once.
    pub fn sent(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.location().query_pairs().filter(|(key, _)| key == name).map(|(_, v)| v.into_owned()).collect();
        assert!(values.len() <= 1, "{name} came {} times", values.len());
        values.into_iter().next()
    }
}

pub fn challenge() -> String {
    base64url(&sha256(VERIFIER.as_bytes()))
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Bench {
    /// One bench for every engine at hand.
    pub async fn every() -> Vec<Self> {
        Self::every_with(Settings::default()).await
    }

    pub async fn every_with(settings: Settings) -> Vec<Self> {
        let mut benches = Vec::new();
        let (pools, file) = sqlite().await;
        benches.push(Self::new(pools, Some(file), settings.clone()));
        if let Ok(url) = std::env::var("BELGIE_TEST_POSTGRES_URL") {
            benches.push(Self::new(postgres(&url).await, None, settings));
        }
        benches
    }

    fn new(pools: Pools, file: Option<PathBuf>, settings: Settings) -> Self {
        Self::new_at(pools, file, settings, Arc::default())
    }

    fn new_at(pools: Pools, file: Option<PathBuf>, settings: Settings, clock: Arc<ShiftedClock>) -> Self {
        let bus = Arc::new(Bus::default());
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let heard = Arc::clone(&events);
        bus.subscribe(Arc::new(move |event| heard.lock().unwrap().push(event.clone())));
        let scope = |name: &'static str, grant| ScopeInfo::new(name, format!("Do {name}"), grant);
        let catalog = Catalog {
            scopes: vec![
                scope("notes:read", ScopeGrant::ByDefault),
                scope("notes:write", ScopeGrant::OnRequest),
                scope("admin", ScopeGrant::OnRequest),
            ],
            resources: vec![RESOURCE.to_owned(), format!("{RESOURCE}/other")],
            organizations_under: None,
            hierarchy: ScopeHierarchy::default(),
        };
        let (web, buckets, people) = (Arc::default(), Arc::default(), Arc::default());
        let host = Host::new(HostParts {
            db: Db::new(pools, bus),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SystemEntropy),
            urls: Urls::new(Url::parse(ISSUER).unwrap()),
            keys: Arc::new(super::stand_ins::PlainSeals),
            sessions: Arc::new(super::stand_ins::Browsers),
            newcomers: Arc::new(Nowhere),
            one_time: Arc::new(Nowhere),
            mailer: Arc::new(Nowhere),
            background: Arc::new(Nowhere),
            audit: Arc::new(super::stand_ins::NoRecord),
            provided: std::sync::Weak::new(),
            outbound: Arc::clone(&web) as Arc<_>,
            pages: Arc::new(PlainPages),
            accounts: Arc::clone(&people) as Arc<_>,
            limits: Arc::clone(&buckets) as Arc<_>,
            catalog: Arc::new(OnceLock::from(catalog)),
            plans: belgie_api::Plans::default(),
        });
        let plugin = OAuthServer::new(settings);
        let mut mount = Mount::default();
        plugin.mount(&host, &mut mount).unwrap();
        let mut parts = mount.into_parts();
        let routes = std::mem::take(&mut parts.routes);
        let router = routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler));
        Self { plugin, host, parts, router, clock, web, buckets, people, events, file }
    }

    /// Another node on the same database, with the same clock, that hears nothing of this one.
    pub fn deaf_node(&self, settings: Settings) -> Self {
        let node = Self::new_at(self.host.db().pools().clone(), None, settings, Arc::clone(&self.clock));
        node.people.0.lock().unwrap().clone_from(&self.people.0.lock().unwrap());
        node
    }

    /// A person with an account, in a browser session.
    pub async fn sign_up(&self, email: &str) -> Caller {
        let (clock, entropy, now) = (self.host.clock(), self.host.entropy(), self.host.now());
        let user = UserContext {
            id: UserId::new(clock, entropy),
            email: email.to_owned(),
            email_verified: true,
            name: "Ada".to_owned(),
            scopes: ScopeSet::new(),
        };
        let mut tx = self.host.db().begin().await.unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO core_users (id, email, name, scopes, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)")
            .bind(user.id).bind(email).bind(&user.name).bind(sqlx::types::Json(&user.scopes)).bind(now)
            .execute(c).await.map(drop))
        .unwrap();
        tx.commit(now).await.unwrap();
        self.people.0.lock().unwrap().push(user.clone());
        self.sign_in(&user).await
    }

    /// Gives an account of this address a scope of its own, or takes all of them away; the account signs in anew.
    pub async fn set_account_scopes(&self, person: &Caller, scopes: &str) -> Caller {
        let mut user = person.user().clone();
        user.scopes = scopes.parse().unwrap();
        {
            let mut people = self.people.0.lock().unwrap();
            people.retain(|known| known.id != user.id);
            people.push(user.clone());
        }
        self.sign_in(&user).await
    }

    /// The same person in another browser session.
    pub async fn sign_in(&self, user: &UserContext) -> Caller {
        let (session, now) = (SessionId::new(self.host.clock(), self.host.entropy()), self.host.now());
        let ends = now.plus(std::time::Duration::from_secs(86_400));
        let mut tx = self.host.db().begin().await.unwrap();
        on!(&mut tx, c => sqlx::query("INSERT INTO core_sessions \
            (id, user_id, token_hash, created_at, renewed_at, expires_at, last_seen_at, ip, user_agent) \
            VALUES ($1, $2, $3, $4, $4, $5, $4, '', '')")
            .bind(session).bind(user.id).bind(sha256(session.to_string().as_bytes()).to_vec()).bind(now).bind(ends)
            .execute(c).await.map(drop))
        .unwrap();
        tx.commit(now).await.unwrap();
        let parts = PrincipalParts {
            user: user.clone(),
            service: None,
            client: ClientContext { id: ClientId::from_wire("web"), name: "web".to_owned() },
            session: Some(session),
            presence: None,
            grant: None,
            token: None,
            scopes: ScopeSet::new(),
            binding: belgie_api::GrantBinding::default(),
            expires_at: ends,
        };
        caller(Arc::new(principal(parts)), Contexts::default())
    }

    pub fn visitor(&self, person: Option<&Caller>) -> Visitor {
        let info = RequestInfo { id: "req".into(), ip: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        Visitor { info, caller: person.cloned(), csrf_token: "csrf".into(), browser: "browser".into(), is_fresh: true }
    }

    pub async fn send(&self, mut request: Request<Body>, person: Option<&Caller>) -> Answer {
        let visitor = self.visitor(person);
        request.extensions_mut().insert(visitor.info.clone());
        request.extensions_mut().insert(visitor);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            failure: parts.extensions.get::<Failure>().cloned(),
            form_action: parts.extensions.get::<belgie_api::web::FormAction>().map(|source| source.0.clone()),
            headers: parts.headers,
            body: String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, path: &str, person: Option<&Caller>) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap(), person).await
    }

    pub async fn post(&self, path: &str, pairs: &[(&str, &str)], person: Option<&Caller>) -> Answer {
        self.post_with(path, pairs, &[], person).await
    }

    pub async fn post_with(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        headers: &[(&str, &str)],
        person: Option<&Caller>,
    ) -> Answer {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form(pairs))).unwrap(), person).await
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        self.send(request.body(Body::from(body.to_string())).unwrap(), None).await
    }

    /// A public client that registered itself.
    pub async fn register(&self) -> String {
        let answer = self
            .post_json(
                "/register",
                &json!({
                    "redirect_uris": [CALLBACK], "client_name": "Agent", "token_endpoint_auth_method": "none",
                    "grant_types": ["authorization_code", "refresh_token"],
                }),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.failure);
        answer.json()["client_id"].as_str().unwrap().to_owned()
    }

    /// The consent page for a client; `changes` replace or take out (empty) parameters.
    pub async fn ask(&self, person: Option<&Caller>, client: &str, changes: &[(&str, &str)]) -> Answer {
        self.get(&authorize_path(client, changes), person).await
    }

    /// A code for a client, allowed by a person.
    pub async fn allow(&self, person: &Caller, client: &str, changes: &[(&str, &str)]) -> String {
        let page = self.ask(Some(person), client, changes).await;
        let handle = page.json()["context"]["request"].as_str().unwrap().to_owned();
        let answer = self.post("/authorize", &[("request", &handle), ("decision", "allow")], Some(person)).await;
        answer.sent("code").unwrap()
    }

    pub async fn redeem(&self, client: &str, code: &str) -> Answer {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", &pairs, None).await
    }

    pub async fn refresh(&self, client: &str, token: &str) -> Answer {
        self.post("/token", &[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)], None)
            .await
    }

    /// Everything up to the first tokens: access and refresh.
    pub async fn connect(&self, person: &Caller, client: &str) -> (String, String) {
        let code = self.allow(person, client, &[]).await;
        let answer = self.redeem(client, &code).await;
        tokens(&answer)
    }

    /// Does everything that is done beside the requests, once.
    pub async fn run_jobs(&self) {
        for job in &self.parts.jobs {
            (job.work)().await.unwrap();
        }
    }

    /// How many answers to refreshes are kept.
    pub async fn kept_answers(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM oauth_server_refresh_tokens WHERE answer IS NOT NULL";
        let mut conn = self.host.db().read().await.unwrap();
        belgie_api::on!(&mut conn, c => sqlx::query_scalar::<_, i64>(sql).fetch_one(c).await).unwrap()
    }

    /// What the resource server learns of a token.
    pub async fn verify(&self, token: &str) -> Option<VerifiedToken> {
        let (verifier, now) = (&self.parts.verifiers[0], self.host.now());
        match PlainToken::parse(token) {
            Some(token) => verifier.verify(&token, now).await.unwrap(),
            None => verifier.verify_signed(token, now).await.unwrap(),
        }
    }

    pub fn heard(&self, event: &Event) -> bool {
        self.events.lock().unwrap().contains(event)
    }
}

pub fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.failure);
    let body = answer.json();
    (body["access_token"].as_str().unwrap().to_owned(), body["refresh_token"].as_str().unwrap_or_default().to_owned())
}

pub fn authorize_path(client: &str, changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("state", "a b&c"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("resource", RESOURCE),
        ("scope", "notes:read"),
    ];
    pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    format!("/authorize?{}", form(&pairs))
}

async fn sqlite() -> (Pools, PathBuf) {
    let mut name = [0_u8; 16];
    belgie_api::Entropy::fill(&SystemEntropy, &mut name);
    let file = std::env::temp_dir().join(format!("belgie-oauth-{}.db", base64url(&name)));
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(std::time::Duration::from_secs(30));
    let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    for sql in [
        include_str!("../../../../migrations/sqlite/0001_accounts.sql"),
        include_str!("../../../../migrations/sqlite/0002_people.sql"),
        include_str!("../../migrations/sqlite/0001_oauth_server.sql"),
        include_str!("../../migrations/sqlite/0002_organization.sql"),
        include_str!("../../migrations/sqlite/0003_memberships.sql"),
        include_str!("../../migrations/sqlite/0004_refresh_answers.sql"),
        include_str!("../../migrations/sqlite/0005_machines.sql"),
        include_str!("../../migrations/sqlite/0006_keys.sql"),
        include_str!("../../migrations/sqlite/0007_signed_in.sql"),
        include_str!("../../migrations/sqlite/0008_consents.sql"),
        include_str!("../../migrations/sqlite/0009_id_tokens.sql"),
        include_str!("../../migrations/sqlite/0010_told.sql"),
        include_str!("../../migrations/sqlite/0011_logout.sql"),
        include_str!("../../migrations/sqlite/0012_pairwise.sql"),
        include_str!("../../migrations/sqlite/0013_client_keys.sql"),
        include_str!("../../migrations/sqlite/0014_devices.sql"),
        include_str!("../../migrations/sqlite/0015_pushed.sql"),
        include_str!("../../migrations/sqlite/0016_exchanged.sql"),
        include_str!("../../migrations/sqlite/0017_client_secrets.sql"),
        include_str!("../../migrations/sqlite/0018_registrations.sql"),
        include_str!("../../migrations/sqlite/0019_owners.sql"),
        include_str!("../../migrations/sqlite/0020_dpop.sql"),
        include_str!("../../migrations/sqlite/0021_pushed_only.sql"),
        include_str!("../../migrations/sqlite/0022_steps.sql"),
        include_str!("../../migrations/sqlite/0024_denials.sql"),
        include_str!("../../migrations/sqlite/0025_actors.sql"),
        include_str!("../../migrations/sqlite/0026_names.sql"),
    ] {
        sqlx::raw_sql(sql).execute(&writer).await.unwrap();
    }
    let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
    (Pools::Sqlite { readers, writer }, file)
}

async fn postgres(url: &str) -> Pools {
    let mut name = [0_u8; 8];
    belgie_api::Entropy::fill(&SystemEntropy, &mut name);
    let schema = format!("t{}", name.map(|byte| format!("{byte:02x}")).concat());
    let options = PgConnectOptions::from_str(url).unwrap();
    let first = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&first).await.unwrap();
    first.close().await;
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .connect_with(options.options([("search_path", &schema)]))
        .await
        .unwrap();
    for sql in [
        include_str!("../../../../migrations/postgres/0001_accounts.sql"),
        include_str!("../../../../migrations/postgres/0002_people.sql"),
        include_str!("../../migrations/postgres/0001_oauth_server.sql"),
        include_str!("../../migrations/postgres/0002_organization.sql"),
        include_str!("../../migrations/postgres/0003_memberships.sql"),
        include_str!("../../migrations/postgres/0004_refresh_answers.sql"),
        include_str!("../../migrations/postgres/0005_machines.sql"),
        include_str!("../../migrations/postgres/0006_keys.sql"),
        include_str!("../../migrations/postgres/0007_signed_in.sql"),
        include_str!("../../migrations/postgres/0008_consents.sql"),
        include_str!("../../migrations/postgres/0009_id_tokens.sql"),
        include_str!("../../migrations/postgres/0010_told.sql"),
        include_str!("../../migrations/postgres/0011_logout.sql"),
        include_str!("../../migrations/postgres/0012_pairwise.sql"),
        include_str!("../../migrations/postgres/0013_client_keys.sql"),
        include_str!("../../migrations/postgres/0014_devices.sql"),
        include_str!("../../migrations/postgres/0015_pushed.sql"),
        include_str!("../../migrations/postgres/0016_exchanged.sql"),
        include_str!("../../migrations/postgres/0017_client_secrets.sql"),
        include_str!("../../migrations/postgres/0018_registrations.sql"),
        include_str!("../../migrations/postgres/0019_owners.sql"),
        include_str!("../../migrations/postgres/0020_dpop.sql"),
        include_str!("../../migrations/postgres/0021_pushed_only.sql"),
        include_str!("../../migrations/postgres/0022_steps.sql"),
        include_str!("../../migrations/postgres/0024_denials.sql"),
        include_str!("../../migrations/postgres/0025_actors.sql"),
        include_str!("../../migrations/postgres/0026_names.sql"),
    ] {
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    }
    Pools::Postgres(pool)
}
