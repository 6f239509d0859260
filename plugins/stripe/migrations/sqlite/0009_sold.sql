-- As what a price was sold: which plan, and which line of it (`plan`, `seat`, `extra`, `metered`). A key moves on and an id is replaced
-- in the file; whoever pays the price from before is found here.
CREATE TABLE stripe_sold (
    price_id TEXT    NOT NULL,
    plan     TEXT    NOT NULL,
    line     TEXT    NOT NULL,
    sold_at  INTEGER NOT NULL,
    PRIMARY KEY (price_id, plan, line)
) STRICT;

-- All of the wish that a page to pay on was made for, as a digest: another wish has another page.
ALTER TABLE stripe_checkouts ADD COLUMN wish TEXT NOT NULL DEFAULT '';
