-- Signing out: where a client may have people sent afterwards, and where it is told that a session has ended (OpenID Connect
-- RP-Initiated Logout 1.0, Back-Channel Logout 1.0).
ALTER TABLE oauth_server_clients ADD COLUMN post_logout_redirect_uris jsonb NOT NULL DEFAULT '[]';
ALTER TABLE oauth_server_clients ADD COLUMN backchannel_logout_uri text;
-- `sid` of the id tokens of a grant.
ALTER TABLE oauth_server_grants ADD COLUMN sid text;

-- Which clients were told in which browser session who the person is. Accounts and sessions may be gone before their clients are
-- told, so nothing here goes with them.
CREATE TABLE oauth_server_logins (
    session_id uuid        NOT NULL,
    client_id  text        NOT NULL,
    user_id    uuid        NOT NULL,
    sid        text        NOT NULL UNIQUE,
    subject    text        NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX oauth_server_logins_user ON oauth_server_logins (user_id);
CREATE INDEX oauth_server_logins_client ON oauth_server_logins (client_id);
CREATE INDEX oauth_server_logins_checked ON oauth_server_logins (checked_at);

-- Clients that are still to be told that a session has ended. `next_at`: when it is tried again, or whoever tries lets go.
CREATE TABLE oauth_server_logouts (
    id         text        NOT NULL PRIMARY KEY,
    client_id  text        NOT NULL REFERENCES oauth_server_clients (id) ON DELETE CASCADE,
    sid        text        NOT NULL,
    subject    text        NOT NULL,
    attempts   bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    next_at    timestamptz NOT NULL
);
CREATE INDEX oauth_server_logouts_client ON oauth_server_logouts (client_id);
CREATE INDEX oauth_server_logouts_next ON oauth_server_logouts (next_at);
