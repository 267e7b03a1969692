-- Findings of runs that are over and not among the newest of their scope, or that nobody goes on with, some at a time. The
-- run in the background never ends, and keeps what is wrong at present. The newest verdict of a scope keeps its findings
-- whatever its age; and a run that is not finished keeps them while somebody may be at it: without them, it would end as
-- proven. The rows of the runs stay, with their verdicts.
-- $1 how many finished runs keep their findings, $2 for how many days, $3 how many rows at once
WITH finished AS (
  SELECT id, finished_at, row_number() OVER (PARTITION BY scope ORDER BY id DESC) AS age
  FROM history_cdc.reconcile_run WHERE phase = 'done'
),
old AS MATERIALIZED (
  SELECT id FROM finished
  WHERE age > 1 AND (age > $1::integer OR finished_at < clock_timestamp() - $2::integer * interval '1 day')
  UNION ALL
  SELECT id FROM history_cdc.reconcile_run
  WHERE phase <> 'done' AND scope <> 'background' AND greatest(started_at, updated_at) < clock_timestamp() - interval '24 hours'
)
DELETE FROM history_cdc.reconcile_finding
WHERE ctid = ANY (ARRAY(
  SELECT f.ctid FROM old JOIN history_cdc.reconcile_finding f ON f.run_id = old.id LIMIT $3::integer))
