/** What breaks one condition of a database in which all of them hold. */
import type { ConditionId, ConditionState } from '../../operations/soak/condition.ts';
import { TOPIC } from './soaked.ts';

export const PARKED = `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", legacy_id, reason, detail, quarantined_at)
  VALUES ('${TOPIC}', 0, 7, gen_random_uuid(), 'undecodable', 'x', now() - interval '1 day')`;
export const WRITE = (kind: string, columns: string, ...[ago, sourceAgo = ago]: [string, string?]) =>
  `INSERT INTO history_cdc.legacy_write (topic_id, partition, kind, "offset", legacy_id, columns, source_at, seen_at)
   VALUES ('${TOPIC}', 0, '${kind}', 9, gen_random_uuid(), '{${columns}}', now() - interval '${sourceAgo}', now() - interval '${ago}')`;
const ARCHIVED = (event: string) =>
  `INSERT INTO history_cdc.archive_event (archive_id, performed_by, event, manifest_sha256, rows, snapshot_at, snapshot_lsn)
   VALUES ('${TOPIC}', 'Ada', '${event}', '\\x01', 1, now(), '0/1000')`;

/** Whatever depends on the table, or names it: the kind, how it is made, and how it goes. */
export const CATALOG: readonly (readonly [string, string, string])[] = [
  [
    'view',
    'CREATE VIEW public.agent_context_summary AS SELECT agent_context_id, count(*) AS runs FROM public.agent_test_history GROUP BY 1',
    'VIEW public.agent_context_summary',
  ],
  [
    'materialised view',
    'CREATE MATERIALIZED VIEW public.history_daily AS SELECT started_at::date FROM public.agent_test_history',
    'MATERIALIZED VIEW public.history_daily',
  ],
  [
    'rule on the table',
    'CREATE RULE keep AS ON DELETE TO public.agent_test_history DO ALSO NOTIFY gone',
    'RULE keep ON public.agent_test_history',
  ],
  [
    'foreign key to the table',
    'CREATE TABLE public.note (run uuid REFERENCES public.agent_test_history)',
    'TABLE public.note',
  ],
  [
    'policy on the table',
    'CREATE POLICY mine ON public.agent_test_history USING (true)',
    'POLICY mine ON public.agent_test_history',
  ],
  [
    'policy',
    'CREATE POLICY theirs ON public.agent_contexts USING (EXISTS (SELECT FROM public.agent_test_history h WHERE h.agent_context_id = agent_contexts.id))',
    'POLICY theirs ON public.agent_contexts',
  ],
  [
    'trigger on the table',
    `CREATE FUNCTION public.audited() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER audit AFTER INSERT ON public.agent_test_history FOR EACH ROW EXECUTE FUNCTION public.audited()`,
    'FUNCTION public.audited CASCADE',
  ],
  [
    'function',
    `CREATE FUNCTION public.last_run() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM agent_test_history); END'`,
    'FUNCTION public.last_run',
  ],
  [
    'function',
    'CREATE FUNCTION public.runs() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.agent_test_history; END',
    'FUNCTION public.runs',
  ],
  ['publication', 'CREATE PUBLICATION theirs FOR TABLE public.agent_test_history', 'PUBLICATION theirs'],
  [
    'inheriting table',
    'CREATE TABLE public.newer () INHERITS (public.agent_test_history)',
    'TABLE public.newer',
  ],
];

export const CASES: readonly (readonly [string, ConditionId, ConditionState, string])[] = [
  [
    'the first live row is of last week',
    'canonical-live',
    'not_met',
    `UPDATE public.agent_compliance_runs SET tested_at = now() - interval '7 days' WHERE tested_at < now() - interval '2 days'`,
  ],
  [
    'the live path has written nothing',
    'canonical-live',
    'unknown',
    `DELETE FROM public.agent_compliance_runs`,
  ],
  [
    'the live path is silent',
    'canonical-live',
    'unknown',
    `DELETE FROM public.agent_compliance_runs WHERE tested_at > now() - interval '2 days'`,
  ],
  [
    'all rows of the live path are of the future',
    'canonical-live',
    'unknown',
    `UPDATE public.agent_compliance_runs SET tested_at = now() + interval '1 day'`,
  ],
  [
    'the attestation was revoked',
    'reading-canonical',
    'not_met',
    `INSERT INTO history_cdc.attestation (performed_by, condition, revoked, note) VALUES ('Ada', 'reading-canonical', true, 'x')`,
  ],
  [
    'the attestation is young',
    'reading-canonical',
    'not_met',
    `INSERT INTO history_cdc.attestation (performed_by, condition, since, note) VALUES ('Ada', 'reading-canonical', now() - interval '6 days', 'x')`,
  ],
  [
    'the plan begins tomorrow',
    'third-party-plan',
    'not_met',
    `INSERT INTO history_cdc.attestation (performed_by, condition, since, note) VALUES ('Ada', 'third-party-plan', now() + interval '1 day', 'x')`,
  ],
  [
    'the last run proved not everything',
    'parity',
    'not_met',
    `UPDATE history_cdc.reconcile_run SET verdict = 'not_proven'`,
  ],
  [
    'the verdict is of yesterday',
    'parity',
    'not_met',
    `UPDATE history_cdc.reconcile_run SET finished_at = now() - interval '25 hours'`,
  ],
  [
    'the verdict is of tomorrow',
    'parity',
    'unknown',
    `UPDATE history_cdc.reconcile_run SET finished_at = now() + interval '1 day'`,
  ],
  [
    'the verdict is of another release',
    'parity',
    'not_met',
    `UPDATE history_cdc.reconcile_run SET release = '0.0.1'`,
  ],
  [
    'the verdict is of another rule',
    'parity',
    'not_met',
    `UPDATE history_cdc.reconcile_run SET rule_version = 1`,
  ],
  ['nothing was ever compared', 'parity', 'not_met', `DELETE FROM history_cdc.reconcile_run`],
  ["an owner's run was written", 'no-owner-writes', 'not_met', WRITE('owner_insert', '', '6 days')],
  [
    'the source says that it was long ago, and we read it yesterday',
    'no-owner-writes',
    'not_met',
    WRITE('owner_insert', '', '1 day', '30 days'),
  ],
  [
    "an owner's run is of the future",
    'no-owner-writes',
    'unknown',
    WRITE('owner_insert', '', '30 days', '-2 days'),
  ],
  [
    'a partition was never claimed',
    'no-owner-writes',
    'unknown',
    `DELETE FROM history_cdc.consumer_offset WHERE partition = 1`,
  ],
  [
    'a projector of an earlier release holds a partition',
    'no-owner-writes',
    'unknown',
    `UPDATE history_cdc.consumer_offset SET epoch = epoch + 1 WHERE partition = 1`,
  ],
  [
    'the stream is watched since yesterday',
    'no-owner-writes',
    'not_met',
    `UPDATE history_cdc.consumer_offset SET watched_since = now() - interval '1 day' WHERE partition = 1`,
  ],
  ['contexts are merged', 'no-updates', 'not_met', WRITE('update', 'agent_context_id', '1 day')],
  ['the archive was found different', 'archive', 'not_met', ARCHIVED('differs')],
  ['a drill found the archive different', 'archive', 'not_met', ARCHIVED('drill_differs')],
  ['somebody was erased from the archive', 'archive', 'not_met', ARCHIVED('erased')],
  ['a row changed after the archive', 'archive', 'not_met', `UPDATE history_cdc.ledger SET lsn = '0/2000'`],
  [
    'the archive lacks a row',
    'archive',
    'not_met',
    `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot) VALUES (gen_random_uuid(), 'anonymous', 'no_user', 2, '${TOPIC}', 0, 1, 'r', true)`,
  ],
  [
    'a statement of another role',
    'no-readers',
    'not_met',
    `INSERT INTO history_cdc.legacy_reading (source, role, subject, counter) VALUES ('statement', 'reporting', '42', '1')`,
  ],
  [
    'the table was scanned, and nobody knows by whom',
    'no-readers',
    'unknown',
    `UPDATE history_cdc.legacy_reading SET counter = '0/0/0/1'`,
  ],
  [
    'the statistics were reset',
    'no-readers',
    'unknown',
    `UPDATE history_cdc.legacy_reading SET epoch = 'before'`,
  ],
];
