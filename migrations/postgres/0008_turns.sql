-- How often something was asked for, at all nodes together. `key`: a keyed hash of what is limited and by whom.
CREATE TABLE core_turns (
    key     bytea       NOT NULL PRIMARY KEY,
    taken   bigint      NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE INDEX core_turns_end ON core_turns (ends_at);
