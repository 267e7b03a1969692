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

-- One verdict a legacy row that was ever written, known because the demo chose its context and its user.
-- decisions: what the ledger may say (more than one only where two events race on purpose). context_id: the
-- context that the canonical row must show; it differs from the row's own where an owner decision is kept after a
-- merge (settled). who: 'member', 'removed', 'outsider' or 'anonymous'. origin: 'snapshot' or 'stream'. story: what
-- the writer did with the row after it was written.
CREATE TABLE demo.expected (
  legacy_id uuid PRIMARY KEY, decisions text[] NOT NULL, context_id uuid NOT NULL, who text NOT NULL, origin text NOT NULL,
  story text, settled boolean NOT NULL DEFAULT false
);

-- Legacy rows as they were just before the writer deleted them.
CREATE TABLE demo.deleted_row (LIKE public.agent_test_history, PRIMARY KEY (id));

-- What must be byte-identical at the end: everything in the tables that we read or write except our own rows.
CREATE VIEW demo.fingerprint_now AS
SELECT 'canonical rows of others' AS subject, count(*) AS rows, md5(string_agg(md5(t::text), '' ORDER BY id)) AS hash
FROM agent_compliance_runs t WHERE observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc'
UNION ALL SELECT 'agent_compliance_status', count(*), md5(string_agg(md5(t::text), '' ORDER BY agent_url COLLATE "C")) FROM agent_compliance_status t
UNION ALL SELECT 'agent_compliance_step_diagnostics', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM agent_compliance_step_diagnostics t
UNION ALL SELECT 'member_profiles', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM member_profiles t
UNION ALL SELECT 'organization_memberships', count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM organization_memberships t
UNION ALL SELECT 'agent_registry_metadata', count(*), md5(string_agg(md5(t::text), '' ORDER BY agent_url COLLATE "C")) FROM agent_registry_metadata t;

-- The view, as it was before the connector started.
CREATE TABLE demo.fingerprint (subject text PRIMARY KEY, rows bigint NOT NULL, hash text NOT NULL);
