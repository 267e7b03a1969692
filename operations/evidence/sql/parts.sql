-- All parts of the evidence that the canonical database holds, in one statement, so that they are of one moment. Ids, names,
-- counts, hashes and times: no value of a row. Free text is what a person gave as the reason of an act of his own.
-- $1 the version of the rule, $2 the release
SELECT 'moment' AS part, json_build_object(
  'at', clock_timestamp(), 'release', $2::text, 'ruleVersion', $1::integer, 'database', current_database(),
  'snapshot', pg_current_snapshot()::text,
  'migrations', (SELECT json_agg(json_build_object('name', m.name, 'sha256', m.sha256) ORDER BY m.version) FROM history_cdc.migration m)) AS content
UNION ALL
SELECT 'stages', coalesce(json_agg(json_build_object(
  'id', s.id::text, 'at', s.at, 'stage', s.stage, 'by', s.performed_by, 'role', s.role, 'evidence', s.evidence) ORDER BY s.id), '[]')
FROM history_cdc.stage s
UNION ALL
SELECT 'incidents', coalesce(json_agg(json_build_object(
  'id', i.id::text, 'kind', i.kind, 'subject', i.subject, 'beganAt', i.began_at, 'seenAt', i.seen_at, 'ids', i.ids, 'detail', i.detail,
  'events', (SELECT coalesce(json_agg(json_build_object('at', e.at, 'event', e.event, 'by', e.performed_by, 'role', e.role, 'reason', e.reason)
                                      ORDER BY e.id), '[]') FROM history_cdc.incident_event e WHERE e.incident_id = i.id)) ORDER BY i.id), '[]')
FROM history_cdc.incident i
UNION ALL
SELECT 'attestations', coalesce(json_agg(json_build_object(
  'id', a.id::text, 'at', a.at, 'condition', a.condition, 'revoked', a.revoked, 'since', a.since, 'by', a.performed_by, 'role', a.role,
  'note', a.note) ORDER BY a.id), '[]')
FROM history_cdc.attestation a
UNION ALL
SELECT 'waivers', coalesce(json_agg(json_build_object(
  'id', q.id::text, 'legacyId', q.legacy_id, 'reason', q.reason, 'waivedAt', q.waived_at, 'by', q.waived_by, 'because', q.waive_reason)
  ORDER BY q.id), '[]')
FROM history_cdc.quarantine q WHERE q.waived_at IS NOT NULL AND q.healed_at IS NULL
UNION ALL
SELECT 'quarantine', json_build_object(
  'open', count(*) FILTER (WHERE q.healed_at IS NULL AND q.waived_at IS NULL), 'waived', count(*) FILTER (WHERE q.healed_at IS NULL AND q.waived_at IS NOT NULL),
  'healed', count(*) FILTER (WHERE q.healed_at IS NOT NULL))
FROM history_cdc.quarantine q
UNION ALL
SELECT 'gaps', coalesce(json_agg(json_build_object(
  'id', g.id::text, 'kind', g.kind, 'openedAt', g.opened_at, 'acceptedAt', g.accepted_at, 'closedAt', g.closed_at, 'closedBy', g.closed_by)
  ORDER BY g.id), '[]')
FROM history_cdc.gap g
UNION ALL
SELECT 'verdicts', coalesce(json_agg(json_build_object(
  'id', r.id::text, 'startedAt', r.started_at, 'finishedAt', r.finished_at, 'release', r.release, 'ruleVersion', r.rule_version,
  'verdict', r.verdict, 'legacyRows', r.legacy_rows::text, 'legacyCounted', r.legacy_counted::text, 'ledgerRows', r.ledger_rows::text,
  'canonicalRows', r.canonical_rows::text, 'decisions', r.decisions, 'excepted', r.excepted,
  'findings', (SELECT json_build_object('rows', count(*)::text, 'sha256', encode(sha256(convert_to(coalesce(string_agg(
                 concat_ws('|', f.kind, f.subject, f.state, f.accepted_by), E'\n' ORDER BY f.kind, f.subject), ''), 'UTF8')), 'hex'))
               FROM history_cdc.reconcile_finding f WHERE f.run_id = r.id)) ORDER BY r.id), '[]')
FROM history_cdc.reconcile_run r WHERE r.phase = 'done' AND r.scope = 'whole'
UNION ALL
-- Passes over everything by the verification beside the projector. It keeps those of the last days.
SELECT 'verifications', coalesce(json_agg(json_build_object(
  'id', p.id::text, 'beganAt', p.began_at, 'endedAt', p.ended_at, 'release', p.release, 'ruleVersion', p.rule_version,
  'legacyRows', p.legacy_rows::text, 'ledgerRows', p.ledger_rows::text, 'canonicalRows', p.canonical_rows::text,
  'wrong', p.wrong::text, 'waiting', p.waiting::text) ORDER BY p.id), '[]')
FROM history_cdc.verification_pass p
UNION ALL
SELECT 'archives', coalesce(json_agg(json_build_object(
  'id', a.id, 'at', a.at, 'by', a.performed_by, 'role', a.role, 'target', a.target,
  'events', (SELECT coalesce(json_agg(json_build_object('at', e.at, 'event', e.event, 'by', e.performed_by, 'manifestSha256', encode(e.manifest_sha256, 'hex'),
                                                        'rows', e.rows::text, 'snapshotAt', e.snapshot_at, 'snapshotLsn', e.snapshot_lsn,
                                                        'snapshot', e.snapshot::text) ORDER BY e.id), '[]')
             FROM history_cdc.archive_event e WHERE e.archive_id = a.id)) ORDER BY a.at, a.id), '[]')
FROM history_cdc.archive a
UNION ALL
SELECT 'ledger', json_build_object(
  'rows', coalesce(sum(b.rows), 0)::text,
  'decisions', (SELECT coalesce(json_object_agg(d.decision, d.rows), '{}') FROM (
                  SELECT decision, count(*)::text AS rows FROM history_cdc.ledger GROUP BY decision ORDER BY decision) AS d),
  'sha256', encode(sha256(convert_to(coalesce(string_agg(b.digest, E'\n' ORDER BY b.bucket), ''), 'UTF8')), 'hex'),
  'buckets', coalesce(json_object_agg(b.bucket, json_build_object('rows', b.rows::text, 'sha256', b.digest) ORDER BY b.bucket), '{}'))
FROM (
  -- One bucket per first byte of the legacy id, so that no text grows with the whole table.
  SELECT left(l.legacy_id::text, 2) AS bucket, count(*) AS rows,
         encode(sha256(convert_to(string_agg(
           concat_ws('|', l.legacy_id, l.decision, coalesce(l.canonical_run_id::text, '-'), l.reason, l.rule_version,
                     coalesce(encode(l.content_hash, 'hex'), '-'), l.source_deleted_at IS NOT NULL), E'\n' ORDER BY l.legacy_id), 'UTF8')), 'hex') AS digest
  FROM history_cdc.ledger l GROUP BY 1) AS b
