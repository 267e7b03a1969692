-- The agent URL as the application compares it: trimmed of what JavaScript's trim() trims, lower-cased, without
-- trailing slashes. NULL where it names no agent: empty, or with inner white space, a control character or '*'.
-- The one place where this rule stands; both sides of every comparison go through it.
CREATE FUNCTION history_cdc.canonical_agent_url(url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN NULLIF(
  regexp_replace(
    rtrim(lower(btrim(url, U&'\0009\000A\000B\000C\000D\0020\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000\FEFF')), '/'),
    U&'^.*[\0001-\0020\007F-\00A0\1680\2000-\200A\2028\2029\202F\205F\3000\FEFF*].*$',
    ''
  ),
  ''
);

-- The hash of a legacy row's content, over the values that have a canonical column, as mapped (a NULL dry_run is
-- true: the topic cannot tell them apart). jsonb goes in as Postgres's own text.
CREATE FUNCTION history_cdc.content_hash(
  agent_context_id uuid, scenario text, overall_passed boolean, steps_passed integer, steps_failed integer,
  total_duration_ms integer, summary text, dry_run boolean, user_id text, agent_profile_json text,
  started_at timestamptz
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(
  ROW(agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary,
      coalesce(dry_run, true), user_id, agent_profile_json, extract(epoch FROM started_at))::text,
  'UTF8'));

-- What a canonical row of ours says about where it came from.
CREATE FUNCTION history_cdc.run_provenance(
  legacy_id uuid, scenario text, user_id text, organization_id text, original_agent_url text
) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'backfill_source', 'agent_test_history', 'backfill_source_id', legacy_id::text, 'backfill_script', 'history-cdc',
  'original_scenario', scenario, 'backfill_user_id', user_id, 'backfill_org_id', organization_id)
  || CASE WHEN original_agent_url IS NULL THEN '{}'::jsonb
          ELSE jsonb_build_object('original_agent_url', original_agent_url) END;

-- One row for every legacy row that was ever seen: one decision, for ever.
CREATE TABLE history_cdc.ledger (
  legacy_id         uuid PRIMARY KEY,
  decision          text NOT NULL CHECK (decision IN ('projected', 'twin', 'adopted', 'third_party', 'anonymous',
                                                      'opted_out', 'orphaned', 'gone', 'quarantined')),
  reason            text NOT NULL,
  -- A canonical row stands for at most one legacy row. No foreign key: retention may prune the canonical row,
  -- and what was decided stays decided.
  canonical_run_id  uuid UNIQUE,
  rule_version      smallint NOT NULL,
  -- The look-ups on which the decision stands.
  agent_context_id  uuid,
  user_id           text,
  organization_id   text,
  agent_url         text,
  lifecycle_stage   text,
  is_member         boolean,
  lists_agent       boolean,
  opted_out         boolean,
  -- The position of the newest event that was applied to the key. The LSN is provenance, never an order.
  topic_id          uuid NOT NULL,
  partition         integer NOT NULL,
  "offset"          bigint NOT NULL,
  lsn               pg_lsn,
  op                text NOT NULL CHECK (op IN ('r', 'c', 'u', 'd', '?')),
  snapshot          boolean NOT NULL,
  -- NULL where no content was seen: gone, quarantined.
  content_hash      bytea,
  started_at        timestamptz,
  decided_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  source_deleted_at timestamptz,
  -- A canonical row exists for owner decisions only, and never without the proof that the user was an owner; of a
  -- row that the script copied and whose context is gone, the copy is the proof.
  CHECK ((decision IN ('projected', 'twin', 'adopted')) = (canonical_run_id IS NOT NULL)),
  CHECK (canonical_run_id IS NULL OR decision = 'adopted' OR (is_member IS TRUE AND lists_agent IS TRUE))
);

-- The topics whose positions the ledger holds. More than one row for a name: the topic was made again.
CREATE TABLE history_cdc.topic (
  topic_id   uuid PRIMARY KEY,
  name       text NOT NULL,
  partitions integer NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The next offset of each partition, written in the transaction of the effects. The epoch grows with every
-- take-over, so that a projector which lost the partition cannot commit.
CREATE TABLE history_cdc.consumer_offset (
  topic_id    uuid NOT NULL REFERENCES history_cdc.topic,
  partition   integer NOT NULL,
  next_offset bigint NOT NULL,
  epoch       bigint NOT NULL,
  projector   text NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic_id, partition)
);

-- Records that could not be decoded or mapped: their bytes, and why. They may hold personal data.
CREATE TABLE history_cdc.quarantine (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic_id       uuid NOT NULL,
  partition      integer NOT NULL,
  "offset"       bigint NOT NULL,
  -- NULL where not even the key could be read.
  legacy_id      uuid,
  reason         text NOT NULL,
  detail         text NOT NULL,
  record_key     bytea,
  record_value   bytea,
  quarantined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A later complete event of the same key made this one unimportant.
  healed_at      timestamptz,
  UNIQUE (topic_id, partition, "offset")
);
CREATE INDEX quarantine_open ON history_cdc.quarantine (legacy_id) WHERE healed_at IS NULL;

-- What the earlier backfill script copied: found once when a projector starts, because the canonical table has no
-- index that finds it row by row.
CREATE TABLE history_cdc.script_copy (
  canonical_run_id uuid PRIMARY KEY,
  legacy_id        uuid NOT NULL
);
CREATE INDEX script_copy_legacy_id ON history_cdc.script_copy (legacy_id);
