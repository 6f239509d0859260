-- Shares follow the row of a call, in the statement that writes it: whoever writes one writes the other, in one round trip.

-- The largest part of what is included of which was told, in percent.
ALTER TABLE stripe_meter_usage ADD COLUMN alerted INTEGER NOT NULL DEFAULT 0;
-- How the share of the plan stands after a statement, where a trigger can note it in the row (Postgres). Here the statement
-- looks, since what a trigger did before it can be seen.
ALTER TABLE stripe_meter_calls ADD COLUMN plan_used INTEGER;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_reserved INTEGER;
ALTER TABLE stripe_meter_calls ADD COLUMN plan_alerted INTEGER;

-- A call takes its units from every share in `levels` ([level, id, limit], ...), or is not written if one has not enough. There is
-- one writer, so nothing lies between looking and taking.
CREATE TRIGGER stripe_meter_calls_take BEFORE INSERT ON stripe_meter_calls BEGIN
    SELECT RAISE(IGNORE) FROM json_each(NEW.levels) AS share LEFT JOIN stripe_meter_usage AS own
        ON own.subject_kind = NEW.subject_kind AND own.subject_id = NEW.subject_id AND own.meter = NEW.meter
        AND own.period_start = NEW.period_start AND own.level = share.value ->> 0 AND own.level_id = share.value ->> 1
        WHERE NEW.units > (share.value ->> 2) - COALESCE(own.used + own.reserved, 0);
    INSERT INTO stripe_meter_usage (subject_kind, subject_id, meter, period_start, level, level_id, used, reserved)
        SELECT NEW.subject_kind, NEW.subject_id, NEW.meter, NEW.period_start, share.value ->> 0, share.value ->> 1, 0, NEW.units
        FROM json_each(NEW.levels) AS share WHERE true
        ON CONFLICT (subject_kind, subject_id, meter, period_start, level, level_id)
        DO UPDATE SET reserved = reserved + excluded.reserved;
END;

-- What is set aside for a call is used when it is committed, and comes back when it is released.
CREATE TRIGGER stripe_meter_calls_settle BEFORE UPDATE OF committed_at, released_at ON stripe_meter_calls
    WHEN OLD.committed_at IS NULL AND OLD.released_at IS NULL
    AND (NEW.committed_at IS NOT NULL OR NEW.released_at IS NOT NULL)
BEGIN
    UPDATE stripe_meter_usage SET reserved = reserved - OLD.units,
        used = used + CASE WHEN NEW.committed_at IS NULL THEN 0 ELSE OLD.units END
        WHERE subject_kind = OLD.subject_kind AND subject_id = OLD.subject_id AND meter = OLD.meter
        AND period_start = OLD.period_start
        AND (level, level_id) IN (SELECT share.value ->> 0, share.value ->> 1 FROM json_each(OLD.levels) AS share);
END;
