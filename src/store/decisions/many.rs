//! Many rows in one statement: a statement costs more than a row.

use belgie_api::db::Conn;
use belgie_api::{Result, on};

use super::NewBatch;

/// How many rows the long statement has.
const ROWS: usize = 32;
const COLUMNS: usize = 4;

const HEAD: &str = "INSERT INTO core_decision_subjects (subject, first_at, last_at, batch_id) VALUES ";

const ONE_LENGTH: usize = length(1);
const ONE: &str = as_text(&written::<ONE_LENGTH>(1));
const MANY_LENGTH: usize = length(ROWS);
const MANY: &str = as_text(&written::<MANY_LENGTH>(ROWS));

/// How many digits a number has.
const fn digits(number: usize) -> usize {
    if number < 10 { 1 } else { 1 + digits(number / 10) }
}

/// How long the statement for so many rows is: `($1,...,$4),($5,...)`.
const fn length(rows: usize) -> usize {
    let mut length = HEAD.len();
    let mut place = 1;
    while place <= rows * COLUMNS {
        // `$`, the number, and the comma or bracket behind it.
        length += 2 + digits(place);
        place += 1;
    }
    // The brackets before the rows and the commas between them.
    length + 2 * rows - 1
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler alone, which stops at what is out of bounds")]
const fn written<const N: usize>(rows: usize) -> [u8; N] {
    let mut text = [0; N];
    let mut at = 0;
    while at < HEAD.len() {
        text[at] = HEAD.as_bytes()[at];
        at += 1;
    }
    let mut place = 1;
    while place <= rows * COLUMNS {
        if place % COLUMNS == 1 {
            text[at] = b'(';
            at += 1;
        }
        text[at] = b'$';
        let end = at + 1 + digits(place);
        let (mut digit, mut left) = (end, place);
        while digit > at + 1 {
            digit -= 1;
            #[expect(clippy::cast_possible_truncation, reason = "a digit")]
            {
                text[digit] = b'0' + (left % 10) as u8;
            }
            left /= 10;
        }
        text[end] = if place % COLUMNS == 0 { b')' } else { b',' };
        at = end + 1;
        if place % COLUMNS == 0 && place < rows * COLUMNS {
            text[at] = b',';
            at += 1;
        }
        place += 1;
    }
    text
}

const fn as_text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Notes of whom there is something in a batch.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_subjects(conn: &mut Conn, batch: &NewBatch) -> Result<()> {
    let whole = batch.subjects.chunks_exact(ROWS);
    let rest = whole.remainder().chunks(1);
    for (sql, subjects) in whole.map(|rows| (MANY, rows)).chain(rest.map(|rows| (ONE, rows))) {
        on!(conn, c => {
            let bound = subjects.iter().fold(sqlx::query(sql), |query, subject| {
                query.bind(*subject).bind(batch.first_at).bind(batch.last_at).bind(batch.id)
            });
            bound.execute(c).await.map(drop)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{HEAD, MANY, ONE};

    #[test]
    fn the_statements_number_their_places() {
        assert_eq!(ONE.strip_prefix(HEAD), Some("($1,$2,$3,$4)"));
        let rows = MANY.strip_prefix(HEAD).expect("the same columns");
        assert_eq!(rows.matches('(').count(), 32);
        let places = rows.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        assert!(places.map(|number| number.parse::<usize>().expect("a number")).eq(1..=128), "{rows}");
        assert!(rows.ends_with(",$128)") && rows.contains("$4),($5,"), "{rows}");
    }
}
