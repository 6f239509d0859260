-- What people have allowed: not asked again while nothing grows. For whom: as in a grant.
CREATE TABLE oauth_server_consents (
    id              uuid        NOT NULL PRIMARY KEY,
    user_id         uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    client_id       text        NOT NULL,
    client_name     text        NOT NULL,
    client_host     text,
    redirect_host   text        NOT NULL,
    scopes          jsonb       NOT NULL,
    resources       jsonb       NOT NULL,
    organization_id uuid,
    team_ids        jsonb       NOT NULL,
    membership_ids  jsonb       NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX oauth_server_consents_user ON oauth_server_consents (user_id, client_id);
CREATE INDEX oauth_server_consents_client ON oauth_server_consents (client_id);
