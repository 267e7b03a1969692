import { describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { backlogOf } from '../../operations/facts/backlog.ts';
import { diagnose } from '../../operations/doctor/doctor.ts';
import { lookAtOffset, type PartitionMarks } from '../../operations/facts/kafka.ts';
import type { Stretch } from '../../lib/kafka-stretch.ts';
import { reportOf } from '../../operations/status/report.ts';
import { looked } from '../status/facts.ts';
import { CONFIG, gathered } from './healthy.ts';
import { patched, type Patch } from './patched.ts';

/* Health is by partition: partition 0 stands still, while partition 1 moves on. */

const stored = (partition: number, nextOffset: string, secondsAgo: number) => ({
  ...{ topicId: 't', partition, nextOffset, secondsAgo, projector: `pod:${String(partition)}` },
});
const MARKS = new Map<number, PartitionMarks>([
  [0, { low: 0n, high: 30n }],
  [1, { low: 0n, high: 500n }],
]);
const MOVING = stored(1, '400', 0.2);
const MOVED = stored(1, '450', 0.1);

function look(zero: readonly ReturnType<typeof stored>[], later = zero, marks = MARKS): Patch {
  return {
    dataTopic: { marks },
    projection: { offsets: [...zero, MOVING] },
    laterOffsets: [...later, MOVED],
  };
}
const verdict = (patch: Patch) => {
  const checks = CHECKS.filter(({ id }) => id === 'projector-moves');
  const [result] = diagnose(gathered(patched(patch)), CONFIG, checks).checks;
  return result === undefined ? [] : [result.verdict, result.evidence];
};
const stands = (text: string) => ['failed', expect.stringContaining(text) as string];
const moves = ['ok', expect.any(String) as string];

describe('projector-moves', () => {
  test('names the partition that stands among others that move: where, since when, and who holds it', () => {
    expect(verdict(look([stored(0, '10', 300)]))).toEqual(
      stands(
        '120 records behind, last commit 0 s ago: partition 0 stands at offset 10 for 5 min, and the topic ends at 30 (claimed last by pod:0',
      ),
    );
  });

  test('is well where the second look finds the partition moved: it was idle, and a record has just come', () => {
    expect(verdict(look([stored(0, '10', 300)], [stored(0, '30', 0)]))).toEqual(moves);
  });

  test('is well while the partition committed within the last minute, or has nothing to project', () => {
    expect(verdict(look([stored(0, '10', 59)]))).toEqual(moves);
    expect(verdict(look([stored(0, '30', 86_400)]))).toEqual(moves);
  });

  test('is not well where the clock of Postgres was set back since the commit, and nothing moves', () => {
    expect(verdict(look([stored(0, '10', -3_600)]))).toEqual(stands('partition 0 stands at offset 10, and'));
  });

  test('is not well where nobody has claimed a partition that has records', () => {
    expect(verdict(look([]))).toEqual(
      stands('partition 0 stands at offset 0, and the topic ends at 30 (no projector has claimed it)'),
    );
  });

  test('names a transaction that a producer has left open', () => {
    const marks = new Map(MARKS).set(0, { low: 0n, high: 30n, openFrom: 10n });
    const open = [stored(0, '10', 300)];
    expect(verdict(look(open, open, marks))).toEqual(stands('a transaction open since offset 10'));
    const behindIt = [stored(0, '9', 300)];
    expect(verdict(look(behindIt, behindIt, marks))).toEqual(stands('(claimed last by pod:0'));
  });
});

test('status is wrong with one standing partition, and does not say that the projector catches up', () => {
  const report = reportOf(looked({ facts: { ...look([stored(0, '10', 300)]), oldestSeconds: 300 } }), CONFIG);
  expect(report).toMatchObject({
    state: 'wrong',
    problems: [
      { id: 'projector-moves', severity: 'wrong', section: 'projector' },
      { id: 'lag-late', severity: 'wrong' },
    ],
  });
});

describe('what lies at the stored offset', () => {
  const batch = (first: bigint, last: bigint, leaderEpoch = 1n) => ({
    first,
    last,
    leaderEpoch,
    newestMs: 9n,
  });
  const at = (nextOffset: string, lastBatch: string | null) => ({ ...stored(0, nextOffset, 300), lastBatch });
  /** Batches of three offsets; those that begin at one of `records` hold a record there, the others hold markers. */
  const log =
    (records: readonly bigint[], leaderEpoch = 1n) =>
    (from: bigint): Promise<Stretch> => {
      const first = from - (from % 3n);
      const seen = records.filter((offset) => offset >= from && offset <= first + 2n);
      return Promise.resolve({ batches: [batch(first, first + 2n, leaderEpoch)], records: seen });
    };
  const ENDS = { low: 0n, high: 30n };
  const BATCH = '9 11 1 9';

  test('a remainder of markers is no record that waits, and no partition that stands', async () => {
    const marks = new Map([[0, await lookAtOffset(ENDS, at('12', BATCH), log([]))]]);
    expect(marks.get(0)).toMatchObject({ unreadFrom: 30n, isCut: false });
    const topic = { topicId: 't', partitions: 1, marks };
    expect(backlogOf('t', marks, [at('12', BATCH)])).toMatchObject({ records: 0n });
    const offsets = [at('12', BATCH)];
    expect(verdict({ dataTopic: topic, projection: { offsets }, laterOffsets: offsets })).toEqual(moves);
  });

  test('records behind markers wait, from the first of them on', async () => {
    const marks = new Map([[0, await lookAtOffset(ENDS, at('12', BATCH), log([21n, 24n]))]]);
    const topic = { topicId: 't', partitions: 1, marks };
    expect(backlogOf('t', marks, [at('12', BATCH)])).toMatchObject({ records: 9n });
    const offsets = [at('12', BATCH)];
    expect(verdict({ dataTopic: topic, projection: { offsets }, laterOffsets: offsets })).toEqual(
      stands('partition 0 stands at offset 12'),
    );
  });

  test('what lies behind an open transaction waits', async () => {
    const open = { ...ENDS, openFrom: 18n };
    expect(await lookAtOffset(open, at('12', BATCH), log([24n]))).toMatchObject({ unreadFrom: 18n });
  });

  test('another batch before the stored offset than the one that was projected is a cut', async () => {
    const cut = await lookAtOffset(ENDS, at('12', BATCH), log([12n], 2n));
    expect(cut).toMatchObject({ isCut: true });
    const checks = CHECKS.filter(({ id }) => id === 'offsets-in-range');
    const patch = { dataTopic: { marks: new Map([[0, cut]]) }, projection: { offsets: [at('12', BATCH)] } };
    const [result] = diagnose(gathered(patched(patch)), CONFIG, checks).checks;
    expect(result).toMatchObject({
      verdict: 'failed',
      evidence: expect.stringContaining('TOPIC_CUT') as string,
    });
  });

  test('no batch that is known, or none that the partition still holds, is no cut', async () => {
    expect(await lookAtOffset(ENDS, at('12', null), log([12n], 2n))).toMatchObject({ isCut: false });
    const shorter = { low: 12n, high: 30n };
    expect(await lookAtOffset(shorter, at('12', BATCH), log([12n], 2n))).toMatchObject({ isCut: false });
    const beyond = await lookAtOffset(ENDS, at('31', BATCH), () => Promise.reject(new Error('out of range')));
    expect(beyond).toEqual(ENDS);
  });
});
