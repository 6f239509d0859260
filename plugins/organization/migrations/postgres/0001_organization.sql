-- Organizations, the names they ever had in URLs, members, roles and invitations.
-- People are named by id alone: the core owns their rows, and this plugin hears in the same transaction when one goes.

-- `slug` is the name in URLs just now; `organization_slugs` has every one there ever was.
CREATE TABLE organization_organizations (
    id         uuid        NOT NULL PRIMARY KEY,
    slug       text        NOT NULL UNIQUE,
    name       text        NOT NULL,
    logo_url   text,
    metadata   jsonb       NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE INDEX organization_organizations_deleted ON organization_organizations (deleted_at);

-- A slug belongs to the first organization that had it for good, even when that is gone. Retired ones lead on.
CREATE TABLE organization_slugs (
    slug            text        NOT NULL PRIMARY KEY,
    organization_id uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    retired_at      timestamptz
);
CREATE INDEX organization_slugs_organization ON organization_slugs (organization_id);

CREATE TABLE organization_members (
    organization_id uuid        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    user_id         uuid        NOT NULL,
    joined_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user ON organization_members (user_id);

-- Every member has at least one.
CREATE TABLE organization_member_roles (
    organization_id uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    role            text        NOT NULL,
    given_at        timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id, role),
    FOREIGN KEY (organization_id, user_id) REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX organization_member_roles_role ON organization_member_roles (organization_id, role);

-- Roles beside owner, admin and member, which have no rows. `permissions` is a list of `resource:action`.
CREATE TABLE organization_roles (
    organization_id uuid        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    name            text        NOT NULL,
    permissions     jsonb       NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, name)
);

-- Who left or was removed, so that nobody comes back by their address alone.
CREATE TABLE organization_departures (
    organization_id uuid        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    user_id         uuid        NOT NULL,
    left_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_departures_user ON organization_departures (user_id);

-- Open until one of the three moments is there. Of the token in the link only the SHA-256 is kept.
CREATE TABLE organization_invitations (
    id              uuid        NOT NULL PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organization_organizations (id) ON DELETE CASCADE,
    team_id         uuid,
    email           text        NOT NULL,
    roles           jsonb       NOT NULL,
    inviter_id      uuid,
    token_hash      bytea       NOT NULL UNIQUE,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    accepted_at     timestamptz,
    accepted_by     uuid,
    rejected_at     timestamptz,
    canceled_at     timestamptz
);
CREATE UNIQUE INDEX organization_invitations_open ON organization_invitations (organization_id, email)
    WHERE accepted_at IS NULL AND rejected_at IS NULL AND canceled_at IS NULL;
CREATE INDEX organization_invitations_email ON organization_invitations (email);
CREATE INDEX organization_invitations_inviter ON organization_invitations (inviter_id);
CREATE INDEX organization_invitations_accepted_by ON organization_invitations (accepted_by);
CREATE INDEX organization_invitations_expiry ON organization_invitations (expires_at);
