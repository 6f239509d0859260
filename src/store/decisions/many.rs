//! Many rows in one statement: a statement costs more than a row.

use belgie_api::db::Conn;
use belgie_api::{Result, on};

use super::NewBatch;

/// How many rows the long statement has.
const ROWS: usize = 32;

/// `$1` to `$3` are the same in every row: when the batch begins and ends, and which it is. Then come the subjects.
macro_rules! insert {
    ($first:literal $($more:literal)*) => {
        concat!(
            "INSERT INTO core_decision_subjects (first_at, last_at, batch_id, subject) VALUES ($1,$2,$3,$", $first, ")"
            $(, ",($1,$2,$3,$", $more, ")")*
        )
    };
}

const ONE: &str = insert!(4);
const MANY: &str = insert!(4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35);

/// Notes of whom there is something in a batch.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_subjects(conn: &mut Conn, batch: &NewBatch) -> Result<()> {
    let whole = batch.subjects.chunks_exact(ROWS);
    let rest = whole.remainder().chunks(1);
    for (sql, subjects) in whole.map(|rows| (MANY, rows)).chain(rest.map(|rows| (ONE, rows))) {
        on!(conn, c => {
            let head = sqlx::query(sql).bind(batch.first_at).bind(batch.last_at).bind(batch.id);
            let bound = subjects.iter().fold(head, |query, subject| query.bind(*subject));
            bound.execute(c).await.map(drop)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MANY, ROWS};

    #[test]
    fn the_long_statement_has_a_place_for_each_row() {
        assert_eq!(MANY.matches("($1,$2,$3,$").count(), ROWS);
        let last = MANY.rsplit('$').next().expect("a place");
        assert_eq!(last, format!("{})", ROWS + 3));
    }
}
