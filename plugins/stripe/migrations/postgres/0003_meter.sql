-- What is counted: how much of a meter is used and set aside, and every call that was counted.

-- How much is used in a period, and set aside for calls that run. `level` is whose share it is: `plan` of whoever has the
-- plan, `team`, `user` or `agent` of one of those behind their calls (`level_id`).
CREATE TABLE stripe_meter_usage (
    subject_kind text NOT NULL,
    subject_id   uuid NOT NULL,
    meter        text NOT NULL,
    period_start timestamptz NOT NULL,
    level        text NOT NULL,
    level_id     text NOT NULL,
    used         bigint NOT NULL,
    reserved     bigint NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, meter, period_start, level, level_id)
);

-- A counted call. It runs until `lease_until`, or longer if whoever runs it says so; then it is committed, or released.
-- `event_name` is what Stripe is told, `due_at` when: without one it was told (`sent_at`), given up (`given_up_at`), or is
-- none of Stripe's business.
CREATE TABLE stripe_meter_calls (
    id              uuid NOT NULL PRIMARY KEY,
    subject_kind    text NOT NULL,
    subject_id      uuid NOT NULL,
    organization_id uuid,
    meter           text NOT NULL,
    period_start    timestamptz NOT NULL,
    units           bigint NOT NULL,
    name            text NOT NULL,
    user_id         uuid NOT NULL,
    client_id       text NOT NULL,
    levels          text NOT NULL,
    reserved_at     timestamptz NOT NULL,
    lease_until     timestamptz,
    committed_at    timestamptz,
    released_at     timestamptz,
    event_name      text,
    due_at          timestamptz,
    attempts        bigint NOT NULL,
    unsure_since    timestamptz,
    sent_at         timestamptz,
    given_up_at     timestamptz,
    note            text
);
CREATE INDEX stripe_meter_calls_lease ON stripe_meter_calls (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX stripe_meter_calls_due ON stripe_meter_calls (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stripe_meter_calls_given_up ON stripe_meter_calls (given_up_at) WHERE given_up_at IS NOT NULL;
