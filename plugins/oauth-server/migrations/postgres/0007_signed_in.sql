-- When the person proved to be there in the session in which the grant was given; none for grants made before it was kept.
ALTER TABLE oauth_server_grants ADD COLUMN signed_in_at timestamptz;
