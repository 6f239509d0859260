-- Customers that were deleted at Stripe. What they paid for stays theirs, and whoever buys again is another customer.
CREATE TABLE stripe_former_customers (
    customer_id     text        NOT NULL PRIMARY KEY,
    subject_kind    text        NOT NULL,
    subject_id      uuid        NOT NULL,
    organization_id uuid,
    gone_at         timestamptz NOT NULL
);
CREATE INDEX stripe_former_customers_subject ON stripe_former_customers (subject_kind, subject_id);
