//! Callers nobody remembers: more tokens than a gateway keeps in memory, each of them asked with in turn.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use belgie::api::TokenKind;
use belgie::api::entropy::SystemEntropy;
use serde_json::json;
use sqlx::{Postgres, Sqlite};

use super::seed::Size;
use crate::folder::Folder;
use crate::load;
use crate::wire::Ready;

/// More than `REMEMBERED` of `src/auth/bearer.rs`, by so much that little is left in memory when the turn comes round again.
pub const CALLERS: u32 = 50_000;
/// As many are passed over between two loads: what was under way when the one before ended was not counted.
const UNDER_WAY: u64 = 1_000;

/// Grants and tokens like the one there is, of one person after the other, for the organization each of them owns. `$1` is how
/// many, `$2` the organizations, `$3` the people.
pub struct Texts {
    grants: &'static str,
    /// `$1` is a list of hashes.
    tokens: &'static str,
}

pub const SQLITE: Texts = Texts {
    grants: "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
        INSERT INTO oauth_server_grants (id, user_id, kind, client_id, client_name, scopes, resources, created_at, expires_at,
            ends_at, organization_id, team_ids, membership_ids)
        SELECT CAST(printf('gran%012d', n.i) AS BLOB), m.user_id, g.kind, g.client_id, g.client_name, g.scopes, g.resources,
            g.created_at, g.expires_at, g.ends_at, m.organization_id, '[]', json_array('mem_' || lower(hex(m.id)))
        FROM n, (SELECT * FROM oauth_server_grants LIMIT 1) g JOIN organization_members m
            ON m.user_id = CAST(printf('user%012d', n.i % $3) AS BLOB)
            AND m.organization_id = CAST(printf('orga%012d', n.i % $3 * 7919 % $2) AS BLOB)",
    tokens: "INSERT INTO oauth_server_access_tokens (id, token_hash, grant_id, scopes, resources, created_at, expires_at)
        SELECT CAST(printf('toke%012d', h.key) AS BLOB), unhex(h.value), CAST(printf('gran%012d', h.key) AS BLOB), t.scopes,
            t.resources, t.created_at, t.expires_at
        FROM json_each($1) h, (SELECT * FROM oauth_server_access_tokens LIMIT 1) t",
};

pub const POSTGRES: Texts = Texts {
    grants: "INSERT INTO oauth_server_grants (id, user_id, kind, client_id, client_name, scopes, resources, created_at, expires_at,
            ends_at, organization_id, team_ids, membership_ids)
        SELECT ('00000000-0000-4000-a000-' || lpad(to_hex(i), 12, '0'))::uuid, m.user_id, g.kind, g.client_id, g.client_name,
            g.scopes, g.resources, g.created_at, g.expires_at, g.ends_at, m.organization_id, '[]',
            jsonb_build_array('mem_' || replace(m.id::text, '-', ''))
        FROM generate_series(0, $1 - 1) AS i CROSS JOIN (SELECT * FROM oauth_server_grants LIMIT 1) g JOIN organization_members m
            ON m.user_id = ('00000000-0000-4000-8000-' || lpad(to_hex(i % $3), 12, '0'))::uuid
            AND m.organization_id = ('00000000-0000-4000-9000-' || lpad(to_hex(i % $3 * 7919 % $2), 12, '0'))::uuid",
    tokens: "INSERT INTO oauth_server_access_tokens (id, token_hash, grant_id, scopes, resources, created_at, expires_at)
        SELECT ('00000000-0000-4000-b000-' || lpad(to_hex(h.place - 1), 12, '0'))::uuid, decode(h.hash, 'hex'),
            ('00000000-0000-4000-a000-' || lpad(to_hex(h.place - 1), 12, '0'))::uuid, t.scopes, t.resources, t.created_at,
            t.expires_at
        FROM jsonb_array_elements_text($1::jsonb) WITH ORDINALITY AS h (hash, place),
            (SELECT * FROM oauth_server_access_tokens LIMIT 1) t",
};

/// So many tokens, with the list of their hashes for a database.
pub fn mint(count: u32) -> (Vec<String>, String) {
    let (mut tokens, mut hashes) = (Vec::new(), Vec::new());
    let digit = |number: u8| char::from_digit(u32::from(number), 16).unwrap_or('0');
    for _ in 0..count {
        let token = TokenKind::Personal.mint(&SystemEntropy);
        hashes.push(
            token.hash().as_bytes().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>(),
        );
        tokens.push(token.expose().to_owned());
    }
    (tokens, json!(hashes).to_string())
}

/// Puts them into a SQLite file in which one token was made as people make them.
pub async fn fill_sqlite(tx: &mut sqlx::Transaction<'_, Sqlite>, size: Size, hashes: &str) -> anyhow::Result<()> {
    let [count, organizations, users] = [size.callers, size.organizations, size.users].map(i64::from);
    sqlx::query(SQLITE.grants).bind(count).bind(organizations).bind(users).execute(&mut **tx).await?;
    sqlx::query(SQLITE.tokens).bind(hashes).execute(&mut **tx).await?;
    Ok(())
}

/// The same for a database of a Postgres server.
pub async fn fill_postgres(tx: &mut sqlx::Transaction<'_, Postgres>, size: Size, hashes: &str) -> anyhow::Result<()> {
    let of = |count: u32| i32::try_from(count).context("as many as a 32-bit number counts, at most");
    let [count, organizations, users] = [of(size.callers)?, of(size.organizations)?, of(size.users)?];
    sqlx::query(POSTGRES.grants).bind(count).bind(organizations).bind(users).execute(&mut **tx).await?;
    sqlx::query(POSTGRES.tokens).bind(hashes).execute(&mut **tx).await?;
    Ok(())
}

/// The tokens in a file, and whose turn it is.
pub struct Crowd {
    tokens: PathBuf,
    asked: u64,
}

impl Crowd {
    /// Writes the file.
    pub fn new(folder: &Folder, tokens: &[String]) -> anyhow::Result<Self> {
        let path = folder.path().join("callers.txt");
        fs::write(&path, tokens.join("\n"))?;
        Ok(Self { tokens: path, asked: 0 })
    }

    /// Writes the script of the next load: it goes on where the last one ended.
    pub fn write_script(&self, path: &Path, ready: &Ready) -> anyhow::Result<()> {
        load::write_script_of_many(path, ready, &self.tokens, self.asked)
    }

    /// Notes how many were asked.
    pub fn note(&mut self, requests: u64) {
        self.asked += requests + UNDER_WAY;
    }
}
