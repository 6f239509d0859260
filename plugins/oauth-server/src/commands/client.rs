//! `client create`, `client list`, `client update`, `client rotate`, `client revoke`.

use std::time::Duration;

use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use belgie_api::command::Output;
use belgie_api::ports::{AuditEntry, Organizations};
use belgie_api::{ClientId, Failure, Result, ScopeSet, ServiceId, Timestamp};
use serde_json::json;

use super::token::text;
use super::{client_update, invitation, lines};
use crate::model::client::{CLIENT_CREDENTIALS, RegisteredClient, presentable_name};
use crate::model::device::DEVICE_CODE;
use crate::model::key::KeyAlgorithm;
use crate::model::logout::LogoutWish;
use crate::model::owned::Owner;
use crate::model::pairwise::SubjectWish;
use crate::model::redirect::{RedirectKind, kind_of};
use crate::model::refusal;
use crate::model::registration::{ApplicationType, AuthMethod, Registration, read_redirects};
use crate::model::scopes::read_scopes;
use crate::model::secret::SecretExpiry;
use crate::service::{ActsAs, NewClient, OAuth, Standing, Trust};

/// The noun and its verbs.
pub fn command() -> Command {
    let create = Command::new("create")
        .about("Adds a client; its secret, if it has one, is shown once")
        .arg(
            Arg::new("name")
                .long("name")
                .required(true)
                .value_name("NAME")
                .help("What people read on the consent page"),
        )
        .arg(
            Arg::new("redirect-uri")
                .long("redirect-uri")
                .required_unless_present_any(["machine", "resource-server", "device"])
                .conflicts_with("machine")
                .action(ArgAction::Append)
                .value_name("URI")
                .help("Where answers may be sent; repeat it for several"),
        )
        .arg(
            Arg::new("confidential")
                .long("confidential")
                .action(ArgAction::SetTrue)
                .help("Gives the client a secret; for clients that run on a server"),
        )
        .args(super::client_keys::arguments())
        .arg(
            Arg::new("machine")
                .long("machine")
                .action(ArgAction::SetTrue)
                .requires("scope")
                .help("It acts with no person behind it (client_credentials); it has a secret, or keys"),
        )
        .arg(
            Arg::new("device")
                .long("device")
                .action(ArgAction::SetTrue)
                .conflicts_with("machine")
                .help("It may be let in with a code that people type (device_authorization)"),
        )
        .arg(
            Arg::new("scope")
                .long("scope")
                .value_name("SCOPES")
                .help("The most a machine may have, or what others get when they ask for none"),
        )
        .arg(
            Arg::new("org")
                .long("org")
                .requires("service")
                .requires("machine")
                .value_name("ORGANIZATION")
                .help("The organization the machine acts for"),
        )
        .arg(
            Arg::new("service")
                .long("service")
                .requires("org")
                .value_name("SERVICE_ID")
                .help("Which of its services the machine acts as, with its roles and as long as it lasts"),
        )
        .arg(
            Arg::new("resource-server")
                .long("resource-server")
                .action(ArgAction::Append)
                .value_name("RESOURCE")
                .help("It answers for this resource and may ask about tokens for it (/introspect); it has a secret"),
        );
    let create = create
        .args(owner_arguments())
        .args(openid_arguments())
        .args(super::client_rules::arguments())
        .arg(secret_expires());
    let rotate = Command::new("rotate")
        .about("Gives a client a new secret, shown once")
        .arg(Arg::new("id").required(true).value_name("CLIENT_ID").help("As `client list` shows it"))
        .arg(
            Arg::new("overlap")
                .long("overlap")
                .value_name("SECONDS")
                .value_parser(value_parser!(u64))
                .default_value("0")
                .help("How long the present secret goes on beside the new one; 30 days at most"),
        )
        .arg(secret_expires());
    let revoke = Command::new("revoke").about("Deletes a client and ends every grant given to it").arg(
        Arg::new("id")
            .required(true)
            .value_name("CLIENT_ID")
            .help("As `client list` shows it, or the address of a metadata document"),
    );
    let which = |name, about| {
        Command::new(name)
            .about(about)
            .arg(Arg::new("id").required(true).value_name("CLIENT_ID").help("As `client list` shows it"))
    };
    let trust = which("trust", "Lets people in without a question, for applications you run yourself");
    let distrust = which("distrust", "Asks people again");
    Command::new("client")
        .about("OAuth clients: the programs that ask people for access")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(invitation::commands())
        .subcommands([
            create,
            Command::new("list").about("Lists the registered clients, newest first"),
            client_update::command(),
            rotate,
            revoke,
            trust,
            distrust,
        ])
}

fn secret_expires() -> Arg {
    Arg::new("secret-expires")
        .long("secret-expires")
        .value_name("WHEN")
        .value_parser(SecretExpiry::read)
        .help("never, seconds, \"30 days\" or a date; without it as client_secret_expires says")
}

/// Runs a verb.
pub async fn run(oauth: OAuth, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("create", matches)) => create(&oauth, matches).await,
        Some(("list", _)) => list(&oauth).await,
        Some(("update", matches)) => client_update::run(&oauth, matches).await,
        Some(("rotate", matches)) => rotate(&oauth, matches).await,
        Some(("revoke", matches)) => revoke(&oauth, matches).await,
        Some(("trust", matches)) => trust(&oauth, matches, true).await,
        Some(("distrust", matches)) => trust(&oauth, matches, false).await,
        Some(("invite", matches)) => invitation::invite(&oauth, matches).await,
        Some(("invitations", _)) => invitation::list(&oauth).await,
        Some(("uninvite", matches)) => invitation::withdraw(&oauth, matches).await,
        _ => Err(Failure::bad_request("command.unknown", "`belgie client --help` lists what can be done.")),
    }
}

async fn create(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let name = matches.get_one::<String>("name").map(|name| presentable_name(name)).unwrap_or_default();
    if name.is_empty() {
        return Err(Failure::bad_request("client.no_name", "The name is empty."));
    }
    let standing = read_standing(oauth, matches).await?;
    let owner = read_owner(oauth, matches).await?;
    let uris: Vec<String> = matches.get_many::<String>("redirect-uri").into_iter().flatten().cloned().collect();
    let redirect_uris = if uris.is_empty() { Vec::new() } else { read_redirects(&uris)? };
    let is_local = redirect_uris.iter().any(|uri| kind_of(uri.as_str()) != RedirectKind::Https);
    let has_secret = matches.get_flag("confidential") || standing.acts_as.is_some() || !standing.resources.is_empty();
    let keys = super::client_keys::read(oauth.settings(), matches)?;
    let auth_method = match (&keys, has_secret) {
        (Some(_), _) => AuthMethod::PrivateKeyJwt,
        (None, true) => AuthMethod::SecretBasic,
        (None, false) => AuthMethod::None,
    };
    let mut grant_types: Vec<&str> = match (&standing.acts_as, uris.is_empty()) {
        (Some(_), _) => vec![CLIENT_CREDENTIALS],
        (None, true) => Vec::new(),
        (None, false) => vec!["authorization_code", "refresh_token"],
    };
    if matches.get_flag("device") {
        grant_types.extend([DEVICE_CODE].into_iter().chain(uris.is_empty().then_some("refresh_token")));
    }
    let registration = Registration {
        name,
        uri: None,
        redirect_uris,
        auth_method,
        application_type: if is_local { ApplicationType::Native } else { ApplicationType::Web },
        grant_types: grant_types.into_iter().map(str::to_owned).collect(),
        scopes: read_own_scopes(oauth, matches)?,
        id_token_algorithm: KeyAlgorithm::Rs256,
        subjects: read_subjects(matches)?,
        logout: read_logout(matches, owner.is_none())?,
        keys,
        rules: super::client_rules::read(oauth.settings(), matches)?,
    };
    Ok(show_new(&match owner {
        Some(owner) => oauth.create_for(owner, registration, standing).await?,
        None => oauth.create_client(registration, standing).await?,
    }))
}

/// Whose it is.
fn owner_arguments() -> [Arg; 2] {
    const OPERATORS: [&str; 2] = ["machine", "resource-server"];
    [
        Arg::new("owner")
            .long("owner")
            .value_name("EMAIL")
            .conflicts_with_all(OPERATORS)
            .help("The person it belongs to, who changes and deletes it; without an owner it is the operator's"),
        Arg::new("owner-org")
            .long("owner-org")
            .value_name("SLUG")
            .conflicts_with_all(OPERATORS)
            .conflicts_with("owner")
            .help("The organization it belongs to, and whoever may manage its applications there"),
    ]
}

/// Whose the client is to be; `None` for the operator's own.
async fn read_owner(oauth: &OAuth, matches: &ArgMatches) -> Result<Option<Owner>> {
    if let Some(email) = matches.get_one::<String>("owner") {
        let found = oauth.host().accounts().find_by_email(email).await?;
        let found = found.ok_or_else(|| {
            Failure::not_found("client.no_such_owner", "Nobody signs in with this address.")
                .hint("`belgie user list` shows who does.")
        })?;
        return Ok(Some(Owner::Person(found.id)));
    }
    let Some(slug) = matches.get_one::<String>("owner-org") else { return Ok(None) };
    let found = match oauth.host().provided::<Organizations>() {
        Some(port) => port.0.find_by_slug(slug).await?,
        None => None,
    };
    let found = found.ok_or_else(|| {
        Failure::not_found("client.no_such_owner", "There is no organization of this name in addresses.")
            .hint("Say the name that stands in its addresses, as in /organizations/acme.")
    })?;
    Ok(Some(Owner::Organization(found.id)))
}

/// What it is told of people, and when they sign out.
fn openid_arguments() -> [Arg; 4] {
    [
        Arg::new("pairwise")
            .long("pairwise")
            .requires("redirect-uri")
            .action(ArgAction::SetTrue)
            .help("It knows people by names that clients at other hosts do not know"),
        Arg::new("sector-identifier-uri")
            .long("sector-identifier-uri")
            .requires("pairwise")
            .value_name("URI")
            .help("A list of the redirect URIs of all clients that know people by the same names"),
        Arg::new("post-logout-redirect-uri")
            .long("post-logout-redirect-uri")
            .requires("redirect-uri")
            .action(ArgAction::Append)
            .value_name("URI")
            .help("Where people may be sent after signing out on its word; repeat it for several"),
        Arg::new("backchannel-logout-uri")
            .long("backchannel-logout-uri")
            .requires("redirect-uri")
            .value_name("URI")
            .help("Where it is told that a session has ended"),
    ]
}

/// What the client wishes to know people by.
fn read_subjects(matches: &ArgMatches) -> Result<SubjectWish> {
    let kind = matches.get_flag("pairwise").then_some("pairwise");
    SubjectWish::read(kind, matches.get_one::<String>("sector-identifier-uri").map(String::as_str))
}

/// What the client wishes for signing out. The operator's own may be told on the operator's network.
fn read_logout(matches: &ArgMatches, is_operators: bool) -> Result<LogoutWish> {
    let uris: Vec<String> =
        matches.get_many::<String>("post-logout-redirect-uri").into_iter().flatten().cloned().collect();
    LogoutWish::read(&uris, matches.get_one::<String>("backchannel-logout-uri").map(String::as_str), is_operators)
}

/// What the client is to be beside a program that asks people.
async fn read_standing(oauth: &OAuth, matches: &ArgMatches) -> Result<Standing> {
    let acts_as = match (matches.get_flag("machine"), matches.get_one::<String>("service")) {
        (false, _) => None,
        (true, None) => Some(ActsAs::Itself),
        (true, Some(service)) => {
            let service: ServiceId = service.parse().map_err(|_| refusal::unknown_service())?;
            let (service, organization) = oauth.find_service(text(matches, "org"), service).await?;
            Some(ActsAs::Service(service, organization))
        }
    };
    let asked: Vec<&str> =
        matches.get_many::<String>("resource-server").into_iter().flatten().map(String::as_str).collect();
    let resources = oauth.find_resources(asked.into_iter())?.ok_or_else(|| {
        Failure::bad_request("client.unknown_resource", "This resource does not exist here.")
            .hint("Name it in `resources` of [plugins.oauth-server], or take one of this gateway's.")
    })?;
    let secret_expiry = matches.get_one::<SecretExpiry>("secret-expires").copied();
    Ok(Standing { acts_as, resources, secret_expiry, ..Standing::default() })
}

/// The scopes of the client. What hangs on an account is nobody's who has none.
fn read_own_scopes(oauth: &OAuth, matches: &ArgMatches) -> Result<ScopeSet> {
    let Some(asked) = matches.get_one::<String>("scope") else { return Ok(ScopeSet::new()) };
    let scopes = read_scopes(asked, &oauth.host().catalog()?.scopes)?;
    if matches.get_flag("machine") && scopes.depends_on_account() {
        return Err(Failure::bad_request("client.scope_of_people", "One of these scopes hangs on a person's account.")
            .hint("Leave it out: no person is behind a machine."));
    }
    Ok(scopes)
}

fn show_new(NewClient { client, secret, .. }: &NewClient) -> Output {
    let mut json = client.describe();
    let mut text = format!("Client id: {}", client.id);
    if let (Some(secret), Some(members)) = (secret, json.as_object_mut()) {
        members.insert("client_secret".to_owned(), secret.expose().into());
        text = format!("{text}\nClient secret: {}\nIt is shown this once; keep it safe.", secret.expose());
    }
    Output::new(text, json)
}

async fn list(oauth: &OAuth) -> Result<Output> {
    let (clients, now) = (oauth.list_clients().await?, oauth.host().now());
    let line = |client: &RegisteredClient| {
        let used = client.last_used_at.map_or_else(|| "never used".to_owned(), |last| format!("last used {last}"));
        let secrets = secrets_of(client, now) + if client.standing.trusted_at.is_some() { "  trusted" } else { "" };
        format!(
            "{}  {}  {}  created {}  {used}{secrets}",
            client.id, client.name, client.auth_method, client.created_at
        )
    };
    let text = if clients.is_empty() { "No client is registered.".to_owned() } else { lines(clients.iter().map(line)) };
    Ok(Output::new(text, json!({ "clients": clients.iter().map(RegisteredClient::describe).collect::<Vec<_>>() })))
}

/// What there is to say of the secrets of a client: when they end.
fn secrets_of(client: &RegisteredClient, now: Timestamp) -> String {
    let present = match client.secrets.secret_expires_at {
        Some(end) if end <= now => format!("  secret ended {end}"),
        Some(end) => format!("  secret ends {end}"),
        None => String::new(),
    };
    let previous = client.secrets.previous_ends(now).map(|end| format!("  the one before goes on until {end}"));
    present + previous.as_deref().unwrap_or_default()
}

async fn rotate(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let id = ClientId::from_wire(matches.get_one::<String>("id").cloned().unwrap_or_default());
    let overlap = Duration::from_secs(matches.get_one::<u64>("overlap").copied().unwrap_or_default());
    let expiry = matches.get_one::<SecretExpiry>("secret-expires").copied();
    let act = AuditEntry::done("client.secret_rotated");
    Ok(show_new(&oauth.rotate_secret(&id, overlap, expiry, act).await?))
}

async fn trust(oauth: &OAuth, matches: &ArgMatches, is_trusted: bool) -> Result<Output> {
    let id = ClientId::from_wire(matches.get_one::<String>("id").cloned().unwrap_or_default());
    let trust = if is_trusted { Trust::AsItIs } else { Trust::Gone };
    let client = oauth.set_trust(None, &id, trust).await?;
    let words = if is_trusted { "People are let in without a question" } else { "People are asked" };
    let uris = client.redirect_uris.iter().map(|uri| format!("  answers go to {}", uri.as_str()));
    let text = lines(std::iter::once(format!("{words}: {id}")).chain(uris.filter(|_| is_trusted)));
    Ok(Output::new(text, client.describe()))
}

async fn revoke(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let id = ClientId::from_wire(matches.get_one::<String>("id").cloned().unwrap_or_default());
    let grants = oauth.delete_client(&id).await?;
    Ok(Output::new(
        format!("{id} is gone; grants ended: {grants}"),
        json!({ "client_id": id, "grants_revoked": grants }),
    ))
}
