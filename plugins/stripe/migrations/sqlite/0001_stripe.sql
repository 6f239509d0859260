-- Customers, subscriptions, payments under way and what Stripe told us.
-- Who has a plan is a person, an organization or a team (`subject_kind`, `subject_id`); of a team `organization_id` is the
-- organization. Others own those rows.
-- Moments are INTEGER microseconds since 1970; ids are 16-byte UUIDs.

CREATE TABLE stripe_customers (
    subject_kind    TEXT    NOT NULL,
    subject_id      BLOB    NOT NULL,
    organization_id BLOB,
    customer_id     TEXT    NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
) STRICT;

-- A copy of what Stripe says. `synced_seq` is the place of the look it comes from: an older look never overwrites a newer one.
-- `plan` is empty when the price is none of ours.
CREATE TABLE stripe_subscriptions (
    id                   BLOB    NOT NULL PRIMARY KEY,
    subject_kind         TEXT    NOT NULL,
    subject_id           BLOB    NOT NULL,
    organization_id      BLOB,
    stripe_id            TEXT    NOT NULL UNIQUE,
    customer_id          TEXT    NOT NULL,
    plan                 TEXT    NOT NULL,
    price_id             TEXT    NOT NULL,
    item_id              TEXT    NOT NULL,
    pay_interval         TEXT    NOT NULL,
    status               TEXT    NOT NULL,
    seats                INTEGER,
    period_start         INTEGER,
    period_end           INTEGER,
    trial_start          INTEGER,
    trial_end            INTEGER,
    cancel_at_period_end INTEGER NOT NULL,
    cancel_at            INTEGER,
    canceled_at          INTEGER,
    ended_at             INTEGER,
    past_due_since       INTEGER,
    synced_seq           INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) STRICT;
CREATE INDEX stripe_subscriptions_subject ON stripe_subscriptions (subject_kind, subject_id);

-- Places of looks.
CREATE TABLE stripe_looks (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO stripe_looks (one, seq) VALUES (1, 0);

-- The one payment under way of each subject.
CREATE TABLE stripe_checkouts (
    subject_kind    TEXT    NOT NULL,
    subject_id      BLOB    NOT NULL,
    organization_id BLOB,
    subscription_id BLOB    NOT NULL UNIQUE,
    price_id        TEXT    NOT NULL,
    seats           INTEGER NOT NULL,
    back            TEXT    NOT NULL,
    session_id      TEXT,
    url             TEXT,
    started_by      BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
) STRICT;

-- What Stripe told us, as it was told. `due_at` is when it is tried again; without one it is done (`processed_at`) or given
-- up (`failed_at`).
CREATE TABLE stripe_events (
    event_id     TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    received_at  INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    due_at       INTEGER,
    processed_at INTEGER,
    failed_at    INTEGER,
    note         TEXT
) STRICT;
CREATE INDEX stripe_events_due ON stripe_events (due_at);
CREATE INDEX stripe_events_received ON stripe_events (received_at);
