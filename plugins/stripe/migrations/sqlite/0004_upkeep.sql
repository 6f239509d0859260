-- What ends by itself, what is looked at again though nobody tells of it, what is planned for the end of a period, who has had
-- days that cost nothing, and what is still to be told to Stripe.

-- `turns_at`: the next moment at which it opens less than before without any news. `checked_at`: when Stripe was last asked.
ALTER TABLE stripe_subscriptions ADD COLUMN turns_at INTEGER;
ALTER TABLE stripe_subscriptions ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stripe_subscriptions ADD COLUMN item_count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE stripe_subscriptions ADD COLUMN seat_item_id TEXT;
ALTER TABLE stripe_subscriptions ADD COLUMN schedule_id TEXT;
ALTER TABLE stripe_subscriptions ADD COLUMN scheduled_plan TEXT;
CREATE INDEX stripe_subscriptions_turns ON stripe_subscriptions (turns_at);
CREATE INDEX stripe_subscriptions_checked ON stripe_subscriptions (checked_at);
CREATE INDEX stripe_subscriptions_organization ON stripe_subscriptions (organization_id);
CREATE INDEX stripe_customers_organization ON stripe_customers (organization_id);

ALTER TABLE stripe_checkouts ADD COLUMN has_trial INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stripe_checkouts_started_by ON stripe_checkouts (started_by);

CREATE INDEX stripe_events_failed ON stripe_events (failed_at);

-- Who has had days that cost nothing: accounts, and the people who began to pay for them.
CREATE TABLE stripe_trials (
    holder_kind     TEXT    NOT NULL,
    holder_id       BLOB    NOT NULL,
    subscription_id BLOB    NOT NULL,
    began_at        INTEGER NOT NULL,
    PRIMARY KEY (holder_kind, holder_id)
) STRICT;

-- What is still to be told to Stripe about an account: `customer` (name and address), `seats`, `close` (a page to pay on).
CREATE TABLE stripe_chores (
    subject_kind    TEXT    NOT NULL,
    subject_id      BLOB    NOT NULL,
    organization_id BLOB,
    chore           TEXT    NOT NULL,
    due_at          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, chore)
) STRICT;
CREATE INDEX stripe_chores_due ON stripe_chores (due_at);
