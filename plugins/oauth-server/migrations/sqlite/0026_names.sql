-- By which names the client knew people when it was allowed (OpenID Connect Core 1.0 section 8.1): with other names it asks again.
ALTER TABLE oauth_server_consents ADD COLUMN sector TEXT;
UPDATE oauth_server_consents
    SET sector = (SELECT sector FROM oauth_server_clients WHERE oauth_server_clients.id = oauth_server_consents.client_id);
