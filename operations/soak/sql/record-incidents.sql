-- Records the incidents that the database shows and that are not recorded yet, and ends those that are over. Run again, it
-- changes nothing. `fenced_write` is recorded by operations/fence, and what the
-- verification of `project` finds by itself (its subject is no number). $1 who records, $2 match window and margin in seconds
WITH live AS MATERIALIZED (
  -- The last rows of the live path whose legacy row would be projected by now, if there was one.
  SELECT r.id, r.tested_at,
         (NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.canonical_run_id = r.id))::integer AS alone
  FROM public.agent_compliance_runs r
  WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json)
    AND r.tested_at < (SELECT max(o.streamed_until) FROM history_cdc.consumer_offset o) - $2::integer * interval '1 second'
  ORDER BY r.tested_at DESC, r.id DESC
  LIMIT 200
),
last_rows AS (
  SELECT tested_at, avg(alone) OVER last_ten AS share, count(*) OVER last_ten AS rows
  FROM live
  WINDOW last_ten AS (ORDER BY tested_at, id ROWS 9 PRECEDING)
),
-- Since when the live path writes to the canonical table alone: from there on, most of every ten live rows have no legacy row.
stopped AS (
  SELECT min(t.tested_at) AS at
  FROM last_rows t
  WHERE t.rows >= 5 AND t.share > 0.5
    AND t.tested_at > coalesce((SELECT max(d.tested_at) FROM last_rows d WHERE d.rows >= 5 AND d.share <= 0.5), '-infinity')
),
found AS MATERIALIZED (
  SELECT 'gap' AS kind, g.id::text AS subject, g.opened_at AS began_at, ARRAY[g.id::text] AS ids, g.kind AS detail
  FROM history_cdc.gap g
  UNION ALL
  SELECT 'wrong_verdict', r.id::text, r.finished_at,
         ARRAY(SELECT DISTINCT coalesce(f.legacy_id, f.canonical_run_id)::text FROM history_cdc.reconcile_finding f
               WHERE f.run_id = r.id AND f.severity = 'wrong' AND f.state = 'confirmed' AND f.accepted_by IS NULL
                 AND coalesce(f.legacy_id, f.canonical_run_id) IS NOT NULL LIMIT 100), ''
  FROM history_cdc.reconcile_run r
  WHERE r.verdict = 'wrong'
  UNION ALL
  -- Whose run it is, nobody can tell while it is parked.
  SELECT 'quarantined_owner', q.id::text, q.quarantined_at, array_remove(ARRAY[q.legacy_id::text], NULL), q.reason
  FROM history_cdc.quarantine q
  WHERE q.reason <> 'key_changed'
    AND NOT (q.healed_at IS NOT NULL AND EXISTS (
      SELECT FROM history_cdc.ledger l
      WHERE l.legacy_id = q.legacy_id AND l.decision IN ('third_party', 'anonymous', 'orphaned')))
  UNION ALL
  -- A live row that comes some minutes late takes over: such a row was no straggler.
  SELECT 'straggler', l.legacy_id::text,
         CASE WHEN l.snapshot THEN least(l.started_at, l.decided_at) ELSE l.decided_at END, ARRAY[l.legacy_id::text],
         coalesce(l.agent_url, '')
  FROM history_cdc.ledger l
  WHERE l.reason = 'straggler' AND l.decided_at < clock_timestamp() - interval '2 minutes'
  UNION ALL
  SELECT 'late_owner_write', l.legacy_id::text, least(l.started_at, l.decided_at), ARRAY[l.legacy_id::text],
         coalesce(l.agent_url, '')
  FROM history_cdc.ledger l
  WHERE l.decision IN ('projected', 'twin', 'adopted', 'opted_out') AND NOT l.snapshot AND l.op IN ('c', 'u')
    AND l.started_at > (SELECT at FROM stopped) AND l.decided_at > (SELECT at FROM stopped)
),
recorded AS (
  INSERT INTO history_cdc.incident (kind, subject, began_at, ids, detail)
  SELECT f.kind, f.subject, f.began_at, f.ids, f.detail
  FROM found f
  WHERE NOT EXISTS (SELECT FROM history_cdc.incident i WHERE i.kind = f.kind AND i.subject = f.subject)
  ON CONFLICT (kind, subject) DO NOTHING
  RETURNING id, kind, subject
),
unended AS (
  SELECT i.id, i.kind, i.subject FROM history_cdc.incident i
  WHERE NOT EXISTS (SELECT FROM history_cdc.incident_event e WHERE e.incident_id = i.id AND e.event = 'ended')
  UNION ALL
  SELECT id, kind, subject FROM recorded
),
ended AS (
  INSERT INTO history_cdc.incident_event (incident_id, performed_by, event, reason)
  SELECT u.id, $1, 'ended', over.reason
  FROM unended u
  CROSS JOIN LATERAL (
    SELECT 'closed by ' || g.closed_by AS reason FROM history_cdc.gap g
    WHERE g.id = CASE u.kind WHEN 'gap' THEN u.subject::bigint END AND g.closed_at IS NOT NULL
    UNION ALL
    (SELECT 'proven by reconcile ' || r.id FROM history_cdc.reconcile_run r
     WHERE r.verdict = 'proven' AND r.scope = 'whole' AND r.id > CASE WHEN u.kind = 'wrong_verdict' AND u.subject ~ '^\d+$' THEN u.subject::bigint END
     ORDER BY r.id LIMIT 1)
    UNION ALL
    SELECT CASE WHEN q.healed_at IS NOT NULL THEN 'healed' ELSE 'waived' END FROM history_cdc.quarantine q
    WHERE q.id = CASE u.kind WHEN 'quarantined_owner' THEN u.subject::bigint END AND (q.healed_at IS NOT NULL OR q.waived_at IS NOT NULL)
    UNION ALL
    SELECT 'it was no straggler: ' || l.decision || ', ' || l.reason FROM history_cdc.ledger l
    WHERE l.legacy_id = CASE u.kind WHEN 'straggler' THEN u.subject::uuid END AND l.reason <> 'straggler'
  ) AS over
  RETURNING 1
)
SELECT (SELECT count(*) FROM recorded)::integer AS recorded, (SELECT count(*) FROM ended)::integer AS ended
