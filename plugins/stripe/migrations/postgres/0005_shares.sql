-- Shares follow the row of a call, in the statement that writes it: whoever writes one writes the other, in one round trip.

-- The largest part of what is included of which was told, in percent.
ALTER TABLE stripe_meter_usage ADD COLUMN alerted bigint NOT NULL DEFAULT 0;
-- How the share of the plan stood after the last statement. A statement does not see what a trigger has done, so it is noted.
ALTER TABLE stripe_meter_calls ADD COLUMN plan_used bigint;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_reserved bigint;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_alerted bigint;

-- A call takes its units from every share in `levels` ([level, id, limit], ...), or is not written if one has not enough. Each share is
-- looked at and taken from in one statement, in the order of the list, so that nobody passes a limit and nobody waits in a circle.
-- Nobody waits for the disk: if the server dies before it has written this, the call that runs cannot be committed, and what
-- is committed later is written after it.
CREATE FUNCTION stripe_meter_take() RETURNS trigger LANGUAGE plpgsql AS $$
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
            RETURNING used, reserved, alerted INTO stand;
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
            NEW.plan_alerted := stand.alerted;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
CREATE TRIGGER stripe_meter_calls_take BEFORE INSERT ON stripe_meter_calls
    FOR EACH ROW EXECUTE FUNCTION stripe_meter_take();

-- What is set aside for a call is used when it is committed, and comes back when it is released. That is not waited for: what is
-- not written comes back with the lease.
CREATE FUNCTION stripe_meter_settle() RETURNS trigger LANGUAGE plpgsql AS $$
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
            RETURNING used, reserved, alerted INTO STRICT stand;
        IF share.level = 'plan' THEN
            NEW.plan_used := stand.used;
            NEW.plan_reserved := stand.reserved;
            NEW.plan_alerted := stand.alerted;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
CREATE TRIGGER stripe_meter_calls_settle BEFORE UPDATE OF committed_at, released_at ON stripe_meter_calls
    FOR EACH ROW WHEN (OLD.committed_at IS NULL AND OLD.released_at IS NULL
        AND (NEW.committed_at IS NOT NULL OR NEW.released_at IS NOT NULL))
    EXECUTE FUNCTION stripe_meter_settle();
