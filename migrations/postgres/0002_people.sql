-- What people need beyond address and password: verified addresses, pictures, bans, presence, mail, and a record of acts.
ALTER TABLE core_users ADD COLUMN email_verified_at timestamptz;
ALTER TABLE core_users ADD COLUMN image text;
ALTER TABLE core_users ADD COLUMN banned_at timestamptz;
ALTER TABLE core_users ADD COLUMN banned_until timestamptz;
ALTER TABLE core_users ADD COLUMN ban_reason text;

-- `authenticated_at`: when the person last proved to be there. `method`: how. `impersonator_id`: who wears this session.
ALTER TABLE core_sessions ADD COLUMN authenticated_at timestamptz NOT NULL DEFAULT to_timestamp(0);
ALTER TABLE core_sessions ADD COLUMN method text NOT NULL DEFAULT 'password';
ALTER TABLE core_sessions ADD COLUMN impersonator_id uuid REFERENCES core_users (id) ON DELETE CASCADE;
UPDATE core_sessions SET authenticated_at = created_at;

-- A single-use link may belong to somebody, carry something (sealed), and be tried only so often.
ALTER TABLE core_links ADD COLUMN user_id uuid REFERENCES core_users (id) ON DELETE CASCADE;
ALTER TABLE core_links ADD COLUMN payload text;
ALTER TABLE core_links ADD COLUMN attempts bigint NOT NULL DEFAULT 0;
CREATE INDEX core_links_user ON core_links (user_id);
CREATE INDEX core_links_expiry ON core_links (expires_at);

-- Mail that waits to be handed on. Content is sealed, since links in it are secrets.
CREATE TABLE core_mails (
    id          uuid        NOT NULL PRIMARY KEY,
    sealed      text        NOT NULL,
    created_at  timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    attempts    bigint      NOT NULL DEFAULT 0,
    sent_at     timestamptz,
    failed_at   timestamptz
);
CREATE INDEX core_mails_due ON core_mails (next_try_at);

-- Who did what to whom, appended and never changed.
CREATE TABLE core_audit (
    id              uuid        NOT NULL PRIMARY KEY,
    at              timestamptz NOT NULL,
    action          text        NOT NULL,
    outcome         text        NOT NULL,
    actor_id        uuid,
    impersonator_id uuid,
    client_id       text,
    target          text,
    request_id      text,
    ip              text,
    details         jsonb       NOT NULL
);
CREATE INDEX core_audit_at ON core_audit (at);
CREATE INDEX core_audit_target ON core_audit (target, at);
CREATE INDEX core_audit_actor ON core_audit (actor_id, at);

-- How far each observer has come in the news, and which process hands them to it just now.
CREATE TABLE core_observers (
    name       text   NOT NULL PRIMARY KEY,
    seq        bigint NOT NULL,
    held_by    text,
    held_until timestamptz
);
