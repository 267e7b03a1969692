import { describe, expect, test } from 'vitest';
import type { ConditionId, ConditionState } from '../../operations/soak/condition.ts';
import { aliveStream, TOPIC, useSoaked } from './soaked.ts';

const soaked = useSoaked();

test('every condition holds, and the table may go now', async () => {
  const report = await soaked().look();
  expect(report.conditions.map(({ id, state }) => [id, state])).toEqual([
    ['canonical-live', 'met'],
    ['reading-canonical', 'attested'],
    ['parity', 'met'],
    ['quarantine', 'met'],
    ['no-owner-writes', 'met'],
    ['no-updates', 'met'],
    ['no-readers', 'met'],
    ['third-party-plan', 'attested'],
    ['archive', 'met'],
  ]);
  expect(report).toMatchObject({ allMet: true, stage: 'soaking', forecast: report.at, lowered: [] });
});

const PARKED = `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", legacy_id, reason, detail, quarantined_at)
  VALUES ('${TOPIC}', 0, 7, gen_random_uuid(), 'undecodable', 'x', now() - interval '1 day')`;
const WRITE = (kind: string, columns: string, ago: string, sourceAgo = ago) =>
  `INSERT INTO history_cdc.legacy_write (topic_id, partition, kind, "offset", legacy_id, columns, source_at, seen_at)
   VALUES ('${TOPIC}', 0, '${kind}', 9, gen_random_uuid(), '{${columns}}', now() - interval '${sourceAgo}', now() - interval '${ago}')`;
const ARCHIVED = (event: string) =>
  `INSERT INTO history_cdc.archive_event (archive_id, performed_by, event, manifest_sha256, rows, snapshot_at, snapshot_lsn)
   VALUES ('${TOPIC}', 'Ada', '${event}', '\\x01', 1, now(), '0/1000')`;

/** Whatever depends on the table, or names it: the kind, how it is made, and how it goes. */
const CATALOG: readonly (readonly [string, string, string])[] = [
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

const CASES: readonly (readonly [string, ConditionId, ConditionState, string])[] = [
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

test.each(CASES)('%s: %s is %s, and nothing else', async (_, id, state, sql) => {
  await soaked().execute(sql);
  const { conditions, allMet } = await soaked().look();
  const others = { 'no-owner-writes': ['no-updates'] } as Partial<Record<ConditionId, string[]>>;
  const broken = conditions.filter((one) => one.state !== 'met' && one.state !== 'attested');
  // What says nothing of one kind of write may say nothing of the other.
  const alone = broken.filter((one) => one.id === id || others[id]?.includes(one.id) !== true);
  expect(alone.map((one) => [one.id, one.state])).toEqual([[id, state]]);
  expect(alone[0]?.missing).not.toBeNull();
  expect(allMet).toBe(false);
});

test('a parked record keeps two conditions', async () => {
  await soaked().execute(PARKED);
  const { conditions, incidents } = await soaked().look();
  const broken = conditions.filter(({ state }) => state === 'not_met');
  expect(broken.map(({ id }) => id)).toEqual(['canonical-live', 'quarantine']);
  expect(incidents.map(({ kind }) => kind)).toEqual(['quarantined_owner']);
});

describe('no-readers', () => {
  test.each(CATALOG)('a %s keeps the table, and is named', async (kind, create, drop) => {
    await soaked().execute(create);
    try {
      const { state, ids } = await soaked().condition('no-readers');
      expect([state, ids.map((name) => name.startsWith(`${kind} `)).includes(true)]).toEqual([
        'not_met',
        true,
      ]);
    } finally {
      await soaked().execute(`DROP ${drop}`);
    }
  });

  test('the foreign key of the table is named, and does not block', async () => {
    const { state, evidence } = await soaked().condition('no-readers');
    expect(state).toBe('met');
    expect(evidence).toContain('ON DELETE CASCADE');
  });
});

describe('blind', () => {
  const dead = { known: false as const, why: 'no answer' };

  test.each(['observed', 'dataTopic', 'projection', 'oldestSeconds'] as const)(
    'without %s nothing is quiet',
    async (name) => {
      const { conditions } = await soaked().look({ stream: { ...aliveStream(), [name]: dead } });
      const unknown = conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id);
      expect(unknown).toEqual(['canonical-live', 'no-owner-writes', 'no-updates']);
    },
  );

  test.each([
    ['an hour old', -3_600_000],
    ['of the future', 3_600_000],
  ])('a heartbeat that is %s shows nothing', async (_, ms) => {
    const { conditions } = await soaked().look({ stream: aliveStream(new Date(Date.now() + ms)) });
    expect(conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id)).toEqual([
      'canonical-live',
      'no-owner-writes',
      'no-updates',
    ]);
  });

  test('without the tables of verdicts, archives, writes and records, nothing of them is met', async () => {
    const tables = ['archive_event', 'reconcile_run', 'legacy_write', 'quarantine'];
    const rename = async (from: string, to: string) => {
      for (const table of tables)
        await soaked().execute(`ALTER TABLE history_cdc.${from}${table} RENAME TO ${to}${table}`);
    };
    await rename('', 'away_');
    const { conditions } = await soaked()
      .look()
      .finally(() => rename('away_', ''));
    expect(conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id)).toEqual([
      'canonical-live',
      'parity',
      'quarantine',
      'no-owner-writes',
      'no-updates',
      'archive',
    ]);
  });
});

describe('a faster clock', () => {
  const days = { SOAK_LIVE_DAYS: 0, SOAK_QUIET_DAYS: 0, SOAK_READ_DAYS: 0 };

  test('lets the gate open, and is named', async () => {
    await soaked().execute(WRITE('owner_insert', '', '1 minute'));
    const report = await soaked().look({ days });
    expect(report.allMet).toBe(true);
    expect(report.lowered).toHaveLength(3);
    expect(report.days).toEqual({ live: 0, read: 0, quiet: 0 });
  });
});

test('the forecast is the last of the days; a person’s condition has none', async () => {
  await soaked().execute(WRITE('update', 'other', '2 days'));
  await soaked().execute(WRITE('owner_insert', '', '1 day'));
  const { conditions, forecast } = await soaked().look();
  expect(forecast).toEqual(conditions.find(({ id }) => id === 'no-owner-writes')?.metAt);
  await soaked().execute(PARKED);
  expect((await soaked().look()).forecast).toBeNull();
});
