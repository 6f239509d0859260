-- Teams of organizations, and who is in them.
-- Organizations and people are named by id alone: others own their rows, and this plugin hears in the same transaction
-- when one goes.

-- `slug` is the name in URLs and rules; it stays.
CREATE TABLE team_teams (
    id              uuid        NOT NULL PRIMARY KEY,
    organization_id uuid        NOT NULL,
    slug            text        NOT NULL,
    name            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (organization_id, slug)
);

-- `roles` is a list of words, never empty. `membership_id` is one stay of a person: whoever leaves and comes back has another.
CREATE TABLE team_members (
    team_id       uuid        NOT NULL REFERENCES team_teams (id) ON DELETE CASCADE,
    user_id       uuid        NOT NULL,
    membership_id uuid        NOT NULL UNIQUE,
    roles         jsonb       NOT NULL,
    joined_at     timestamptz NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);
