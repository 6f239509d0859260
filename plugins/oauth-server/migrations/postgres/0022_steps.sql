-- Authorization requests whose person is at a page of the application. `session_id`: the session it began in; none of a stranger. `query`: the
-- request as the browser brought it. `done`: the steps before, a letter each. `since`: since when it waits for its person. `taken_at`: when the
-- person came back, which counts once.
CREATE TABLE oauth_server_steps (
    handle_hash bytea       NOT NULL PRIMARY KEY,
    client_id   text        NOT NULL,
    session_id  uuid,
    step        text        NOT NULL,
    query       text        NOT NULL,
    done        text        NOT NULL,
    since       timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    taken_at    timestamptz
);
CREATE INDEX oauth_server_steps_client ON oauth_server_steps (client_id);
CREATE INDEX oauth_server_steps_expiry ON oauth_server_steps (expires_at);
