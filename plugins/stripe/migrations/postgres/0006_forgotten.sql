-- Calls are forgotten in time, and what was used stays: how much of `used` is of calls that are not kept any more. Only the
-- share of the plan says so.
ALTER TABLE stripe_meter_usage ADD COLUMN forgotten bigint NOT NULL DEFAULT 0;
CREATE INDEX stripe_meter_usage_period ON stripe_meter_usage (period_start);
