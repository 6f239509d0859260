-- Pairwise subjects (OpenID Connect Core 1.0 section 8.1): clients of one sector know a person by one name, and those of another by
-- another. `sector`: none for clients that are told the account's own id.
ALTER TABLE oauth_server_clients ADD COLUMN sector text;
-- What the client of a grant knows the person by; none for the account's own id.
ALTER TABLE oauth_server_grants ADD COLUMN subject text;

-- Kept, so that a name outlives the secret it was made with.
CREATE TABLE oauth_server_subjects (
    sector     text        NOT NULL,
    user_id    uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    subject    text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (sector, user_id)
);
CREATE INDEX oauth_server_subjects_user ON oauth_server_subjects (user_id);
