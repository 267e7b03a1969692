import { describe, expect, test } from 'vitest';
import { breakerOf } from '../../consumers/agent-test-history/batch/breaker-window.ts';
import type { QuarantineBreaker } from '../../consumers/agent-test-history/batch/quarantine-breaker.ts';
import type { TopicRecord } from '../../lib/kafka-consumer.ts';
import { everything } from '../support/fingerprint.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted, rawRecord, type Message } from '../support/records.ts';
import { asRecords, runRecords, TOPIC_ID } from '../support/run-records.ts';

const topic = usePartitions();

const good = () => inserted(topic().ownersRow());
const bad = () => rawRecord(topic().ownersRow().id, {});
/** Decoded without a complaint, and refused by Postgres. */
const refused = () => inserted({ ...topic().ownersRow(), agent_profile_json: '{"a": ' });

const some = (count: number, make: () => Message) => Array.from({ length: count }, make);
const parked = async () => (await topic().quarantined()).length;
const update = async (set: string) => {
  await topic().pool.query(`UPDATE history_cdc.quarantine SET ${set}`);
};

/** The breaker of a process that starts now; two of ten records may be parked. */
const startedNow = (maxShare = 0.2, dryRun = false): Promise<QuarantineBreaker> =>
  breakerOf(topic().pool, TOPIC_ID, {
    config: { QUARANTINE_MAX_SHARE: maxShare, QUARANTINE_WINDOW: 10 },
    mode: 'project',
    dryRun,
  });

interface Start {
  readonly breaker?: QuarantineBreaker;
  readonly rows?: number;
  readonly partition?: number;
}

/** Starts a process, as a supervisor does: it goes on where the last commit ended. The code with which it stops. */
async function start(records: readonly TopicRecord[], options: Start = {}): Promise<string> {
  const { breaker = await startedNow(), rows = 1, partition = 0 } = options;
  const held = await topic().claim('projector', partition);
  const left = records.filter(({ offset }) => offset >= held.nextOffset);
  const run = { ...topic().commit([], held), records: left, rows, breaker };
  try {
    await runRecords(run);
    return 'done';
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
    throw error;
  }
}

const BREAKER = 'QUARANTINE_BREAKER';

describe('a projector that a supervisor starts again and again', () => {
  test.each([
    ['cannot be decoded', bad, 1],
    ['cannot be decoded, two a transaction', bad, 2],
    ['are refused by Postgres', refused, 3],
  ] as const)('over records that %s parks the share of one window', async (_, make, rows) => {
    const records = asRecords([...some(4, good), ...some(20, make)], 0n);
    const codes: string[] = [];
    for (let restart = 0; restart < 5; restart++) codes.push(await start(records, { rows }));
    expect(codes).toEqual(Array.from({ length: 5 }, () => BREAKER));
    expect(await parked()).toBe(2);
    expect(await topic().stored()).toMatchObject({ nextOffset: 6n });
  });

  test('over several partitions parks the share of one window, whichever partition they are in', async () => {
    const partitions = [0, 1, 2].map(() => asRecords([good(), ...some(10, bad)], 0n));
    for (const [partition, records] of [...partitions, ...partitions].entries())
      expect(await start(records, { partition: partition % 3 })).toBe(BREAKER);
    expect(await parked()).toBe(2);
  });

  test('counts a record for as long as one process would: nine records behind it and no longer', async () => {
    const messages = [bad(), bad(), ...some(7, good), bad()];
    const records = asRecords(messages, 0n);
    expect(await start(records.slice(0, 9))).toBe('done');
    expect(await start(records)).toBe(BREAKER);
    expect(await topic().stored()).toMatchObject({ nextOffset: 9n });

    await topic().reset();
    const later = asRecords([bad(), bad(), ...some(8, good), bad()], 0n);
    for (const end of [2, 6, 10, 11]) expect(await start(later.slice(0, end))).toBe('done');
    expect(await parked()).toBe(3);
  });

  test('counts what came in other partitions in between', async () => {
    expect(await start(asRecords(some(2, bad), 0n))).toBe('done');
    expect(await start(asRecords(some(9, good), 0n), { partition: 1 })).toBe('done');
    expect(await start(asRecords(some(3, bad), 0n), { partition: 2 })).toBe(BREAKER);
    expect(await parked()).toBe(4);
  });

  test('goes on where nothing is parked, though the window holds more than a smaller share allows', async () => {
    const records = asRecords([bad(), bad(), good(), good(), bad()], 0n);
    expect(await start(records.slice(0, 2))).toBe('done');
    const breaker = await startedNow(0);
    expect(await start(records.slice(0, 4), { breaker })).toBe('done');
    expect(await start(records, { breaker })).toBe(BREAKER);
  });
});

describe('after the breaker, a person', () => {
  const stopped = async () => {
    const records = asRecords([...some(2, bad), ...some(3, bad), good(), bad(), ...some(2, good)], 0n);
    expect(await start(records)).toBe(BREAKER);
    expect(await start(records)).toBe(BREAKER);
    return records;
  };

  test('lets all in with a share of 1, and the next bad record stops nothing', async () => {
    const records = await stopped();
    expect(await start(records.slice(0, 7), { breaker: await startedNow(1) })).toBe('done');
    expect(await parked()).toBe(6);
    const rest = [...records.slice(7), ...asRecords([bad(), bad(), bad()], 9n)];
    expect(await start(rest)).toBe(BREAKER);
    expect(await parked()).toBe(8);
  });

  test.each([
    ['healed', 'healed_at = clock_timestamp()'],
    ['waived', "waived_at = clock_timestamp(), waived_by = 'a person', waive_reason = 'known'"],
  ])('goes on after what was parked is %s', async (_, set) => {
    const records = await stopped();
    await update(set);
    expect(await start(records)).toBe(BREAKER);
    expect(await parked()).toBe(4);
  });

  test('mends the data, and goes on without any other step', async () => {
    const [first, second] = await stopped();
    const mended = asRecords(some(20, good), 2n);
    expect([first?.offset, second?.offset]).toEqual([0n, 1n]);
    expect(await start(mended.slice(0, 8))).toBe('done');
    expect(await start([...mended.slice(8, 10), ...asRecords([bad(), bad()], 12n)])).toBe('done');
    expect(await parked()).toBe(4);
  });
});

test('a dry run stops where the run would stop, and accepts nothing with a share of 1', async () => {
  const records = asRecords([bad(), bad(), bad()], 0n);
  expect(await start(records)).toBe(BREAKER);
  const { context } = topic().commit([], await topic().claim('projector'));
  const before = await everything(topic().pool);
  const dryRun = { context, records: records.slice(2), mode: { kind: 'dry_run' }, rows: 1 } as const;
  await expect(runRecords({ ...dryRun, breaker: await startedNow() })).rejects.toMatchObject({
    code: BREAKER,
  });
  const accepting = await startedNow(1, true);
  expect((await runRecords({ ...dryRun, breaker: accepting })).records.quarantined).toBe(1);
  expect(await everything(topic().pool)).toEqual(before);
  expect(await start(records)).toBe(BREAKER);
  expect(await parked()).toBe(2);
});

test('only what the breaker counted is kept: nothing of a run with a share of 1', async () => {
  const breaker = await startedNow(1);
  expect(await start(asRecords(some(6, bad), 0n), { breaker })).toBe('done');
  expect(await start(asRecords([bad(), bad()], 6n))).toBe('done');
  const { rows } = await topic().pool.query(
    'SELECT breaker_position FROM history_cdc.quarantine ORDER BY "offset"',
  );
  expect(rows.map(({ breaker_position: at }: { breaker_position?: string | null }) => at)).toEqual([
    ...Array.from({ length: 6 }, () => null),
    ...['7', '8'],
  ]);
});
