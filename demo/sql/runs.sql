-- Plans runs $1 to $2: who runs what, where and when, and who writes it. A run's fate is settled by what it is made
-- of: the kind of its context, who its user is to the context's organisation, and which tables record it.
--   $1, $2  first and last run    $3  'snapshot', 'meanwhile' or 'stream'; all but the history's start when written
--   $4      pods of the release that stops the legacy write are up
WITH drawn AS MATERIALIZED (
  SELECT n, kind, who, floor(power(demo.roll('context', n), 1.5) * slots)::integer AS slot
  FROM (
    SELECT n,
           CASE WHEN n <= 24 AND $3 = 'snapshot' THEN 'owned'
                WHEN demo.roll('context kind', n) < 0.70 THEN 'owned'
                WHEN demo.roll('context kind', n) < 0.92 THEN 'foreign'
                WHEN demo.roll('context kind', n) < 0.99 THEN 'broken'
                ELSE 'nobody' END AS kind,
           CASE WHEN n <= 24 AND $3 = 'snapshot' THEN 'member'
                WHEN demo.roll('who', n) < 0.80 THEN 'member'
                WHEN demo.roll('who', n) < 0.90 THEN 'anonymous'
                WHEN demo.roll('who', n) < 0.95 THEN 'outsider'
                ELSE 'removed' END AS who
    FROM generate_series($1::bigint, $2::bigint) AS n
  ) AS rolled JOIN demo.context_slots USING (kind)
), in_context AS MATERIALIZED (
  SELECT d.n, d.kind, d.who, c.id AS context_id, c.agent_n,
         CASE d.who WHEN 'removed' THEN 'removed' ELSE 'member' END AS standing,
         -- An outsider is a member of an organisation half-way round.
         CASE d.who WHEN 'outsider' THEN (c.organisation_n - 1 + demo.organisations() / 2) % demo.organisations() + 1 ELSE c.organisation_n END AS organisation_n
  FROM drawn d JOIN demo.context c USING (kind, slot)
), by_user AS MATERIALIZED (
  SELECT i.*, demo.pick('person', i.n, p.slots) AS slot FROM in_context i JOIN demo.person_slots p USING (organisation_n, standing)
), placed AS MATERIALIZED (
  SELECT u.n, u.who, u.context_id, u.agent_n, u.kind = 'owned' AND u.who = 'member' AS by_owner, coalesce(a.opted_out, false) AS opted_out,
         CASE u.who WHEN 'anonymous' THEN (ARRAY[NULL, NULL, NULL, '', '   '])[1 + demo.pick('blank', u.n, 5)] ELSE p.id END AS user_id,
         -- The registry grows: the newest tenth of the runs lies in the last three weeks.
         CASE WHEN $3::text = 'snapshot'
              THEN coalesce(e.started_at, demo.ends_at() - power((demo.rows() - u.n + demo.roll('started', u.n)) / demo.rows(), 1.5) * interval '548 days') END AS started_at,
         e.n IS NOT NULL AS edge
  FROM by_user u JOIN demo.person p USING (organisation_n, standing, slot)
       LEFT JOIN demo.agent a ON a.n = u.agent_n
       LEFT JOIN demo.edge_time e ON e.n = u.n AND $3 = 'snapshot'
), planned AS MATERIALIZED (
  SELECT p.*,
         CASE WHEN NOT by_owner OR opted_out OR edge OR started_at < demo.live_since() THEN 'legacy'
              -- The roll-out of release L took half a day.
              WHEN started_at < demo.live_since() + interval '12 hours' AND demo.roll('pod', n) < 0.5 THEN 'old pod'
              WHEN $4::boolean AND demo.roll('pod', n) < 0.5 THEN 'new pod'
              WHEN $3 <> 'snapshot' AND demo.roll('pod', n) > 0.97 THEN 'old pod'
              WHEN demo.roll('live path', n) < 0.05 THEN 'failed live write'
              WHEN demo.roll('live path', n) < 0.08 AND $3 = 'stream' THEN 'late'
              WHEN demo.roll('live path', n) < 0.10 AND $3 = 'stream' THEN 'failed legacy write'
              ELSE 'both' END AS path
  FROM placed p
), live AS (
  INSERT INTO demo.live_run (id, n, legacy_id, tested_at)
  SELECT demo.uuid('live', n), n, CASE WHEN path IN ('both', 'late') THEN demo.uuid('legacy', n) END,
         -- From 2 ms to 8 s before the legacy row, and mostly a fraction of a second.
         started_at - interval '2 ms' - power(demo.roll('apart', n), 4) * interval '8 s'
  FROM planned WHERE path IN ('both', 'late', 'new pod', 'failed legacy write') OR path = 'failed live write' AND $3 <> 'snapshot'
)
INSERT INTO demo.run (n, content_n, id, context_id, agent_n, who, user_id, started_at, edge, origin, path, decisions)
SELECT n, n, demo.uuid('legacy', n), context_id, agent_n, who, user_id, started_at, edge, $3, path,
       CASE WHEN path NOT IN ('new pod', 'failed legacy write')
            THEN ARRAY[CASE WHEN who = 'anonymous' THEN 'anonymous'
                            WHEN NOT by_owner THEN 'third_party'
                            WHEN path IN ('both', 'late') THEN 'twin'
                            WHEN opted_out THEN 'opted_out'
                            ELSE 'projected' END] END
FROM planned
RETURNING n::integer, path
