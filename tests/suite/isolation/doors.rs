//! How each door is asked: the address, the body, the arguments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The names a request can carry: `organization`, `organization id`, `team`, `user` and `email` of somebody of the
/// organization, `spare` for one who is in none of its teams, `role`, `invitation` and the `link` in its letter, `service`, `agent`, `client`; what that
/// somebody has of their own there: `token`, `consent` (an answer that is remembered), `question` (one that is open).
#[derive(Clone, Debug, Default)]
pub struct Names(pub BTreeMap<&'static str, String>);

/// What can be borrowed from another organization in a request about one's own.
pub const THINGS: [&str; 12] = [
    "team",
    "user",
    "email",
    "spare",
    "role",
    "invitation",
    "service",
    "agent",
    "client",
    "token",
    "consent",
    "question",
];

/// Those of them that are accounts, which the operator knows of.
pub const ACCOUNTS: [&str; 2] = ["email", "spare"];

/// Where the answers of an application go that is made while the matrix runs.
const ELSEWHERE: &str = "https://agent.example/callback";

impl Names {
    /// One of them.
    pub fn of(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is not there: {self:?}"))
    }

    /// These with one of others.
    pub fn with(&self, name: &'static str, others: &Self) -> Self {
        let mut names = self.clone();
        names.0.insert(name, others.of(name).to_owned());
        names
    }
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A `GET` of a script of our own pages.
    Read(String),
    /// Its `POST`.
    Call(String, Value),
    /// A page.
    Page(String),
    /// An authorization request for the endpoint at this path.
    Authorize(String),
    /// A form.
    Form(String, Vec<(&'static str, String)>),
    /// An answer to the consent page that somebody's own agent leads them to.
    Consent(Vec<(String, String)>),
    /// An answer to the consent page that the code of a new device leads to; with nothing in it, the page alone.
    Device(Vec<(String, String)>),
    /// A call of a tool.
    Tool(String, Value),
    /// Words at the command line.
    Command(Vec<String>),
}

/// Which names a door takes.
pub fn used(door: &str) -> BTreeSet<&'static str> {
    let names = THINGS.into_iter().chain(["organization", "organization id", "outsider", "link"]);
    let marked = Names(names.clone().map(|name| (name, format!("<{name}>"))).collect());
    let sent = format!("{:?}", ask(door, &marked, 0));
    names.filter(|name| sent.contains(&format!("<{name}>"))).collect()
}

/// Asks at a door with these names. `number`: of things that are made, so that no two are called the same.
pub fn ask(door: &str, names: &Names, number: usize) -> Ask {
    if let Some(tool) = door.strip_prefix("tool ") {
        return Ask::Tool(tool.to_owned(), arguments(tool, names));
    }
    let Some((method, template)) = door.split_once(' ').filter(|(method, _)| matches!(*method, "GET" | "POST")) else {
        return Ask::Command(words(door, names, number));
    };
    if let Some((page, about)) = template.split_once(' ').filter(|(page, _)| ANSWERED.contains(page)) {
        return match (method, page) {
            ("GET", _) => Ask::Authorize(filled(about.trim_start_matches("for "), names)),
            _ if about.contains("{question}") => Ask::Form(page.to_owned(), to_question(about, names)),
            (_, "/device") => Ask::Device(answer(about, names)),
            _ => Ask::Consent(answer(about, names)),
        };
    }
    if door == "POST /device" {
        return Ask::Device(Vec::new());
    }
    let path = format!("{}{}", filled(template, names), query(door, names));
    match (method, is_api(template)) {
        ("GET", true) => Ask::Read(path),
        ("GET", false) => Ask::Page(path),
        (_, true) => Ask::Call(path, body(template, names, number)),
        (_, false) => Ask::Form(path, fields(template, names, number)),
    }
}

/// Where people say for whom an agent may act.
const ANSWERED: [&str; 2] = ["/authorize", "/device"];

/// Whether an answer of one's own says for whom an agent may act: with ids, as the page does.
pub fn is_answer(door: &str) -> bool {
    ANSWERED.iter().any(|page| door.starts_with(&format!("POST {page} for ")))
}

/// A yes of one's own.
fn answer(about: &str, names: &Names) -> Vec<(String, String)> {
    let organization = names.of("organization id");
    let said = [("decision".to_owned(), "allow"), ("organization".to_owned(), organization)];
    let team = about.contains("{team}").then(|| (format!("team.{}", names.of("team")), organization));
    said.into_iter().chain(team).map(|(name, value)| (name, value.to_owned())).collect()
}

/// A yes or a no to what somebody else is asked.
fn to_question(about: &str, names: &Names) -> Vec<(&'static str, String)> {
    let decision = if about.starts_with("against ") { "deny" } else { "allow" };
    let said = [("request", names.of("question")), ("decision", decision), ("organization", "none")];
    said.map(|(name, value)| (name, value.to_owned())).into()
}

fn is_api(template: &str) -> bool {
    template.starts_with("/auth/")
}

fn filled(template: &str, names: &Names) -> String {
    let all = [
        "organization",
        "organization id",
        "team",
        "user",
        "email",
        "role",
        "invitation",
        "client",
        "question",
        "agent",
        "consent",
    ];
    // A connection is called a grant by those who see it, and an agent by its organization.
    let places = all.into_iter().map(|name| (name, name)).chain([("grant", "agent")]);
    let known = places.filter(|(place, _)| template.contains(&format!("{{{place}}}")));
    let fill = |path: String, (place, name): (&str, &str)| path.replace(&format!("{{{place}}}"), names.of(name));
    known.fold(template.to_owned(), fill)
}

fn query(door: &str, names: &Names) -> String {
    if door == "GET /organizations/invitation" { format!("?token={}", names.of("link")) } else { String::new() }
}

fn body(template: &str, names: &Names, number: usize) -> Value {
    let of = |name: &str| names.of(name);
    match template.rsplit_once("{organization}").map_or(template, |(_, act)| act) {
        "/auth/organization/create" => json!({ "name": format!("Number {number}") }),
        "/auth/organization/check-slug" => json!({ "slug": of("organization") }),
        "/auth/subscription/upgrade?of={organization id}" => {
            json!({ "plan": "pro", "account_id": of("organization id"), "disable_redirect": true })
        }
        "/auth/subscription/upgrade?of={team}" => {
            json!({ "plan": "pro", "account_id": of("team"), "disable_redirect": true })
        }
        act if act.starts_with("/auth/subscription/") => {
            let account = if act.ends_with("{team}") { "team" } else { "organization id" };
            json!({ "account_id": of(account), "disable_redirect": true })
        }
        "/auth/tokens/create" => {
            json!({ "name": "Nightly", "scope": "org:read", "ttl_seconds": 600, "organization": of("organization id") })
        }
        "/auth/tokens/revoke" => json!({ "id": of("token") }),
        "/auth/consents/narrow" => json!({ "id": of("consent"), "scopes": ["org:read"] }),
        "/auth/consents/withdraw" => json!({ "id": of("consent") }),
        "/auth/clients/create" => {
            json!({
                "client_name": "Notes", "redirect_uris": [ELSEWHERE], "confidential": true,
                "organization": of("organization id"),
            })
        }
        "/auth/clients/update" => json!({ "client_id": of("client"), "client_name": "Another name" }),
        "/auth/clients/rotate-secret" | "/auth/clients/delete" => json!({ "client_id": of("client") }),
        "/auth/interactions/answer" => {
            json!({ "interaction": of("question"), "decision": "allow", "organization": "none" })
        }
        "/auth/clients/trust" => json!({ "client_id": of("client"), "trusted": true }),
        "/update" | "/teams/{team}/update" => json!({ "name": "Another name" }),
        "/transfer-ownership" | "/members/remove" | "/teams/{team}/members/remove" => json!({ "member": of("user") }),
        "/members/set-roles" => json!({ "member": of("email"), "role": of("role") }),
        "/invite" => json!({ "email": "new@example.org", "role": of("role"), "team": of("team") }),
        "/roles/create" => json!({ "name": "newcomer", "permissions": ["member:read"] }),
        "/roles/update" => json!({ "name": of("role"), "permissions": ["role:read"] }),
        "/roles/delete" => json!({ "name": of("role") }),
        "/agents/disconnect" => json!({ "agent": of("agent") }),
        "/agents/narrow" => json!({ "agent": of("agent"), "scopes": ["org:read"] }),
        "/services/create" => json!({ "name": "New", "role": of("role"), "ttl_seconds": 600 }),
        "/services/revoke" => json!({ "service": of("service") }),
        "/teams/create" => json!({ "name": "Another team" }),
        "/teams/{team}/members/add" => json!({ "member": of("spare") }),
        "/teams/{team}/members/set-roles" => json!({ "member": of("email"), "role": "lead" }),
        _ => json!({}),
    }
}

fn fields(template: &str, names: &Names, number: usize) -> Vec<(&'static str, String)> {
    let of = |name: &str| names.of(name).to_owned();
    let said = |text: &str| text.to_owned();
    match template.rsplit_once("{organization}").map_or(template, |(_, act)| act) {
        "/admin/explain" => {
            vec![("user", of("email")), ("organization", of("organization")), ("named", said("whoami"))]
        }
        "/billing/cancel?of={organization id}" | "/billing/restore?of={organization id}" => {
            vec![("account_id", of("organization id"))]
        }
        "/billing/cancel?of={team}" | "/billing/restore?of={team}" => vec![("account_id", of("team"))],
        "/account/tokens/revoke" => vec![("token", of("token"))],
        "/account/tokens/new" => {
            vec![
                ("name", said("Nightly")),
                ("scope", said("org:read")),
                ("organization", of("organization id")),
                ("days", said("7")),
            ]
        }
        "/account/connections/revoke" => vec![("connection_id", of("agent"))],
        "/account/connections/{grant}" | "/account/consents/{consent}" | "/agents/{agent}" => {
            vec![("scope", said("org:read"))]
        }
        "/account/consents/withdraw" => vec![("consent_id", of("consent"))],
        "/account/clients/new" => {
            vec![
                ("name", said("Notes")),
                ("redirect_uris", said(ELSEWHERE)),
                ("kind", said("confidential")),
                ("organization", of("organization id")),
            ]
        }
        "/account/clients/{client}" => vec![("name", said("Another name")), ("redirect_uris", said(ELSEWHERE))],
        "/account/clients/{client}/secret" => vec![("overlap", said("3600"))],
        "/account/clients/{client}/trust" => vec![("trusted", said("yes"))],
        "/organizations/new" => vec![("name", format!("Page {number}")), ("slug", String::new())],
        "/organizations/invitation" => vec![("token", of("link")), ("decision", said("accept"))],
        "/organizations/invitations" => vec![("invitation", of("invitation")), ("decision", said("accept"))],
        "/settings" => vec![("name", said("Another name")), ("slug", of("organization")), ("logo", String::new())],
        "/delete" => vec![("slug", of("organization"))],
        "/invite" => vec![("email", said("new@example.org")), ("role", of("role")), ("team", of("team"))],
        "/invitations" => vec![("invitation", of("invitation")), ("act", said("cancel"))],
        "/agents" => vec![("agent", of("agent"))],
        "/services" => vec![("service", of("service"))],
        "/new-service" => vec![("name", said("New")), ("role", of("role")), ("days", said("30"))],
        "/new-role" => vec![("name", said("newcomer")), ("permission", said("member:read"))],
        "/roles/{role}" => vec![("permission", said("role:read"))],
        "/members/{user}" => vec![("role", of("role"))],
        "/teams/new" => vec![("name", said("Another team")), ("slug", String::new())],
        "/teams/{team}/settings" => vec![("name", said("Another name"))],
        "/teams/{team}/add" => vec![("email", of("spare"))],
        "/teams/{team}/members/{user}" => vec![("role", said("lead"))],
        _ => Vec::new(),
    }
}

fn arguments(tool: &str, names: &Names) -> Value {
    let of = |name: &str| names.of(name);
    match tool {
        "get_organization" | "list_members" | "list_invitations" | "list_agents" | "list_roles" | "list_services" => {
            json!({ "organization": of("organization") })
        }
        "read_record" => json!({ "organization": of("organization"), "user": of("email") }),
        "prepare_service" => json!({ "organization": of("organization"), "name": "New" }),
        "update_organization" => json!({ "organization": of("organization"), "name": "Another name" }),
        "create_role" => {
            json!({ "organization": of("organization"), "role": "newcomer", "permissions": ["member:read"] })
        }
        "update_role" => {
            json!({ "organization": of("organization"), "role": of("role"), "permissions": ["role:read"] })
        }
        "delete_role" => json!({ "organization": of("organization"), "role": of("role") }),
        "revoke_service" => json!({ "organization": of("organization"), "service": of("service") }),
        "get_agent" | "disconnect_agent" => json!({ "organization": of("organization"), "agent": of("agent") }),
        "narrow_agent" => {
            json!({ "organization": of("organization"), "agent": of("agent"), "scopes": ["org:read"] })
        }
        "invite_member" => {
            json!({
                "organization": of("organization"), "email": "new@example.org", "roles": [of("role")], "team": of("team"),
            })
        }
        "cancel_invitation" | "resend_invitation" => json!({ "invitation": of("invitation") }),
        "set_member_roles" => {
            json!({ "organization": of("organization"), "member": of("email"), "roles": [of("role")] })
        }
        "remove_member" => json!({ "organization": of("organization"), "member": of("user") }),
        "create_client" => json!({ "name": "Notes", "redirect_uris": [ELSEWHERE] }),
        "update_client" => json!({ "client_id": of("client"), "name": "Another name" }),
        "delete_client" => json!({ "client_id": of("client") }),
        "create_team" => json!({ "name": "Another team" }),
        "list_team_members" | "delete_team" => json!({ "team": of("team") }),
        "rename_team" => json!({ "team": of("team"), "name": "Another name" }),
        "add_team_member" => json!({ "team": of("team"), "member": of("spare") }),
        "set_team_roles" => json!({ "team": of("team"), "member": of("email"), "roles": ["lead"] }),
        "remove_team_member" => json!({ "team": of("team"), "member": of("user") }),
        _ => json!({}),
    }
}

fn words(command: &str, names: &Names, number: usize) -> Vec<String> {
    let of = |name: &str| names.of(name).to_owned();
    let option = |name: &str, value: &str| [format!("--{name}"), value.to_owned()];
    let (organization, team) = ([of("organization")], [of("team")]);
    let more: Vec<String> = match command {
        "org create" => [option("name", &format!("Command {number}")), option("owner", names.of("outsider"))].concat(),
        "org members" | "org agents" | "org delete" | "org roles" | "org invitations" | "team list" => {
            organization.into()
        }
        "org update" => [&organization[..], &option("name", "Another name")].concat(),
        "org create-role" => {
            [&organization[..], &["newcomer".to_owned()], &option("permissions", "member:read")].concat()
        }
        "org update-role" => [&organization[..], &[of("role")], &option("permissions", "role:read")].concat(),
        "org delete-role" => [of("organization"), of("role")].into(),
        "org invite" => {
            let given = [("role", "role"), ("team", "team")].map(|(name, value)| option(name, names.of(value)));
            [&organization[..], &option("email", "new@example.org"), &given.concat()].concat()
        }
        "org resend-invitation" | "org cancel-invitation" => [of("organization"), of("invitation")].into(),
        "org add-member" => {
            [&organization[..], &option("email", names.of("outsider")), &option("role", names.of("role"))].concat()
        }
        "org set-roles" => {
            [&organization[..], &option("email", names.of("email")), &option("role", names.of("role"))].concat()
        }
        "org remove-member" => [&organization[..], &option("email", names.of("email"))].concat(),
        "org agent" | "org cut-agent" => [of("organization"), of("agent")].into(),
        "org narrow-agent" => [&[of("organization"), of("agent")][..], &option("scopes", "org:read")].concat(),
        "team create" => [&organization[..], &option("name", "Another team")].concat(),
        "team members" | "team delete" => [organization, team].concat(),
        "team rename" => [&organization[..], &team, &option("name", "Another name")].concat(),
        "team add-member" => [&organization[..], &team, &option("email", names.of("spare"))].concat(),
        "team remove-member" => [&organization[..], &team, &option("email", names.of("email"))].concat(),
        "team set-roles" => {
            [&organization[..], &team, &option("email", names.of("email")), &option("role", "lead")].concat()
        }
        "client update" => [&[of("client")][..], &option("name", "Another name")].concat(),
        "client rotate" | "client revoke" | "client trust" | "client distrust" => [of("client")].into(),
        "client create" => {
            let given =
                [("org", "organization"), ("service", "service")].map(|(name, value)| option(name, names.of(value)));
            [
                given.concat(),
                option("name", "New").into(),
                option("scope", "org:read").into(),
                vec!["--machine".to_owned()],
            ]
            .concat()
        }
        "audit list" | "audit export" | "simulate" | "token list" => option("org", names.of("organization")).into(),
        "audit list --user" => [&[of("email")][..], &option("org", names.of("organization"))].concat(),
        "audit list --client" => [&[of("client")][..], &option("org", names.of("organization"))].concat(),
        "explain" => {
            let given = [("org", "organization"), ("user", "email"), ("team", "team")];
            let given = given.map(|(name, value)| option(name, names.of(value)));
            [&given.concat()[..], &option("tool", "whoami")].concat()
        }
        "token revoke" => [of("service")].into(),
        "token create" => {
            let given = [("org", "organization"), ("role", "role")].map(|(name, value)| option(name, names.of(value)));
            let fixed =
                [("service", "New"), ("scope", "org:read"), ("ttl", "600")].map(|(name, value)| option(name, value));
            [given.concat(), fixed.concat()].concat()
        }
        _ => Vec::new(),
    };
    command.split(' ').map(str::to_owned).chain(more).collect()
}
