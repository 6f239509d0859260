-- What is told of a quota. It is noted before the call that may reach it runs, so no call that has reached it is without; it is
-- told once the units are used (`told_at`), by whoever comes first, and tried again at `due_at`. `units`: so many are used then.
CREATE TABLE stripe_meter_alerts (
    subject_kind    text        NOT NULL,
    subject_id      uuid        NOT NULL,
    organization_id uuid,
    meter           text        NOT NULL,
    period_start    timestamptz NOT NULL,
    included        bigint      NOT NULL,
    percent         bigint      NOT NULL,
    units           bigint      NOT NULL,
    plan            text        NOT NULL,
    period_end      timestamptz NOT NULL,
    attempts        bigint      NOT NULL,
    due_at          timestamptz,
    told_at         timestamptz,
    PRIMARY KEY (subject_kind, subject_id, meter, period_start, included, percent)
);
CREATE INDEX stripe_meter_alerts_due ON stripe_meter_alerts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stripe_meter_alerts_period ON stripe_meter_alerts (period_start);

-- The largest part, in percent, that is noted, and of how much: a plan that includes something else begins anew. Before, both stood in
-- one number.
ALTER TABLE stripe_meter_usage ADD COLUMN noted_included bigint NOT NULL DEFAULT 0;
ALTER TABLE stripe_meter_usage ADD COLUMN noted_percent bigint NOT NULL DEFAULT 0;
UPDATE stripe_meter_usage SET noted_included = alerted >> 16, noted_percent = alerted & 65535 WHERE alerted <> 0;
ALTER TABLE stripe_meter_usage DROP COLUMN alerted;
ALTER TABLE stripe_meter_calls DROP COLUMN plan_alerted;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_noted_included bigint;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_noted_percent bigint;

-- As before, with the new columns.
CREATE OR REPLACE FUNCTION stripe_meter_take() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    share record;
    stand record;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR share IN
        SELECT place, value ->> 0 AS level, value ->> 1 AS id, (value ->> 2)::bigint AS most
        FROM jsonb_array_elements(NEW.levels::jsonb) WITH ORDINALITY AS all_shares (value, place)
    LOOP
        INSERT INTO stripe_meter_usage AS own
            (subject_kind, subject_id, meter, period_start, level, level_id, used, reserved)
            SELECT NEW.subject_kind, NEW.subject_id, NEW.meter, NEW.period_start, share.level, share.id, 0, NEW.units
            WHERE share.most IS NULL OR NEW.units <= share.most
            ON CONFLICT (subject_kind, subject_id, meter, period_start, level, level_id)
            DO UPDATE SET reserved = own.reserved + excluded.reserved
            WHERE share.most IS NULL OR NEW.units <= share.most - own.used - own.reserved
            RETURNING used, reserved, noted_included, noted_percent INTO stand;
        IF NOT FOUND THEN
            -- What was taken before comes back: nobody has seen it.
            UPDATE stripe_meter_usage AS own SET reserved = own.reserved - NEW.units
                FROM jsonb_array_elements(NEW.levels::jsonb) WITH ORDINALITY AS taken (value, place)
                WHERE taken.place < share.place AND own.subject_kind = NEW.subject_kind
                AND own.subject_id = NEW.subject_id AND own.meter = NEW.meter AND own.period_start = NEW.period_start
                AND own.level = taken.value ->> 0 AND own.level_id = taken.value ->> 1;
            RETURN NULL;
        END IF;
        IF share.level = 'plan' THEN
            NEW.plan_used := stand.used;
            NEW.plan_reserved := stand.reserved;
            NEW.plan_noted_included := stand.noted_included;
            NEW.plan_noted_percent := stand.noted_percent;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;

-- As before: who settles need not know what is noted.
CREATE OR REPLACE FUNCTION stripe_meter_settle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    share record;
    stand record;
BEGIN
    IF NEW.committed_at IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    FOR share IN
        SELECT value ->> 0 AS level, value ->> 1 AS id FROM jsonb_array_elements(OLD.levels::jsonb) AS all_shares (value)
    LOOP
        UPDATE stripe_meter_usage SET reserved = reserved - OLD.units,
            used = used + CASE WHEN NEW.committed_at IS NULL THEN 0 ELSE OLD.units END
            WHERE subject_kind = OLD.subject_kind AND subject_id = OLD.subject_id AND meter = OLD.meter
            AND period_start = OLD.period_start AND level = share.level AND level_id = share.id
            RETURNING used, reserved INTO STRICT stand;
        IF share.level = 'plan' THEN
            NEW.plan_used := stand.used;
            NEW.plan_reserved := stand.reserved;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
