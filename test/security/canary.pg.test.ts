import { describe, expect, test, vi } from 'vitest';
import { RunObserver } from '../../consumers/agent-test-history/stream/observer.ts';
import { messageOf } from '../../lib/errors.ts';
import { createLogger } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { namedError } from '../../lib/named-error.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { usePartitions } from '../support/partitions.ts';
import {
  inserted,
  PLACEHOLDER,
  rawRecord,
  updated,
  type Message,
  type RowValues,
} from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';

/** Stands for personal data: it is in a row, and nothing but what prints rows on purpose may show it. */
const MARKER = 'canary-7d1f0c2a';

const topic = usePartitions();

async function historyCdc(...args: string[]): Promise<Answer> {
  const settings = {
    DATABASE_URL: topic().url,
    UNAVAILABLE_PLACEHOLDER: PLACEHOLDER,
    LOG_LEVEL: 'debug',
  };
  return await runInProcess(args, settings);
}

/** What the projector stores and says of records that are at fault. */
async function traces(messages: readonly Message[]): Promise<{ reasons: string[]; said: string }> {
  const said: string[] = [];
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => (lines.push(String(text)), true));
  const metrics = createMetrics(() => Promise.resolve(null));
  const observer = new RunObserver(
    { metrics, logger: createLogger('silent'), now: () => 0 },
    () => undefined,
  );
  const run = topic().commit(messages, await topic().claim('one'));
  await runRecords({
    ...run,
    retrying: (error) => {
      observer.retrying(0, error);
      said.push(messageOf(error), namedError(error)?.message ?? '');
    },
  }).catch((error: unknown) => said.push(messageOf(error), namedError(error)?.message ?? ''));
  vi.restoreAllMocks();
  const parked = await topic().quarantined();
  const reasons = parked.map((record) => `${String(record['reason'])}: ${String(record['detail'])}`);
  const shown = [JSON.stringify(observer.readiness()), await metrics.registry.metrics(), ...lines, ...said];
  return { reasons, said: shown.join('\n') };
}

const KINDS: readonly (readonly [string, (row: RowValues) => Message])[] = [
  ['bytes that are no JSON', (row) => rawRecord(row.id, Buffer.from(`{"after": ${MARKER}`))],
  [
    'an envelope of another kind',
    (row) => rawRecord(row.id, { op: MARKER, source: {}, after: { summary: MARKER } }),
  ],
  ['a number that is text', (row) => rawRecord(row.id, textOf(row, { steps_passed: MARKER }))],
  ['a time that is none', (row) => rawRecord(row.id, textOf(row, { started_at: MARKER }))],
  ['a text with a NUL', (row) => rawRecord(row.id, textOf(row, { summary: `${MARKER}\u0000` }))],
  ['a profile that is no JSON', (row) => inserted({ ...row, agent_profile_json: `{"${MARKER}": nope}` })],
  ['steps that are no JSON', (row) => inserted({ ...row, steps_json: `{"${MARKER}": nope}` })],
  ['a value that was left out', (row) => updated({ ...row, brief: MARKER }, 'summary')],
];

function textOf(row: RowValues, values: object): unknown {
  const envelope = JSON.parse(inserted(row).value?.toString() ?? '') as { after: object };
  return { ...envelope, after: { ...envelope.after, ...values } };
}

describe('no value of a row is in a reason, a message, a metric or the readiness:', () => {
  test.each(KINDS)('%s', async (_, messageOfRow) => {
    const row = { ...topic().ownersRow(), summary: MARKER };
    const { reasons, said } = await traces([messageOfRow(row)]);
    // Steps that cannot be read are no fault of the row: it is projected.
    if (reasons.length === 0) expect(await topic().effects()).toEqual({ decisions: 1, runs: 1 });
    expect(reasons.join('\n')).not.toContain(MARKER);
    expect(said).not.toContain(MARKER);
    expect(said.length).toBeGreaterThan(100);
  });
});

/** What the application may do with a row of ours, and have Postgres quote it. */
const REFUSALS = {
  'a CHECK': `ALTER TABLE public.agent_compliance_runs ADD CONSTRAINT canary CHECK (headline NOT LIKE 'canary-%')`,
  'a unique key': `CREATE UNIQUE INDEX canary ON public.agent_compliance_runs (headline) WHERE headline LIKE 'canary-%';
     INSERT INTO public.agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, triggered_by)
     VALUES ('https://other.example', 'production', 'passing', '${MARKER}', 'manual')`,
  ...Object.fromEntries(
    ['P0001', '22P02', '42501', '23505', '55000', 'ZZ001'].map((code) => [
      `a trigger that raises ${code}`,
      `CREATE FUNCTION public.canary() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.headline LIKE 'canary-%' THEN
           RAISE EXCEPTION 'not %', NEW.headline USING ERRCODE = '${code}', DETAIL = NEW.headline, HINT = NEW.headline;
         END IF;
         RETURN NEW;
       END $$;
       CREATE TRIGGER canary BEFORE INSERT OR UPDATE ON public.agent_compliance_runs
         FOR EACH ROW EXECUTE FUNCTION public.canary()`,
    ]),
  ),
};

const UNDO = `
  ALTER TABLE public.agent_compliance_runs DROP CONSTRAINT IF EXISTS canary;
  DROP INDEX IF EXISTS public.canary;
  DROP TRIGGER IF EXISTS canary ON public.agent_compliance_runs;
  DROP FUNCTION IF EXISTS public.canary();
  DELETE FROM public.agent_compliance_runs WHERE headline = '${MARKER}'`;

describe('nor where the application refuses the row:', () => {
  test.each(Object.entries(REFUSALS))('%s', async (name, refusal) => {
    const row = { ...topic().ownersRow(), summary: MARKER };
    await topic().legacyRow(row);
    await topic().pool.query(refusal);
    try {
      const { reasons, said } = await traces([inserted(row)]);
      expect(reasons).toHaveLength(1);
      expect(reasons[0]).toContain('rejected_by_postgres: ');
      expect(`${reasons.join('\n')}${said}`).not.toContain(MARKER);
      if (name !== 'a trigger that raises P0001') return;
      for (const args of [
        ['quarantine', 'list', '--all'],
        ['quarantine', 'retry', '--apply'],
        ['sweep'],
        ['redecide', '--apply'],
        ['reconcile', '--source-is-quiet'],
        ['reconcile', '--repair', '--apply'],
        ['census', '--json'],
      ]) {
        const { stdout, stderr } = await historyCdc(...args);
        expect([args, `${stdout}${stderr}`.includes(MARKER)]).toEqual([args, false]);
        expect(`${stdout}${stderr}`.length).toBeGreaterThan(20);
      }
    } finally {
      await topic().pool.query(UNDO);
    }
  });
});

test.each(['40001', '53100', '57014', '42501', '55P03'])(
  'a trigger that raises %s, as if the environment were to blame, is named without its text',
  async (code) => {
    const error: unknown = await topic()
      .pool.query(`DO $$ BEGIN RAISE EXCEPTION 'not ${MARKER}' USING ERRCODE = '${code}'; END $$`)
      .catch((reason: unknown) => reason);
    expect((error as Error).message).toContain(MARKER);
    expect(messageOf(error)).toBe(`SQLSTATE ${code}`);
    expect(namedError(error)?.message).toContain(code);
    expect(namedError(error)?.message).not.toContain(MARKER);
  },
);
