-- In which organization an act was done: it is on that organization's record, too.
ALTER TABLE core_audit ADD COLUMN organization_id uuid;
UPDATE core_audit SET organization_id = substr(target, 5)::uuid
    WHERE action LIKE 'organization.%' AND target ~ '^org_[0-9a-f]{32}$';
DROP INDEX core_audit_at;
CREATE INDEX core_audit_at ON core_audit (at, id);
CREATE INDEX core_audit_organization ON core_audit (organization_id, at, id);

-- Every decision about a call, and what came of the call. `caller_id`: what the caller was at that moment; NULL in a gap,
-- which says in `name` how many entries are missing. `rules`: a fingerprint of the rules that were asked.
CREATE TABLE core_decisions (
    at              timestamptz NOT NULL,
    id              uuid        NOT NULL,
    organization_id uuid,
    user_id         uuid,
    client_id       text,
    kind            text        NOT NULL,
    name            text        NOT NULL,
    decision        text        NOT NULL,
    outcome         text        NOT NULL,
    took_us         bigint      NOT NULL,
    request_id      text,
    rules           bigint      NOT NULL,
    caller_id       uuid,
    PRIMARY KEY (at, id)
);
CREATE INDEX core_decisions_organization ON core_decisions (organization_id, at, id);
CREATE INDEX core_decisions_user ON core_decisions (user_id, at, id);

-- What callers were, each kept once a day however often they call. `id`: the hash of the day and the rest.
CREATE TABLE core_decision_callers (
    id     uuid        NOT NULL PRIMARY KEY,
    at     timestamptz NOT NULL,
    caller jsonb       NOT NULL
);
CREATE INDEX core_decision_callers_at ON core_decision_callers (at);

-- The record is added to and never changed. What is too old is taken away as a whole.
CREATE FUNCTION core_record_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record is never changed';
END
$$;
CREATE TRIGGER core_audit_stands BEFORE UPDATE ON core_audit
    FOR EACH STATEMENT EXECUTE FUNCTION core_record_stands();
CREATE TRIGGER core_decisions_stand BEFORE UPDATE ON core_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION core_record_stands();
CREATE TRIGGER core_decision_callers_stand BEFORE UPDATE ON core_decision_callers
    FOR EACH STATEMENT EXECUTE FUNCTION core_record_stands();
