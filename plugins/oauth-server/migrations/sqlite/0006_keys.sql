-- The keys that tokens are signed with. The private part is sealed with the host's secret.
-- A key waits (`current_at` is null), signs, and is kept (`retired_at`) until nothing that it signed is in force any more
-- (`needed_until`). Of each algorithm one waits and one signs, however many nodes make one at the same moment.
CREATE TABLE oauth_server_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    algorithm    TEXT    NOT NULL,
    public_key   TEXT    NOT NULL,
    private_key  TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    current_at   INTEGER,
    retired_at   INTEGER,
    needed_until INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX oauth_server_keys_current ON oauth_server_keys (algorithm)
    WHERE current_at IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX oauth_server_keys_next ON oauth_server_keys (algorithm)
    WHERE current_at IS NULL AND retired_at IS NULL;
