-- In which organization an act was done: it is on that organization's record, too.
ALTER TABLE core_audit ADD COLUMN organization_id BLOB;
UPDATE core_audit SET organization_id = unhex(substr(target, 5))
    WHERE action LIKE 'organization.%' AND target LIKE 'org#_%' ESCAPE '#';
DROP INDEX core_audit_at;
CREATE INDEX core_audit_at ON core_audit (at, id);
CREATE INDEX core_audit_organization ON core_audit (organization_id, at, id);

-- Every decision about a call, and what came of the call: many in one row, those that were written at once and were made in
-- one hour. `first_at`, `last_at`: between which moments they were made. `body`: JSON, see `audit::batch`.
CREATE TABLE core_decision_batches (
    id       BLOB    NOT NULL PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX core_decision_batches_first ON core_decision_batches (first_at, id);
CREATE INDEX core_decision_batches_last ON core_decision_batches (last_at, id);

-- In which batches there is something of an organization or a person.
CREATE TABLE core_decision_subjects (
    subject  BLOB    NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    batch_id BLOB    NOT NULL,
    PRIMARY KEY (subject, batch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX core_decision_subjects_first ON core_decision_subjects (subject, first_at, batch_id);
CREATE INDEX core_decision_subjects_last ON core_decision_subjects (subject, last_at, batch_id);
CREATE INDEX core_decision_subjects_old ON core_decision_subjects (last_at);

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
CREATE TRIGGER core_decision_batches_stand BEFORE UPDATE ON core_decision_batches
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END;
CREATE TRIGGER core_decision_subjects_stand BEFORE UPDATE ON core_decision_subjects
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END;
CREATE TRIGGER core_decision_callers_stand BEFORE UPDATE ON core_decision_callers
BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END;
