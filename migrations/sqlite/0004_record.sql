-- In which organization an act was done: it is on that organization's record, too.
ALTER TABLE core_audit ADD COLUMN organization_id BLOB;
UPDATE core_audit SET organization_id = unhex(substr(target, 5))
    WHERE action LIKE 'organization.%' AND target LIKE 'org#_%' ESCAPE '#';
DROP INDEX core_audit_at;
CREATE INDEX core_audit_at ON core_audit (at, id);
CREATE INDEX core_audit_organization ON core_audit (organization_id, at, id);

-- Every decision about a call, and what came of the call. `caller_id`: what the caller was at that moment; NULL in a gap,
-- which says in `name` how many entries are missing. `rules`: a fingerprint of the rules that were asked.
CREATE TABLE core_decisions (
    at              INTEGER NOT NULL,
    id              BLOB    NOT NULL,
    organization_id BLOB,
    user_id         BLOB,
    client_id       TEXT,
    kind            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    decision        TEXT    NOT NULL,
    outcome         TEXT    NOT NULL,
    took_us         INTEGER NOT NULL,
    request_id      TEXT,
    rules           INTEGER NOT NULL,
    caller_id       BLOB,
    PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX core_decisions_organization ON core_decisions (organization_id, at, id);
CREATE INDEX core_decisions_user ON core_decisions (user_id, at, id);

-- What callers were, each kept once a day however often they call. `id`: the hash of the day and the rest.
CREATE TABLE core_decision_callers (
    id     BLOB    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    caller TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX core_decision_callers_at ON core_decision_callers (at);

-- The record is added to and never changed. What is too old is taken away as a whole.
CREATE TRIGGER core_audit_stands BEFORE UPDATE ON core_audit
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END;
CREATE TRIGGER core_decisions_stand BEFORE UPDATE ON core_decisions
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END;
CREATE TRIGGER core_decision_callers_stand BEFORE UPDATE ON core_decision_callers
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END;
