-- Authorization requests whose person is at a page of the application. `session_id`: the session it began in; none of a stranger. `query`: the
-- request as the browser brought it. `done`: the steps before, a letter each. `since`: since when it waits for its person. `taken_at`: when the
-- person came back, which counts once.
CREATE TABLE oauth_server_steps (
    handle_hash BLOB    NOT NULL PRIMARY KEY,
    client_id   TEXT    NOT NULL,
    session_id  BLOB,
    step        TEXT    NOT NULL,
    query       TEXT    NOT NULL,
    done        TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    taken_at    INTEGER
) STRICT;
CREATE INDEX oauth_server_steps_client ON oauth_server_steps (client_id);
CREATE INDEX oauth_server_steps_expiry ON oauth_server_steps (expires_at);
