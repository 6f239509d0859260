-- What is told of a quota. It is noted before the call that may reach it runs, so no call that has reached it is without; it is
-- told once the units are used (`told_at`), by whoever comes first, and tried again at `due_at`. `units`: so many are used then.
CREATE TABLE stripe_meter_alerts (
    subject_kind    TEXT    NOT NULL,
    subject_id      BLOB    NOT NULL,
    organization_id BLOB,
    meter           TEXT    NOT NULL,
    period_start    INTEGER NOT NULL,
    included        INTEGER NOT NULL,
    percent         INTEGER NOT NULL,
    units           INTEGER NOT NULL,
    plan            TEXT    NOT NULL,
    period_end      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    due_at          INTEGER,
    told_at         INTEGER,
    PRIMARY KEY (subject_kind, subject_id, meter, period_start, included, percent)
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_meter_alerts_due ON stripe_meter_alerts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stripe_meter_alerts_period ON stripe_meter_alerts (period_start);

-- The largest part, in percent, that is noted, and of how much: a plan that includes something else begins anew. Before, both stood in
-- one number.
ALTER TABLE stripe_meter_usage ADD COLUMN noted_included INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stripe_meter_usage ADD COLUMN noted_percent INTEGER NOT NULL DEFAULT 0;
UPDATE stripe_meter_usage SET noted_included = alerted >> 16, noted_percent = alerted & 65535 WHERE alerted <> 0;
ALTER TABLE stripe_meter_usage DROP COLUMN alerted;
ALTER TABLE stripe_meter_calls DROP COLUMN plan_alerted;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_noted_included INTEGER;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_noted_percent INTEGER;
