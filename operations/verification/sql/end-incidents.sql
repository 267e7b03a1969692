-- Once nothing that the verification found is wrong any more, its incidents are over. $1 who says so
INSERT INTO history_cdc.incident_event (incident_id, performed_by, event, reason)
SELECT i.id, $1, 'ended', 'everything that was found is right again'
FROM history_cdc.incident i
WHERE i.kind = 'wrong_verdict' AND i.subject LIKE 'verification %'
  AND NOT EXISTS (SELECT FROM history_cdc.incident_event e WHERE e.incident_id = i.id AND e.event = 'ended')
  AND NOT EXISTS (
    SELECT FROM history_cdc.verification v JOIN history_cdc.reconcile_finding f ON f.run_id = v.run_id
    WHERE f.state = 'confirmed')
