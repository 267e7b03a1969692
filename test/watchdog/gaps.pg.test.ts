import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { closableGaps, closeGaps, markOlderAccepted, openGaps } from '../../operations/continuity/gaps.ts';
import { acceptGaps, checkContinuity } from '../../operations/continuity/identity-store.ts';
import type { Present } from '../../operations/continuity/judge.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { until } from '../support/until.ts';

const SOUND: Present = {
  system: '1',
  timeline: '1',
  publication: 'p (oid 5)',
  slot: 's',
  position: { confirmed: 5n, stored: 5n },
};
const ADVANCED: Present = { ...SOUND, position: { confirmed: 9n, stored: 5n } };

let open: OpenDatabase;
let topicId: string;

beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});
beforeEach(async () => {
  topicId = randomUUID();
  await open.pool.query('DELETE FROM history_cdc.gap');
  await registerTopic(open.pool, { topicId, name: 'topic', partitions: 1 }, true);
});

const check = (present: Present) => checkContinuity(open.pool, { topicId, present });
const recorded = async () =>
  (
    await open.pool.query<{ part: string }>(
      'SELECT part FROM history_cdc.source_identity WHERE topic_id = $1 ORDER BY part',
      [topicId],
    )
  ).rows.map(({ part }) => part);

async function xmax(): Promise<string> {
  const { rows } = await open.pool.query<{ xmax: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax',
  );
  return rows[0]?.xmax ?? '';
}

/** A run of `reconcile` that begins and ends now. */
async function reconciled(verdict: string): Promise<string> {
  const { rows } = await open.pool.query<{ id: string }>(
    `INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, verdict, finished_at)
     VALUES (1, '0', 'done', $1, clock_timestamp()) RETURNING id::text`,
    [verdict],
  );
  return rows[0]?.id ?? '';
}

async function closedBy(verdict: string): Promise<string[]> {
  const closable = await closableGaps(open.pool, open.pool);
  return [...(await closeGaps(open.pool, await reconciled(verdict), closable))];
}

/** Once no transaction is open any more that began before the acceptance: those of other test files count, too. */
const closedByProof = () =>
  until('a proof closes what is accepted', async () => {
    const closed = await closedBy('proven');
    return closed.length > 0 && closed;
  });

test('each part is recorded when it is first seen, and compared from then on', async () => {
  expect(await check({ system: '1' })).toEqual({ breaks: [], gaps: [] });
  expect(await recorded()).toEqual(['system']);
  expect(await check(SOUND)).toEqual({ breaks: [], gaps: [] });
  expect(await recorded()).toEqual(['publication', 'slot', 'system', 'timeline']);
  const { breaks, gaps } = await check({ ...SOUND, publication: 'p (oid 6)' });
  expect(breaks).toEqual([
    { kind: 'publication', evidence: 'recorded was "p (oid 5)", it is "p (oid 6)" now' },
  ]);
  expect(gaps).toMatchObject([{ kind: 'publication', topicId, acceptedAt: null }]);
});

test('what is broken is not recorded', async () => {
  expect((await check(ADVANCED)).breaks).toHaveLength(1);
  expect(await recorded()).toEqual([]);
});

test('a topic that the ledger does not know is judged, and neither recorded nor given a gap', async () => {
  topicId = randomUUID();
  expect(await check(ADVANCED)).toMatchObject({ breaks: [{ kind: 'position' }], gaps: [] });
  expect(await check(SOUND)).toEqual({ breaks: [], gaps: [] });
  expect(await recorded()).toEqual([]);
});

test('a break that is seen again and again is one gap; one that has passed leaves it open', async () => {
  await check(SOUND);
  await check(ADVANCED);
  const [gap] = await openGaps(open.pool);
  expect(await check(ADVANCED)).toMatchObject({ gaps: [gap] });
  expect(await check(SOUND)).toEqual({ breaks: [], gaps: [gap] });
  expect(await closedBy('proven')).toEqual([]);
});

test('accepted, it is no break any more, stays open, and is closed by a proof that began afterwards, and by nothing else', async () => {
  await check(SOUND);
  const [gap] = (await check(ADVANCED)).gaps;
  const id = gap?.id ?? '';
  const before = await reconciled('proven');
  await acceptGaps(open.pool, { topicId, ids: [id], present: ADVANCED, xmax: await xmax() });
  expect(await check(ADVANCED)).toMatchObject({
    breaks: [],
    gaps: [{ id, acceptedAt: expect.any(Date) as Date }],
  });
  expect(await closeGaps(open.pool, before, await closableGaps(open.pool, open.pool))).toEqual([]);
  expect(await closedBy('wrong')).toEqual([]);
  expect(await closedBy('not_proven')).toEqual([]);
  expect(await closedByProof()).toEqual([id]);
  expect(await openGaps(open.pool)).toEqual([]);
});

test('the slot moved once more behind the acceptance: the same gap is open anew, and the proof begins anew', async () => {
  await check(SOUND);
  const [gap] = (await check(ADVANCED)).gaps;
  await acceptGaps(open.pool, { topicId, ids: [gap?.id ?? ''], present: ADVANCED, xmax: await xmax() });
  const again = await check({ ...ADVANCED, position: { confirmed: 12n, stored: 5n } });
  expect(again.gaps).toMatchObject([{ id: gap?.id, acceptedAt: null }]);
  expect(again.gaps[0]?.evidence).toContain('; and again: the slot is confirmed up to 0/C');
  expect(await closedBy('proven')).toEqual([]);
});

test('what is accepted is that part and no other', async () => {
  await check(SOUND);
  const [gap] = (await check(ADVANCED)).gaps;
  const both = { ...ADVANCED, publication: 'p (oid 6)' };
  await acceptGaps(open.pool, { topicId, ids: [gap?.id ?? ''], present: both, xmax: await xmax() });
  expect((await check(both)).breaks).toMatchObject([{ kind: 'publication' }]);
});

test('a slot that is gone and accepted is recorded anew when it is made, and missed when it goes again', async () => {
  await check(SOUND);
  const gone: Present = { ...SOUND, slot: null, position: { confirmed: null, stored: 5n } };
  const [gap] = (await check(gone)).gaps;
  await acceptGaps(open.pool, { topicId, ids: [gap?.id ?? ''], present: gone, xmax: await xmax() });
  expect((await check(gone)).breaks).toEqual([]);
  expect(
    (await check({ ...SOUND, slot: 'made again', position: { confirmed: 9n, stored: null } })).breaks,
  ).toEqual([]);
  expect(
    (await check({ ...SOUND, slot: null, position: { confirmed: null, stored: null } })).breaks,
  ).toMatchObject([{ kind: 'slot' }]);
});

test('while a transaction is open that is older than the acceptance, no proof counts', async () => {
  await check(SOUND);
  const writer = await open.pool.connect();
  let id = '';
  try {
    await writer.query('BEGIN');
    await writer.query('SELECT pg_current_xact_id()');
    const [gap] = (await check({ ...SOUND, publication: 'p (oid 6)' })).gaps;
    id = gap?.id ?? '';
    await acceptGaps(open.pool, {
      topicId,
      ids: [id],
      present: { ...SOUND, publication: 'p (oid 6)' },
      xmax: await xmax(),
    });
    expect(await closedBy('proven')).toEqual([]);
  } finally {
    await writer.query('COMMIT');
    writer.release();
  }
  expect(await closedByProof()).toEqual([id]);
});

test('a gap that is not open cannot be accepted', async () => {
  await expect(
    acceptGaps(open.pool, { topicId, ids: ['7'], present: SOUND, xmax: null }),
  ).rejects.toMatchObject({ code: 'GAP_OPEN', message: 'no gap 7 is open; none is' });
});

test('what cannot be seen is not accepted', async () => {
  await check(SOUND);
  const [gap] = (await check(ADVANCED)).gaps;
  const acceptance = { topicId, ids: [gap?.id ?? ''], present: { slot: 's' }, xmax: null };
  await expect(acceptGaps(open.pool, acceptance, ['Connect is away'])).rejects.toMatchObject({
    code: 'GAP_OPEN',
    message: expect.stringMatching(/cannot be accepted, .*: Connect is away$/) as string,
  });
  expect((await openGaps(open.pool)).map(({ acceptedAt }) => acceptedAt)).toEqual([null]);
});

test('a new topic that is accepted has its own identity, and stands for the gaps of the one before', async () => {
  await check(SOUND);
  expect((await check({ ...SOUND, topicId: randomUUID() })).breaks).toMatchObject([{ kind: 'topic' }]);
  topicId = randomUUID();
  await registerTopic(open.pool, { topicId, name: 'topic', partitions: 1 }, true);
  const promoted = { ...SOUND, topicId, timeline: '2' };
  expect(await check(promoted)).toEqual({ breaks: [], gaps: [] });
  const [old] = await openGaps(open.pool);
  expect(await closedBy('proven')).toEqual([]);
  await markOlderAccepted(open.pool, topicId, await xmax());
  expect(await closedByProof()).toEqual([old?.id]);
});
