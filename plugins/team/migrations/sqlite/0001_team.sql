-- Teams of organizations, and who is in them.
-- Organizations and people are named by id alone: others own their rows, and this plugin hears in the same transaction
-- when one goes.
-- Moments are INTEGER microseconds since 1970; ids are 16-byte UUIDs.

-- `slug` is the name in URLs and rules; it stays.
CREATE TABLE team_teams (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL,
    slug            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (organization_id, slug)
) STRICT;

-- `roles` is a list of words, never empty. `membership_id` is one stay of a person: whoever leaves and comes back has another.
CREATE TABLE team_members (
    team_id       BLOB    NOT NULL REFERENCES team_teams (id) ON DELETE CASCADE,
    user_id       BLOB    NOT NULL,
    membership_id BLOB    NOT NULL UNIQUE,
    roles         TEXT    NOT NULL,
    joined_at     INTEGER NOT NULL,
    PRIMARY KEY (team_id, user_id)
) STRICT;
CREATE INDEX team_members_user ON team_members (user_id);
