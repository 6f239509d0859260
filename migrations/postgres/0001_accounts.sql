-- People, their browser sessions, one-time links, and the news other processes must hear.
-- Secrets are kept as SHA-256 only.
CREATE TABLE core_users (
    id            uuid        NOT NULL PRIMARY KEY,
    email         text        NOT NULL UNIQUE,
    name          text        NOT NULL,
    password_hash text,
    scopes        jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

CREATE TABLE core_sessions (
    id           uuid        NOT NULL PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    token_hash   bytea       NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL,
    renewed_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    revoked_at   timestamptz,
    ip           text        NOT NULL,
    user_agent   text        NOT NULL
);
CREATE INDEX core_sessions_user ON core_sessions (user_id);
CREATE INDEX core_sessions_expiry ON core_sessions (expires_at);

CREATE TABLE core_links (
    token_hash  bytea       NOT NULL PRIMARY KEY,
    purpose     text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz
);

CREATE TABLE core_events (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payload    jsonb       NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX core_events_created ON core_events (created_at);

-- Every node listens; the notice goes out with the commit that wrote the row.
CREATE FUNCTION core_events_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('belgie_events', NEW.payload::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER core_events_notify AFTER INSERT ON core_events
    FOR EACH ROW EXECUTE FUNCTION core_events_notify();
