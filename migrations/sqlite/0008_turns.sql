-- How often something was asked for, at all nodes together. `key`: a keyed hash of what is limited and by whom.
CREATE TABLE core_turns (
    key     BLOB    NOT NULL PRIMARY KEY,
    taken   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX core_turns_end ON core_turns (ends_at);
