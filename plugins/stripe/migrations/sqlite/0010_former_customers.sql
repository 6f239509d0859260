-- Customers that were deleted at Stripe. What they paid for stays theirs, and whoever buys again is another customer.
CREATE TABLE stripe_former_customers (
    customer_id     TEXT    NOT NULL PRIMARY KEY,
    subject_kind    TEXT    NOT NULL,
    subject_id      BLOB    NOT NULL,
    organization_id BLOB,
    gone_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX stripe_former_customers_subject ON stripe_former_customers (subject_kind, subject_id);
