-- Programs of organizations themselves, with no person behind them. Of the token only the SHA-256 is kept.
CREATE TABLE organization_services (
    id              BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    roles           TEXT NOT NULL,
    scopes          TEXT NOT NULL,
    token_hash      BLOB NOT NULL UNIQUE,
    created_by      BLOB,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    last_used_at    INTEGER,
    revoked_at      INTEGER
) STRICT;
CREATE INDEX organization_services_organization ON organization_services (organization_id);
CREATE INDEX organization_services_created_by ON organization_services (created_by);
CREATE INDEX organization_services_expiry ON organization_services (expires_at);
