//! The same tables, columns and nullability on both engines.

use std::collections::BTreeMap;

use belgie_api::db::Pools;
use sqlx::Row;

use crate::support::{Engine, Setup, TestGateway};

type Columns = BTreeMap<String, (String, bool)>;

/// What both engines call the same thing.
fn family(kind: &str) -> &'static str {
    match kind.to_ascii_lowercase().as_str() {
        "blob" | "uuid" | "bytea" => "bytes",
        "integer" | "bigint" | "timestamp with time zone" | "boolean" => "integer",
        "text" | "jsonb" => "text",
        other => panic!("a type no store uses: {other}"),
    }
}

async fn columns(gateway: &TestGateway) -> Columns {
    let mut found = Columns::new();
    match gateway.pools() {
        Pools::Sqlite { readers, .. } => {
            let sql = "SELECT m.name AS t, p.name AS c, p.type AS k, p.\"notnull\" AS n \
                       FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'";
            for row in sqlx::query(sql).fetch_all(readers).await.expect("the schema") {
                let name = format!("{}.{}", row.get::<String, _>("t"), row.get::<String, _>("c"));
                found.insert(name, (row.get("k"), row.get::<i64, _>("n") == 1));
            }
        }
        Pools::Postgres(pool) => {
            let sql = "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS k, \
                       is_nullable = 'NO' AS n FROM information_schema.columns WHERE table_schema = 'public'";
            for row in sqlx::query(sql).fetch_all(pool).await.expect("the schema") {
                let name = format!("{}.{}", row.get::<String, _>("t"), row.get::<String, _>("c"));
                found.insert(name, (row.get("k"), row.get("n")));
            }
        }
    }
    found.retain(|name, _| !name.contains("_migrations.") && !name.starts_with("sqlite_"));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_have_the_same_columns() {
    let Some(postgres) = Engine::postgres().await else { return };
    let left = columns(&Setup::default().start(Engine::Sqlite).await).await;
    let right = columns(&Setup::default().start(postgres).await).await;
    let shape = |columns: Columns| -> BTreeMap<String, (&str, bool)> {
        columns.into_iter().map(|(name, (kind, is_required))| (name, (family(&kind), is_required))).collect()
    };
    assert_eq!(shape(left), shape(right));
}
