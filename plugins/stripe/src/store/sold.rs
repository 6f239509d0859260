//! As what prices were sold.

use belgie_api::db::Conn;
use belgie_api::{Result, Timestamp, on};

const NOTE: &str = "INSERT INTO stripe_sold (price_id, plan, line, sold_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (price_id, plan, line) DO UPDATE SET sold_at = excluded.sold_at";
const LIST: &str = "SELECT price_id, plan, line FROM stripe_sold WHERE price_id = $1 ORDER BY sold_at DESC, plan, line";

/// A price, and what it was sold as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct Sold {
    /// Stripe's id of the price.
    pub price_id: String,
    /// The plan's name.
    pub plan: String,
    /// `plan`, `seat`, `extra` or `metered`.
    pub line: String,
}

/// Notes that a price is sold as this, now.
pub async fn note(conn: &mut Conn, sold: &Sold, now: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE)
        .bind(&sold.price_id)
        .bind(&sold.plan)
        .bind(&sold.line)
        .bind(now)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// What a price was sold as, the last first.
pub async fn list(conn: &mut Conn, price: &str) -> Result<Vec<Sold>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Sold>(LIST).bind(price).fetch_all(c).await)?)
}
