-- Users who were erased (`forget`). Of the user id only a keyed hash is kept, so that an event that comes later, or is read
-- again, is stored under the alias, too. The alias is random: rows of one person stay together, and lead to nobody.
CREATE TABLE history_cdc.forgotten_user (
  user_hash    bytea PRIMARY KEY,
  alias        text NOT NULL UNIQUE DEFAULT 'forgotten:' || gen_random_uuid(),
  forgotten_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The key of the hashes: one row, made with the first user who is forgotten. A dump without this table cannot be held against
-- a list of user ids.
CREATE TABLE history_cdc.forgotten_key (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  key     bytea NOT NULL
);
