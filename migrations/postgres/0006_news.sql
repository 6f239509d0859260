-- A notice says which place its event has, so that the process that made it true knows it as its own.
CREATE OR REPLACE FUNCTION core_events_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('belgie_events', (NEW.payload || jsonb_build_object('seq', NEW.seq))::text);
    RETURN NULL;
END
$$;
