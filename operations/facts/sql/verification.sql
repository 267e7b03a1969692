-- How far the verification inside `project` has come, and what it holds to be wrong. Ages are by this database's own clock.
-- $1 how many ids are named
WITH accepted AS (
  SELECT f.kind, f.subject, f.fields FROM history_cdc.reconcile_finding f
  WHERE f.accepted_by IS NOT NULL
    AND f.run_id = (SELECT max(r.id) FROM history_cdc.reconcile_run r WHERE r.scope = 'whole' AND r.phase = 'done')
),
found AS (
  SELECT f.kind, f.state, coalesce(f.legacy_id, f.canonical_run_id) AS id, f.subject, EXISTS (
           SELECT FROM accepted a WHERE a.kind = f.kind AND a.subject = f.subject AND f.fields <@ a.fields) AS is_accepted
  FROM history_cdc.verification v
  JOIN history_cdc.reconcile_finding f ON f.run_id = v.run_id
),
wrong AS MATERIALIZED (SELECT * FROM found WHERE state = 'confirmed' AND NOT is_accepted),
last_pass AS (SELECT * FROM history_cdc.verification_pass ORDER BY id DESC LIMIT 1)
SELECT v.alive_by AS "aliveBy", v.rows_per_second AS "rowsPerSecond",
       extract(epoch FROM clock_timestamp() - v.alive_at)::float8 AS "aliveSecondsAgo",
       v.moved_at AS "movedAt",
       extract(epoch FROM clock_timestamp() - greatest(v.moved_at, v.rest_until))::float8 AS "stillSeconds",
       v.held_because AS "heldBecause",
       extract(epoch FROM clock_timestamp() - v.held_since)::float8 AS "heldSeconds",
       v.failure, extract(epoch FROM clock_timestamp() - v.failed_at)::float8 AS "failingSeconds",
       v.release, v.rule_version AS "ruleVersion", v.pass_began_at AS "passBeganAt", v.phase,
       (v.legacy_rows + v.ledger_rows + v.canonical_rows)::float8 AS "passRows",
       v.changed_from_at AS "changesUntil",
       extract(epoch FROM clock_timestamp() - v.changed_from_at)::float8 AS "changesUntilSecondsAgo",
       v.changed_rows::float8 AS "changedRows", v.waiting_rows::float8 AS "waitingRows",
       CASE WHEN p.id IS NOT NULL THEN json_build_object(
         'beganAt', p.began_at, 'endedAt', p.ended_at, 'release', p.release, 'ruleVersion', p.rule_version,
         'rows', p.legacy_rows + p.ledger_rows + p.canonical_rows,
         'secondsSinceBegin', extract(epoch FROM clock_timestamp() - p.began_at)) END AS "lastPass",
       (SELECT count(*)::float8 FROM found WHERE state = 'suspect') AS suspects,
       (SELECT count(*)::float8 FROM found WHERE state = 'confirmed' AND is_accepted) AS accepted,
       (SELECT count(*)::float8 FROM wrong) AS wrong,
       (SELECT coalesce(json_object_agg(w.kind, w.rows), '{}') FROM (
          SELECT kind, count(*) AS rows FROM wrong GROUP BY kind) AS w) AS kinds,
       ARRAY(SELECT DISTINCT id::text FROM wrong ORDER BY 1 LIMIT $1::integer) AS ids
FROM history_cdc.verification v
LEFT JOIN last_pass p ON true
