-- The live rows, as matching compares them, and the owners' runs that may be their twins. Postgres sorts them, on disk
-- if there are many, because the legacy table is read in the order of its ids.
CREATE TABLE history_cdc.live_run (
  run_id          uuid NOT NULL,
  agent_url       text NOT NULL,
  fingerprint     uuid NOT NULL,
  profile_hash    uuid,
  organization_id text,
  tested_at_us    bigint NOT NULL
);
CREATE TABLE history_cdc.window_run (
  legacy_id        uuid NOT NULL,
  agent_context_id uuid NOT NULL,
  user_id          text NOT NULL,
  agent_url       text NOT NULL,
  fingerprint     uuid NOT NULL,
  profile_hash    uuid,
  organization_id text NOT NULL,
  started_at_us   bigint NOT NULL,
  -- What is decided where there is no live twin.
  otherwise       text NOT NULL,
  expired         boolean NOT NULL,
  opted_out       boolean NOT NULL,
  refused         text
)
