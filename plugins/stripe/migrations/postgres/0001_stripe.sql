-- Customers, subscriptions, payments under way and what Stripe told us.
-- Who has a plan is a person, an organization or a team (`subject_kind`, `subject_id`); of a team `organization_id` is the
-- organization. Others own those rows.

CREATE TABLE stripe_customers (
    subject_kind    text    NOT NULL,
    subject_id      uuid    NOT NULL,
    organization_id uuid,
    customer_id     text    NOT NULL UNIQUE,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
);

-- A copy of what Stripe says. `synced_seq` is the place of the look it comes from: an older look never overwrites a newer one.
-- `plan` is empty when the price is none of ours.
CREATE TABLE stripe_subscriptions (
    id                   uuid    NOT NULL PRIMARY KEY,
    subject_kind         text    NOT NULL,
    subject_id           uuid    NOT NULL,
    organization_id      uuid,
    stripe_id            text    NOT NULL UNIQUE,
    customer_id          text    NOT NULL,
    plan                 text    NOT NULL,
    price_id             text    NOT NULL,
    item_id              text    NOT NULL,
    pay_interval         text    NOT NULL,
    status               text    NOT NULL,
    seats                bigint,
    period_start         timestamptz,
    period_end           timestamptz,
    trial_start          timestamptz,
    trial_end            timestamptz,
    cancel_at_period_end boolean NOT NULL,
    cancel_at            timestamptz,
    canceled_at          timestamptz,
    ended_at             timestamptz,
    past_due_since       timestamptz,
    synced_seq           bigint NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL
);
CREATE INDEX stripe_subscriptions_subject ON stripe_subscriptions (subject_kind, subject_id);

-- Places of looks.
CREATE TABLE stripe_looks (
    one bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    seq bigint NOT NULL
);
INSERT INTO stripe_looks (one, seq) VALUES (1, 0);

-- The one payment under way of each subject.
CREATE TABLE stripe_checkouts (
    subject_kind    text    NOT NULL,
    subject_id      uuid    NOT NULL,
    organization_id uuid,
    subscription_id uuid    NOT NULL UNIQUE,
    price_id        text    NOT NULL,
    seats           bigint NOT NULL,
    back            text    NOT NULL,
    session_id      text,
    url             text,
    started_by      uuid    NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (subject_kind, subject_id)
);

-- What Stripe told us, as it was told. `due_at` is when it is tried again; without one it is done (`processed_at`) or given
-- up (`failed_at`).
CREATE TABLE stripe_events (
    event_id     text    NOT NULL PRIMARY KEY,
    kind         text    NOT NULL,
    payload      text    NOT NULL,
    received_at  timestamptz NOT NULL,
    attempts     bigint NOT NULL,
    due_at       timestamptz,
    processed_at timestamptz,
    failed_at    timestamptz,
    note         text
);
CREATE INDEX stripe_events_due ON stripe_events (due_at);
CREATE INDEX stripe_events_received ON stripe_events (received_at);
