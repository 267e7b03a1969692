-- Every incident with what became of it, the newest first. When a thing was over, the database that holds it knows; the
-- event only says when somebody noticed.
SELECT i.id::text, i.kind, i.subject, i.began_at AS "beganAt", i.seen_at AS "seenAt", i.ids, i.detail,
       CASE WHEN ended.at IS NOT NULL THEN coalesce(
         CASE i.kind
           WHEN 'gap' THEN (SELECT g.closed_at FROM history_cdc.gap g WHERE g.id = i.subject::bigint)
           WHEN 'quarantined_owner' THEN
             (SELECT coalesce(q.healed_at, q.waived_at) FROM history_cdc.quarantine q WHERE q.id = i.subject::bigint)
           WHEN 'wrong_verdict' THEN
             (SELECT min(r.finished_at) FROM history_cdc.reconcile_run r WHERE r.verdict = 'proven' AND r.scope = 'whole' AND r.id > CASE WHEN i.subject ~ '^\d+$' THEN i.subject::bigint END)
         END, ended.at) END AS "endedAt",
       ended.reason AS "endedBy",
       explained.at AS "explainedAt", explained.performed_by AS "explainedBy", explained.reason
FROM history_cdc.incident i
LEFT JOIN LATERAL (
  SELECT e.at, e.reason FROM history_cdc.incident_event e WHERE e.incident_id = i.id AND e.event = 'ended' ORDER BY e.id LIMIT 1
) AS ended ON true
LEFT JOIN LATERAL (
  SELECT e.at, e.performed_by, e.reason FROM history_cdc.incident_event e
  WHERE e.incident_id = i.id AND e.event = 'explained' ORDER BY e.id DESC LIMIT 1
) AS explained ON true
ORDER BY i.id DESC
