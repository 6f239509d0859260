//! Many rows in one statement: a statement costs more than a row.

use belgie_api::db::Conn;
use belgie_api::{Result, on};

use super::NewDecision;

/// How many rows the long statement has.
const ROWS: usize = 32;
const COLUMNS: usize = 13;

const HEAD: &str = "INSERT INTO core_decisions (at, id, organization_id, user_id, client_id, kind, name, decision, \
     outcome, took_us, request_id, rules, caller_id) VALUES ";

const ONE_LENGTH: usize = length(1);
const ONE: &str = as_text(&written::<ONE_LENGTH>(1));
const MANY_LENGTH: usize = length(ROWS);
const MANY: &str = as_text(&written::<MANY_LENGTH>(ROWS));

/// How many digits a number has.
const fn digits(number: usize) -> usize {
    if number < 10 { 1 } else { 1 + digits(number / 10) }
}

/// How long the statement for so many rows is: `($1,...,$13),($14,...)`.
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

/// Puts decisions on record.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_all(conn: &mut Conn, decisions: &[NewDecision]) -> Result<()> {
    let whole = decisions.chunks_exact(ROWS);
    let rest = whole.remainder().chunks(1);
    for (sql, rows) in whole.map(|rows| (MANY, rows)).chain(rest.map(|rows| (ONE, rows))) {
        on!(conn, c => {
            let bound = rows.iter().fold(sqlx::query(sql), |query, row| {
                query
                    .bind(row.at)
                    .bind(row.id)
                    .bind(row.organization_id)
                    .bind(row.user_id)
                    .bind(row.client_id.as_deref())
                    .bind(row.kind)
                    .bind(row.name.as_str())
                    .bind(row.decision)
                    .bind(row.outcome)
                    .bind(row.took_us)
                    .bind(row.request_id.as_deref())
                    .bind(row.rules)
                    .bind(row.caller_id)
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
        assert_eq!(ONE.strip_prefix(HEAD), Some("($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)"));
        let rows = MANY.strip_prefix(HEAD).expect("the same columns");
        assert_eq!(rows.matches('(').count(), 32);
        let places = rows.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        assert!(places.map(|number| number.parse::<usize>().expect("a number")).eq(1..=416), "{rows}");
        assert!(rows.ends_with(",$416)") && rows.contains("$13),($14,"), "{rows}");
    }
}
