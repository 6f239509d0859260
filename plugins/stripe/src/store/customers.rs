//! Who is whom at Stripe.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

use crate::model::subject::Columns;

const FIND: &str = "SELECT customer_id FROM stripe_customers WHERE subject_kind = $1 AND subject_id = $2";
const SUBJECT: &str = "SELECT subject_kind, subject_id, organization_id FROM stripe_customers WHERE customer_id = $1 \
    UNION ALL SELECT subject_kind, subject_id, organization_id FROM stripe_former_customers WHERE customer_id = $1";
const FORMER: &str = "SELECT customer_id FROM stripe_former_customers WHERE subject_kind = $1 AND subject_id = $2 \
    ORDER BY gone_at DESC, customer_id";
const KEEP_AS_FORMER: &str = "INSERT INTO stripe_former_customers (customer_id, subject_kind, subject_id, organization_id, \
    gone_at) SELECT customer_id, subject_kind, subject_id, organization_id, $2 FROM stripe_customers WHERE customer_id = $1 \
    ON CONFLICT (customer_id) DO NOTHING";
const FORGET: &str = "DELETE FROM stripe_customers WHERE customer_id = $1 RETURNING customer_id";
const INSERT: &str = "INSERT INTO stripe_customers (subject_kind, subject_id, organization_id, customer_id, created_at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject_kind, subject_id) DO NOTHING";

/// The customer of a subject.
pub async fn find(conn: &mut Conn, subject: &Columns) -> Result<Option<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(FIND)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .fetch_optional(c).await)?)
}

/// The subject of a customer, also of one that is gone.
pub async fn find_subject(conn: &mut Conn, customer: &str) -> Result<Option<Columns>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Columns>(SUBJECT).bind(customer).fetch_optional(c).await)?)
}

/// Notes the customer of a subject, unless it has one.
pub async fn insert(conn: &mut Conn, subject: &Columns, customer: &str, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(INSERT)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(subject.organization_id)
        .bind(customer)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// The customers a subject had that are gone, the last first.
pub async fn list_former(conn: &mut Conn, subject: &Columns) -> Result<Vec<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(FORMER)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .fetch_all(c).await)?)
}

/// Notes that a customer is gone; `false` when it was none, or is noted already.
pub async fn retire(conn: &mut Conn, customer: &str, now: Timestamp) -> Result<bool> {
    on!(conn, c => sqlx::query(KEEP_AS_FORMER).bind(customer).bind(now).execute(c).await.map(drop))?;
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(FORGET).bind(customer).fetch_optional(c).await)?.is_some())
}
