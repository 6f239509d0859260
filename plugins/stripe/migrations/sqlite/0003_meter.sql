-- What is counted: how much of a meter is used and set aside, and every call that was counted.
-- Moments are INTEGER microseconds since 1970; ids are 16-byte UUIDs.

-- How much is used in a period, and set aside for calls that run. `level` is whose share it is: `plan` of whoever has the
-- plan, `team`, `user` or `agent` of one of those behind their calls (`level_id`).
CREATE TABLE stripe_meter_usage (
    subject_kind TEXT    NOT NULL,
    subject_id   BLOB    NOT NULL,
    meter        TEXT    NOT NULL,
    period_start INTEGER NOT NULL,
    level        TEXT    NOT NULL,
    level_id     TEXT    NOT NULL,
    used         INTEGER NOT NULL,
    reserved     INTEGER NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, meter, period_start, level, level_id)
) STRICT, WITHOUT ROWID;

-- A counted call. It runs until `lease_until`, or longer if whoever runs it says so; then it is committed, or released.
-- `event_name` is what Stripe is told, `due_at` when: without one it was told (`sent_at`), given up (`given_up_at`), or is
-- none of Stripe's business.
CREATE TABLE stripe_meter_calls (
    id              BLOB    NOT NULL PRIMARY KEY,
    subject_kind    TEXT    NOT NULL,
    subject_id      BLOB    NOT NULL,
    organization_id BLOB,
    meter           TEXT    NOT NULL,
    period_start    INTEGER NOT NULL,
    units           INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    user_id         BLOB    NOT NULL,
    client_id       TEXT    NOT NULL,
    levels          TEXT    NOT NULL,
    reserved_at     INTEGER NOT NULL,
    lease_until     INTEGER,
    committed_at    INTEGER,
    released_at     INTEGER,
    event_name      TEXT,
    due_at          INTEGER,
    attempts        INTEGER NOT NULL,
    unsure_since    INTEGER,
    sent_at         INTEGER,
    given_up_at     INTEGER,
    note            TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_meter_calls_lease ON stripe_meter_calls (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX stripe_meter_calls_due ON stripe_meter_calls (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stripe_meter_calls_given_up ON stripe_meter_calls (given_up_at) WHERE given_up_at IS NOT NULL;
