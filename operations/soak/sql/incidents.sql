-- Every incident with what became of it, the newest first.
SELECT i.id::text, i.kind, i.subject, i.began_at AS "beganAt", i.seen_at AS "seenAt", i.ids, i.detail,
       ended.at AS "endedAt", explained.at AS "explainedAt", explained.performed_by AS "explainedBy", explained.reason
FROM history_cdc.incident i
LEFT JOIN LATERAL (
  SELECT e.at FROM history_cdc.incident_event e WHERE e.incident_id = i.id AND e.event = 'ended' ORDER BY e.id LIMIT 1
) AS ended ON true
LEFT JOIN LATERAL (
  SELECT e.at, e.performed_by, e.reason FROM history_cdc.incident_event e
  WHERE e.incident_id = i.id AND e.event = 'explained' ORDER BY e.id DESC LIMIT 1
) AS explained ON true
ORDER BY i.id DESC
