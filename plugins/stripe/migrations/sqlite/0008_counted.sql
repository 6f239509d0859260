-- From which moment the months are counted in which so much is included, where it is not the beginning of the period that is paid
-- for: whoever changes how often is paid begins another period, and no other quota.
ALTER TABLE stripe_subscriptions ADD COLUMN counted_from INTEGER;
