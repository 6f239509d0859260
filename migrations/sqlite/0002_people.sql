-- What people need beyond address and password: verified addresses, pictures, bans, presence, mail, and a record of acts.
ALTER TABLE core_users ADD COLUMN email_verified_at INTEGER;
ALTER TABLE core_users ADD COLUMN image TEXT;
ALTER TABLE core_users ADD COLUMN banned_at INTEGER;
ALTER TABLE core_users ADD COLUMN banned_until INTEGER;
ALTER TABLE core_users ADD COLUMN ban_reason TEXT;

-- `authenticated_at`: when the person last proved to be there. `method`: how. `impersonator_id`: who wears this session.
ALTER TABLE core_sessions ADD COLUMN authenticated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE core_sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
ALTER TABLE core_sessions ADD COLUMN impersonator_id BLOB REFERENCES core_users (id) ON DELETE CASCADE;
UPDATE core_sessions SET authenticated_at = created_at;

-- A single-use link may belong to somebody, carry something (sealed), and be tried only so often.
ALTER TABLE core_links ADD COLUMN user_id BLOB REFERENCES core_users (id) ON DELETE CASCADE;
ALTER TABLE core_links ADD COLUMN payload TEXT;
ALTER TABLE core_links ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
CREATE INDEX core_links_user ON core_links (user_id);
CREATE INDEX core_links_expiry ON core_links (expires_at);

-- Mail that waits to be handed on. Content is sealed, since links in it are secrets.
CREATE TABLE core_mails (
    id          BLOB    NOT NULL PRIMARY KEY,
    sealed      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    sent_at     INTEGER,
    failed_at   INTEGER
) STRICT;
CREATE INDEX core_mails_due ON core_mails (next_try_at);

-- Who did what to whom, appended and never changed.
CREATE TABLE core_audit (
    id              BLOB    NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL,
    action          TEXT    NOT NULL,
    outcome         TEXT    NOT NULL,
    actor_id        BLOB,
    impersonator_id BLOB,
    client_id       TEXT,
    target          TEXT,
    request_id      TEXT,
    ip              TEXT,
    details         TEXT    NOT NULL
) STRICT;
CREATE INDEX core_audit_at ON core_audit (at);
CREATE INDEX core_audit_target ON core_audit (target, at);
CREATE INDEX core_audit_actor ON core_audit (actor_id, at);

-- How far each observer has come in the news, and which process hands them to it just now.
CREATE TABLE core_observers (
    name       TEXT    NOT NULL PRIMARY KEY,
    seq        INTEGER NOT NULL,
    held_by    TEXT,
    held_until INTEGER
) STRICT;
