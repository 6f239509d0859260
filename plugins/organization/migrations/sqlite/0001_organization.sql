-- Organizations, the names they ever had in URLs, members, roles and invitations.
-- People are named by id alone: the core owns their rows, and this plugin hears in the same transaction when one goes.
-- Moments are INTEGER microseconds since 1970; ids are 16-byte UUIDs.

-- `slug` is the name in URLs just now; `organization_slugs` has every one there ever was.
CREATE TABLE organization_organizations (
    id         BLOB        NOT NULL PRIMARY KEY,
    slug       TEXT        NOT NULL UNIQUE,
    name       TEXT        NOT NULL,
    logo_url   TEXT,
    metadata   TEXT        NOT NULL,
    created_by BLOB,
    created_at INTEGER     NOT NULL,
    updated_at INTEGER     NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX organization_organizations_deleted ON organization_organizations (deleted_at);

-- A slug belongs to the first organization that had it for good, even when that is gone. Retired ones lead on.
CREATE TABLE organization_slugs (
    slug            TEXT        NOT NULL PRIMARY KEY,
    organization_id BLOB        NOT NULL,
    created_at      INTEGER     NOT NULL,
    retired_at      INTEGER
) STRICT;
CREATE INDEX organization_slugs_organization ON organization_slugs (organization_id);

CREATE TABLE organization_members (
    organization_id BLOB        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    user_id         BLOB        NOT NULL,
    joined_at       INTEGER     NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) STRICT;
CREATE INDEX organization_members_user ON organization_members (user_id);

-- Every member has at least one.
CREATE TABLE organization_member_roles (
    organization_id BLOB        NOT NULL,
    user_id         BLOB        NOT NULL,
    role            TEXT        NOT NULL,
    given_at        INTEGER     NOT NULL,
    PRIMARY KEY (organization_id, user_id, role),
    FOREIGN KEY (organization_id, user_id) REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX organization_member_roles_role ON organization_member_roles (organization_id, role);

-- Roles beside owner, admin and member, which have no rows. `permissions` is a list of `resource:action`.
CREATE TABLE organization_roles (
    organization_id BLOB        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    name            TEXT        NOT NULL,
    permissions     TEXT        NOT NULL,
    created_at      INTEGER     NOT NULL,
    updated_at      INTEGER     NOT NULL,
    PRIMARY KEY (organization_id, name)
) STRICT;

-- Who left or was removed, so that nobody comes back by their address alone.
CREATE TABLE organization_departures (
    organization_id BLOB        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    user_id         BLOB        NOT NULL,
    left_at         INTEGER     NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) STRICT;
CREATE INDEX organization_departures_user ON organization_departures (user_id);

-- Open until one of the three moments is there. Of the token in the link only the SHA-256 is kept.
CREATE TABLE organization_invitations (
    id              BLOB        NOT NULL PRIMARY KEY,
    organization_id BLOB        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    team_id         BLOB,
    email           TEXT        NOT NULL,
    roles           TEXT        NOT NULL,
    inviter_id      BLOB,
    token_hash      BLOB        NOT NULL UNIQUE,
    created_at      INTEGER     NOT NULL,
    expires_at      INTEGER     NOT NULL,
    accepted_at     INTEGER,
    accepted_by     BLOB,
    rejected_at     INTEGER,
    canceled_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX organization_invitations_open ON organization_invitations (organization_id, email)
    WHERE accepted_at IS NULL AND rejected_at IS NULL AND canceled_at IS NULL;
CREATE INDEX organization_invitations_email ON organization_invitations (email);
CREATE INDEX organization_invitations_inviter ON organization_invitations (inviter_id);
CREATE INDEX organization_invitations_accepted_by ON organization_invitations (accepted_by);
CREATE INDEX organization_invitations_expiry ON organization_invitations (expires_at);
