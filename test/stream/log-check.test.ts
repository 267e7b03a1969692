import { describe, expect, test } from 'vitest';
import { LogCheck } from '../../consumers/agent-test-history/stream/log-check.ts';
import { formatBatch, parseBatch, type BatchMark } from '../../lib/kafka-batch.ts';

/** `epoch`, and the newest time, are 3 and 1,000 unless told. */
const batch = (first: bigint, last: bigint, { epoch = 3n, ms = 1_000n } = {}): BatchMark => ({
  first,
  last,
  leaderEpoch: epoch,
  newestMs: ms,
});
const read = (fetchedOffset: bigint, ...batches: BatchMark[]) => ({
  fetchedOffset,
  batches,
  nextOffset: (batches.at(-1)?.last ?? fetchedOffset - 1n) + 1n,
});
/** Everything before 20 was read, and lies in the batch 10 to 19. */
const begun = () => new LogCheck(20n, batch(10n, 19n), 0n);

describe('a partition that is begun', () => {
  test('is read from the last offset that was read before, and on where the batch is the same', () => {
    const log = begun();
    expect(log.from).toBe(19n);
    const fetched = read(19n, batch(10n, 19n), batch(20n, 24n, { epoch: 5n, ms: 2_000n }));
    expect(log.judge(fetched)).toBe('take');
    log.taken(fetched);
    expect(log.from).toBe(25n);
    expect(log.judge(read(25n))).toBe('take');
  });

  test.each([
    ['of another leader', batch(10n, 19n, { epoch: 4n })],
    ['that begins elsewhere', batch(15n, 19n)],
    ['that ends elsewhere', batch(10n, 22n)],
    ['that is newer', batch(10n, 19n, { ms: 1_001n })],
  ])('is cut where a batch lies there %s', (_, found) => {
    expect(begun().judge(read(19n, found))).toBe('cut');
  });

  test('is read on where compaction has taken records out of the batch, or the whole batch', () => {
    expect(begun().judge(read(19n, batch(10n, 19n, { ms: 900n })))).toBe('take');
    expect(begun().judge(read(19n, batch(30n, 34n)))).toBe('take');
  });

  test('waits where the fetch has brought nothing', () => {
    const log = begun();
    expect(log.judge(read(19n))).toBe('take');
    expect(log.from).toBe(19n);
  });

  test('is read from its next offset where nothing is known, or what lies before is deleted', () => {
    expect(new LogCheck(20n, null, 0n).from).toBe(20n);
    // Somebody has moved the stored offset by hand.
    expect(new LogCheck(7n, batch(10n, 19n), 0n).from).toBe(7n);
    expect(new LogCheck(30n, batch(10n, 19n), 0n).from).toBe(30n);
    expect(new LogCheck(20n, batch(10n, 19n), 20n).from).toBe(20n);
    const log = begun();
    log.beginsAt(20n);
    expect(log.from).toBe(20n);
  });
});

describe('a partition that is being read', () => {
  const running = () => {
    const log = begun();
    log.taken(read(19n, batch(10n, 19n), batch(20n, 29n)));
    log.judge(read(30n, batch(30n, 30n)));
    return log;
  };

  test('is looked back at when another leader has written, and cut where that leader does not have the last batch', () => {
    for (const [found, verdict] of [
      [batch(20n, 29n), 'take'],
      [batch(24n, 33n, { epoch: 4n }), 'cut'],
    ] as const) {
      const log = new LogCheck(30n, batch(20n, 29n), 30n);
      expect(log.judge(read(30n, batch(30n, 33n, { epoch: 4n })))).toBe('look_back');
      expect(log.from).toBe(29n);
      expect(log.judge(read(29n, found, batch(34n, 40n, { epoch: 4n })))).toBe(verdict);
    }
  });

  test('is not read on from elsewhere, where kafkajs goes by itself', () => {
    const log = new LogCheck(30n, batch(20n, 29n), 30n);
    expect(log.judge(read(0n, batch(0n, 9n)))).toBe('elsewhere');
    expect(log.judge(read(40n, batch(40n, 49n)))).toBe('elsewhere');
    expect(running().from).toBe(29n);
  });
});

test('a batch is stored as text and comes back as it was', () => {
  const mark = batch(0n, 9_007_199_254_740_993n, { epoch: -1n, ms: 1_764_500_000_000n });
  expect(parseBatch(formatBatch(mark))).toEqual(mark);
});

describe('a batch of another leader that does not fit into one answer with the batch before it', () => {
  const old = batch(10n, 19n);
  const large = batch(20n, 20n, { epoch: 5n });
  /** What an answer with room for one batch has. */
  const one = (from: bigint, log: readonly BatchMark[]) =>
    read(from, ...log.filter(({ last }) => last >= from).slice(0, 1));

  test.each([
    ['at the beginning', begun],
    [
      'while it is read',
      () => {
        const log = begun();
        log.judge(read(19n, old));
        return log;
      },
    ],
  ])('%s is taken after one look back', (_, start) => {
    const log = start();
    const judged: string[] = [];
    for (let fetches = 0; log.from < 21n && fetches < 6; fetches++) {
      const fetched = one(log.from, [old, large]);
      const verdict = log.judge(fetched);
      judged.push(`${verdict} ${String(fetched.fetchedOffset)}`);
      if (verdict === 'take') log.taken(fetched);
    }
    expect(judged.slice(-3)).toEqual(['look_back 20', 'take 19', 'take 20']);
  });

  test('makes it look back once more where a third leader has come meanwhile', () => {
    const log = begun();
    log.judge(read(19n, old));
    expect(log.judge(one(20n, [large]))).toBe('look_back');
    expect(log.judge(one(19n, [old]))).toBe('take');
    expect(log.judge(one(20n, [batch(20n, 20n, { epoch: 6n })]))).toBe('look_back');
    expect(log.judge(one(19n, [batch(10n, 19n, { epoch: 6n })]))).toBe('cut');
  });
});
