-- Programs of organizations themselves, with no person behind them. Of the token only the SHA-256 is kept.
CREATE TABLE organization_services (
    id              uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    name            text NOT NULL,
    roles           jsonb NOT NULL,
    scopes          jsonb NOT NULL,
    token_hash      bytea NOT NULL UNIQUE,
    created_by      uuid,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX organization_services_organization ON organization_services (organization_id);
CREATE INDEX organization_services_created_by ON organization_services (created_by);
CREATE INDEX organization_services_expiry ON organization_services (expires_at);
