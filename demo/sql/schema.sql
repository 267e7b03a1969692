-- The demo's own notes, beside the application's tables: what it generated, and what should become of it.
-- Randomness is a hash of the seed, a purpose and a number, so a run can be repeated exactly.
DROP SCHEMA IF EXISTS demo CASCADE;
CREATE SCHEMA demo;

-- The plan, taken over from the session that generates, so that every later session knows it as constants.
DO $$
BEGIN
  EXECUTE format('CREATE FUNCTION demo.seed() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s::bigint', current_setting('demo.seed'));
  EXECUTE format('CREATE FUNCTION demo.rows() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s::bigint', current_setting('demo.rows'));
  EXECUTE format('CREATE FUNCTION demo.organisations() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s::integer', current_setting('demo.organisations'));
  EXECUTE format('CREATE FUNCTION demo.ends_at() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE RETURN %L::timestamptz', current_setting('demo.ends_at'));
END
$$;

-- Release L: since then the live path records an owner's run in the canonical table, too. Since a later release it
-- also notes the organisation.
CREATE FUNCTION demo.live_since() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN demo.ends_at() - interval '14 days';
CREATE FUNCTION demo.organisation_noted_since() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN demo.ends_at() - interval '6 days';

-- A number in [0, 1).
CREATE FUNCTION demo.roll(purpose text, n bigint) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (hashtextextended(purpose || ' ' || n, demo.seed()) & 4294967295) / 4294967296.0::float8;

-- A whole number in 0 … choices - 1.
CREATE FUNCTION demo.pick(purpose text, n bigint, choices bigint) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN floor(demo.roll(purpose, n) * choices)::integer;

-- A version 4 UUID.
CREATE FUNCTION demo.uuid(purpose text, n bigint) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN overlay(overlay(md5(demo.seed() || purpose || n) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid;

-- An id as the identity provider makes them.
CREATE FUNCTION demo.provider_id(kind text, n bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN kind || '_01' || upper(left(md5(demo.seed() || kind || n), 24));

-- Text of about this many bytes that does not compress, so that a large value is really stored out of line.
CREATE FUNCTION demo.noise(n bigint, bytes integer) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT string_agg(translate(encode(sha512(convert_to(demo.seed() || '/' || n || '/' || i, 'UTF8')), 'base64'), E'\n', ''), '')
  FROM generate_series(1, bytes / 88 + 1) AS i;
END;

-- An agent URL in one of the spellings that people type. Spelling 0 is the canonical one; all name the same agent.
CREATE FUNCTION demo.spelled(url text, spelling integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE spelling
  WHEN 0 THEN url
  WHEN 1 THEN url || '/'
  WHEN 2 THEN upper(url)
  WHEN 3 THEN '  ' || url || '// '
  WHEN 4 THEN 'HTTPS://' || initcap(substr(url, 9)) || '///'
  ELSE E'\t' || replace(url, 'https://', 'Https://') || E'/\r\n'
END;

-- quirk: what is wrong with the organisation's profile, NULL where nothing is.
CREATE TABLE demo.organisation (n integer PRIMARY KEY, id text NOT NULL, name text NOT NULL, slug text NOT NULL, quirk text);

-- standing: 'member' or 'removed' (runs tests in the history, is no member any more). slot counts them per
-- organisation and standing, from 0.
CREATE TABLE demo.person (
  organisation_n integer NOT NULL, standing text NOT NULL, slot integer NOT NULL, id text NOT NULL,
  PRIMARY KEY (organisation_n, standing, slot)
);

-- listed_by: the organisation whose profile means to list the agent; NULL: nobody lists it.
CREATE TABLE demo.agent (
  n integer PRIMARY KEY, listed_by integer, position integer NOT NULL, url text NOT NULL, stage text, opted_out boolean NOT NULL, registered boolean NOT NULL
);
CREATE INDEX ON demo.agent (listed_by);

-- Which profile lists which agent: an agent can be listed by two organisations.
CREATE TABLE demo.listing (organisation_n integer NOT NULL, agent_n integer NOT NULL, url_as_typed text NOT NULL, PRIMARY KEY (organisation_n, agent_n));

-- kind 'owned': the organisation's profile lists the agent; 'foreign': it does not; 'broken': it would, if its
-- agents were readable; 'nobody': the URL names no agent. slot counts the contexts with rows per kind, from 0;
-- NULL: a context without rows. The table remembers contexts that the writer deletes.
CREATE TABLE demo.context (
  id uuid PRIMARY KEY, organisation_n integer NOT NULL, organization_id text NOT NULL, agent_n integer, agent_url text NOT NULL,
  kind text NOT NULL, duplicate boolean NOT NULL DEFAULT false, slot integer, UNIQUE (kind, slot) DEFERRABLE,
  UNIQUE (organization_id, agent_url)
);

-- One run that somebody made, planned before it is written anywhere. n numbers it: the history's come first, the
-- writer's go on from there, hard cases count down from -1. content_n: the number that what it shows is rolled from;
-- identical runs share it, all others differ in it, and so in their headline or duration. bare: neither of the two.
-- started_at: NULL: when it is written. path: who writes it, and where to:
--   'legacy'                as before release L; a stranger's or an opted-out owner's run, at any time
--   'old pod'               legacy only: a pod that does not know the live path
--   'failed live write'     legacy only: the live path failed, and nobody but its log knew
--   'both'                  the live path, then legacy
--   'late'                  both; the live path commits after the projector has decided
--   'new pod'               canonical only: a pod that does not write legacy rows any more
--   'failed legacy write'   canonical only
--   'unknown'               both, but nothing that was recorded tells whether it was one run or two
CREATE TABLE demo.run (
  n bigint PRIMARY KEY, content_n bigint NOT NULL, bare boolean NOT NULL DEFAULT false, id uuid NOT NULL UNIQUE,
  context_id uuid NOT NULL, agent_n integer, who text NOT NULL, user_id text, started_at timestamptz, edge boolean NOT NULL DEFAULT false,
  origin text NOT NULL, path text NOT NULL, decisions text[], hard_case text, pair_group text
);

-- One row of the live path, planned the same way: n is the run that it shows, legacy_id the legacy row that it is the
-- twin of; NULL where the legacy table has none. tested_at: NULL: when it is written. change: columns that differ from
-- what the run shows. hash: of the row as it was written; NULL: it never was.
CREATE TABLE demo.live_run (
  id uuid PRIMARY KEY, n bigint, legacy_id uuid UNIQUE, tested_at timestamptz, change jsonb, hash text
);
CREATE INDEX ON demo.live_run (n);

-- Live rows that were committed when their legacy row was projected already, and the row that the projector had written.
CREATE TABLE demo.late_live_run (legacy_id uuid PRIMARY KEY, projected_run_id uuid NOT NULL);

-- One verdict a legacy row that was ever written, known because the demo chose its context, its user and its path.
-- decisions: what the ledger may say (more than one only where two events race on purpose, or two runs are the same).
-- context_id: the context that the canonical row must show; it differs from the row's own where an owner decision is
-- kept after a merge (settled). who: 'member', 'removed', 'outsider' or 'anonymous'. origin: 'snapshot' (the history),
-- 'meanwhile' (written while the connector came up) or 'stream'. live_run_id: the live row that is its twin.
-- pair_group: identical runs, of which nothing tells which is which. story: what the writer did with the row after it
-- was written.
CREATE TABLE demo.expected (
  legacy_id uuid PRIMARY KEY, decisions text[] NOT NULL, context_id uuid NOT NULL, who text NOT NULL, origin text NOT NULL, path text NOT NULL,
  live_run_id uuid, hard_case text, pair_group text, story text, settled boolean NOT NULL DEFAULT false
);

-- Legacy rows as they were just before the writer deleted them.
CREATE TABLE demo.deleted_row (LIKE public.agent_test_history, PRIMARY KEY (id));

-- What must be byte-identical at the end: everything in the tables that we read or write except our own rows, and
-- the live path's, which go on coming and have a hash each.
CREATE VIEW demo.fingerprint_now AS
SELECT 'canonical rows of others' AS subject, count(*) AS rows, md5(string_agg(md5(t::text), '' ORDER BY id)) AS hash
FROM agent_compliance_runs t
WHERE observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc' AND NOT EXISTS (SELECT FROM demo.live_run l WHERE l.id = t.id)
UNION ALL SELECT 'agent_compliance_status', count(*), md5(string_agg(md5(t::text), '' ORDER BY agent_url COLLATE "C")) FROM agent_compliance_status t
UNION ALL SELECT 'agent_compliance_step_diagnostics', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM agent_compliance_step_diagnostics t
UNION ALL SELECT 'member_profiles', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM member_profiles t
UNION ALL SELECT 'organization_memberships', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM organization_memberships t
UNION ALL SELECT 'agent_registry_metadata', count(*), md5(string_agg(md5(t::text), '' ORDER BY agent_url COLLATE "C")) FROM agent_registry_metadata t;

-- The view, as it was before the connector started.
CREATE TABLE demo.fingerprint (subject text PRIMARY KEY, rows bigint NOT NULL, hash text NOT NULL);
