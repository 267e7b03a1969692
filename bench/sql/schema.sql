-- What the bench needs beside the application's tables. Everything follows from a row's number: two benches work on the
-- same rows.
CREATE SCHEMA bench;

-- A version 4 UUID, as random as the real ones.
CREATE FUNCTION bench.id(what text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN overlay(overlay(md5(what || n) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid;

-- Rows of about 3 kB as the demo has them, or of 0.8 kB.
CREATE FUNCTION bench.large() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {{large}};

CREATE TABLE bench.profile (context integer PRIMARY KEY, body jsonb NOT NULL);
CREATE TABLE bench.steps (slot integer PRIMARY KEY, body jsonb NOT NULL);
