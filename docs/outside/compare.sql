-- Compares the exported tables without any SQL of ours; for DuckDB. See docs/check-from-outside.md.
CREATE MACRO text(file) AS TABLE SELECT * FROM read_csv(file, all_varchar = true, nullstr = '\N', header = true);
-- An address as the application compares it; NULL if it names no agent.
CREATE MACRO trimmed(url) AS
  rtrim(lower(regexp_replace(url, '^[\s\p{Z}\x{0B}\x{FEFF}]+|[\s\p{Z}\x{0B}\x{FEFF}]+$', '', 'g')), '/');
CREATE MACRO plain(url) AS CASE WHEN trimmed(url) <> '' AND NOT regexp_matches(trimmed(url), '[*\s\p{Z}]') THEN trimmed(url) END;

CREATE TABLE listed AS
  SELECT DISTINCT workos_organization_id AS organization_id, plain(json_extract_string(agent, '$.url')) AS url
  FROM text('profiles.csv'), unnest(TRY_CAST(agents AS JSON[])) AS a (agent);

-- Who ran it, judged from the application's tables alone.
CREATE TABLE legacy AS
  SELECT l.id, plain(c.agent_url) AS url, l.summary AS headline, nullif(l.total_duration_ms, '0') AS took,
         l.overall_passed = 't' AS passed, TRY_CAST(l.at AS TIMESTAMP) AS moment,
         m.workos_user_id IS NOT NULL AND o.url IS NOT NULL AS by_owner, x.url IS NOT NULL AS opted_out
  FROM text('legacy.csv') l
  JOIN text('contexts.csv') c ON c.id = l.agent_context_id
  LEFT JOIN text('memberships.csv') m ON m.workos_user_id = l.user_id AND m.workos_organization_id = c.organization_id
  LEFT JOIN listed o ON o.organization_id = c.organization_id AND o.url = plain(c.agent_url)
  LEFT JOIN (SELECT DISTINCT plain(agent_url) AS url FROM text('opted-out.csv')) x ON x.url = plain(c.agent_url);

CREATE TABLE runs AS
  SELECT id, agent_url AS url, headline, nullif(total_duration_ms, '0') AS took, overall_status = 'passing' AS passed,
         TRY_CAST(r.at AS TIMESTAMP) AS moment
  FROM text('runs.csv') r;

CREATE MACRO same(l, r) AS l.url = r.url AND l.passed = r.passed
  AND l.headline IS NOT DISTINCT FROM r.headline AND l.took IS NOT DISTINCT FROM r.took;

-- lost or changed: an owner's run that no canonical row within the match window shows.
CREATE TABLE lost AS
  SELECT l.id FROM legacy l
  WHERE by_owner AND NOT opted_out AND l.moment IS NOT NULL
    AND NOT EXISTS (FROM runs r WHERE same(l, r) AND abs(epoch_ms(l.moment) - epoch_ms(r.moment)) <= 120000);

-- doubled: more canonical rows of one run, to the microsecond, than the legacy table has.
CREATE TABLE doubled AS
  SELECT r.url, r.moment, count(*) AS canonical,
         (SELECT count(*) FROM legacy l WHERE l.url = r.url AND l.moment = r.moment) AS legacy
  FROM runs r WHERE r.moment IS NOT NULL GROUP BY r.url, r.moment
  HAVING canonical > 1 AND canonical > legacy;

-- elevated: a canonical row that only a stranger's run explains.
CREATE TABLE elevated AS
  SELECT r.id FROM runs r
  WHERE EXISTS (FROM legacy l WHERE NOT by_owner AND same(l, r) AND l.moment = r.moment)
    AND NOT EXISTS (FROM legacy l WHERE by_owner AND same(l, r) AND abs(epoch_ms(l.moment) - epoch_ms(r.moment)) <= 120000);

-- A time that DuckDB cannot hold (the last years that Postgres has) is left out, and counted.
SELECT (SELECT count(*) FROM legacy) AS legacy,
       (SELECT count(*) FROM legacy WHERE moment IS NULL) AS left_out,
       (SELECT count(*) FROM legacy WHERE by_owner AND NOT opted_out) AS owners,
       (SELECT count(*) FROM runs) AS canonical,
       (SELECT count(*) FROM lost) AS lost,
       (SELECT count(*) FROM doubled) AS doubled,
       (SELECT count(*) FROM elevated) AS elevated;
