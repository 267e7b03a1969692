-- The hard cases of the cutover window, four times each, planned beside the ordinary runs: a context each, a quarter
-- of an hour or more away from each other, and a fingerprint that no other run has.

-- The rows of one case, in time from its start. Where decisions says 'projected' beside a live row, the two are
-- different runs that look alike.
CREATE TABLE demo.hard_case (
  hard_case text NOT NULL, part integer NOT NULL, by text NOT NULL, legacy_at interval, live_at interval, decisions text[], change jsonb,
  PRIMARY KEY (hard_case, part)
);
INSERT INTO demo.hard_case VALUES
  ('identical runs, one live row',      1, 'owner',    '0',      '-5 ms',    '{twin,projected}', NULL),
  ('identical runs, one live row',      2, 'owner',    '20 s',   NULL,       '{twin,projected}', NULL),
  ('identical runs, a live row each',   1, 'owner',    '0',      '-5 ms',    '{twin}',           NULL),
  ('identical runs, a live row each',   2, 'owner',    '20 s',   '19.99 s',  '{twin}',           NULL),
  -- The stranger's run is nearer to the live row than the owner's.
  ('beside a stranger''s run',          1, 'owner',    '900 ms', '0',        '{twin}',           NULL),
  ('beside a stranger''s run',          2, 'stranger', '1 ms',   NULL,       '{third_party}',    NULL),
  ('live row alone',                    1, 'owner',    NULL,     '0',        NULL,               NULL),
  ('adjusted counts',                   1, 'owner',    '0',      '-3 ms',    '{twin}',           '{"tracks_passed": 0, "tracks_failed": 9, "tracks_skipped": 4}'),
  ('exactly 120 s apart',               1, 'owner',    '0',      '120 s',    '{twin}',           NULL),
  ('just beyond 120 s',                 1, 'owner',    '0',      '120.000001 s', '{projected}',  NULL),
  ('one without a profile',             1, 'owner',    '0',      '-40 ms',   '{twin}',           '{"agent_profile_json": null}'),
  ('weak, the same profile',            1, 'owner',    '0',      '-2 s',     '{twin}',           NULL),
  ('weak, no profile to compare',       1, 'owner',    '0',      '-2 s',     '{projected}',      '{"agent_profile_json": null}'),
  ('weak, another profile',             1, 'owner',    '0',      '-2 s',     '{projected}',      '{"agent_profile_json": {"name": "another agent"}}'),
  ('opted out since',                   1, 'owner',    '0',      '-7 ms',    '{twin}',           NULL),
  ('alike but for the headline',        1, 'owner',    '0',      '-6 ms',    '{projected}',      '{"headline": "another"}'),
  ('alike but for the duration',        1, 'owner',    '0',      '-6 ms',    '{projected}',      '{"total_duration_ms": 1}'),
  ('alike but for the verdict',         1, 'owner',    '0',      '-6 ms',    '{projected}',      NULL),
  ('alike but for the profile',         1, 'owner',    '0',      '-6 ms',    '{projected}',      '{"agent_profile_json": {"name": "another agent"}}'),
  ('alike but for the organisation',    1, 'owner',    '0',      '-6 ms',    '{projected}',      '{"triggered_org_id": "org_of_somebody_else"}'),
  ('alike, but a heartbeat',            1, 'owner',    '0',      '-6 ms',    '{projected}',      '{"triggered_by": "heartbeat", "dry_run": true}');

-- Four of each, spread over the window, in contexts that preferably have no other rows.
CREATE TABLE demo.hard_case_place AS
WITH instance AS (
  SELECT hard_case, k, row_number() OVER (ORDER BY demo.roll(hard_case, k), hard_case, k) AS i, count(*) OVER () AS instances,
         CASE hard_case WHEN 'opted out since' THEN 'opted out' WHEN 'beside a stranger''s run' THEN 'shared' ELSE 'any' END AS needs
  FROM (SELECT DISTINCT hard_case FROM demo.hard_case) AS cases, generate_series(1, 4) AS k
), place AS (
  SELECT c.*, f.id AS foreign_context_id, f.organisation_n AS foreign_organisation_n,
         CASE WHEN a.opted_out THEN 'opted out' WHEN f.id IS NOT NULL THEN 'shared' ELSE 'any' END AS offers
  FROM demo.context c
       JOIN demo.agent a ON a.n = c.agent_n
       LEFT JOIN LATERAL (SELECT id, organisation_n FROM demo.context f WHERE f.agent_n = c.agent_n AND f.kind = 'foreign' ORDER BY id LIMIT 1) AS f ON true
  WHERE c.kind = 'owned' AND NOT c.duplicate
)
SELECT i.hard_case, i.k, i.i, p.id AS context_id, p.agent_n, p.organisation_n, p.foreign_context_id, p.foreign_organisation_n,
       demo.live_since() + interval '1 hour' + (i.i - 1) * ((demo.ends_at() - demo.live_since() - interval '2 hours') / i.instances) AS starts_at
FROM (SELECT *, row_number() OVER (PARTITION BY needs ORDER BY i) AS nth FROM instance) AS i
     JOIN (SELECT *, row_number() OVER (PARTITION BY offers ORDER BY slot IS NOT NULL, id) AS nth FROM place) AS p ON p.offers = i.needs AND p.nth = i.nth;

CREATE TABLE demo.hard_run AS
SELECT -(p.i * 10 + c.part) AS n, -(p.i * 10) AS content_n, c.*, p.k, p.starts_at,
       CASE c.by WHEN 'stranger' THEN p.foreign_context_id ELSE p.context_id END AS context_id, p.agent_n,
       CASE c.by WHEN 'stranger' THEN p.foreign_organisation_n ELSE p.organisation_n END AS organisation_n,
       CASE WHEN c.by = 'stranger' THEN 'legacy'
            WHEN c.hard_case = 'weak, no profile to compare' THEN 'unknown'
            WHEN c.legacy_at IS NULL THEN 'failed legacy write'
            WHEN c.live_at IS NULL OR c.decisions = '{projected}' THEN 'failed live write'
            ELSE 'both' END AS path
FROM demo.hard_case c JOIN demo.hard_case_place p USING (hard_case);

INSERT INTO demo.run (n, content_n, bare, id, context_id, agent_n, who, user_id, started_at, origin, path, decisions, hard_case, pair_group)
SELECT r.n, r.content_n, r.hard_case LIKE 'weak,%', demo.uuid('legacy', r.n), r.context_id, r.agent_n, 'member', u.id, r.starts_at + coalesce(r.legacy_at, '0'), 'snapshot', r.path,
       r.decisions, r.hard_case, CASE WHEN r.decisions = '{twin,projected}' THEN r.hard_case || ' ' || r.k END
FROM demo.hard_run r JOIN demo.person u ON u.organisation_n = r.organisation_n AND u.standing = 'member' AND u.slot = 0;

-- Of the distances at the edge of the window, every other one lies on the other side of the legacy row.
INSERT INTO demo.live_run (id, n, legacy_id, tested_at, change)
SELECT demo.uuid('live', r.n), r.n, CASE r.path WHEN 'both' THEN demo.uuid('legacy', r.n) END,
       r.starts_at + r.live_at * CASE WHEN r.hard_case LIKE '%120 s%' AND r.k % 2 = 0 THEN -1 ELSE 1 END,
       CASE r.hard_case WHEN 'alike but for the verdict' THEN jsonb_build_object('overall_status', CASE WHEN i.overall_passed THEN 'partial' ELSE 'passing' END)
                        ELSE r.change END
FROM demo.hard_run r JOIN demo.image i ON i.n = r.n
WHERE r.live_at IS NOT NULL;
