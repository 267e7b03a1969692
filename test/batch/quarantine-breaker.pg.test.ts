import { describe, expect, test } from 'vitest';
import { Fenced, takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { QuarantineBreaker } from '../../consumers/agent-test-history/batch/quarantine-breaker.ts';
import { createPool } from '../../lib/postgres.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { everything } from '../support/fingerprint.ts';
import { usePartitions } from '../support/partitions.ts';
import { deleted, inserted, rawRecord, type Message } from '../support/records.ts';
import { noBreaker, runRecords } from '../support/run-records.ts';
import { useSessions, whereabouts } from '../support/waiting.ts';

const topic = usePartitions();
const sessions = useSessions();

/** Two of ten records may be parked. */
const twoOfTen = () => new QuarantineBreaker({ maxShare: 0.2, window: 10 });

const good = () => inserted(topic().ownersRow());
const bad = () => rawRecord(topic().ownersRow().id, {});
/** Decoded without a complaint, and refused by Postgres. */
const refused = () => inserted({ ...topic().ownersRow(), agent_profile_json: '{"a": ' });
const keyless = (): Message => ({ ...good(), id: null, key: null });

const some = (count: number, make: () => Message) => Array.from({ length: count }, make);
const parked = async () => (await topic().quarantined()).length;

describe('records that go to the quarantine', () => {
  test('stop the projector beyond the share: that transaction is rolled back, and what stood before it stays', async () => {
    const messages = [...some(5, good), bad(), ...some(3, good), bad(), good(), good(), bad(), good()];
    const run = { ...topic().commit(messages, await topic().claim('one')), rows: 5 };
    const breaker = twoOfTen();
    await expect(runRecords({ ...run, breaker })).rejects.toMatchObject({
      code: 'QUARANTINE_BREAKER',
      facts: { reason: 'unmappable', partition: 0, offset: '12' },
    });
    expect(await topic().effects()).toEqual({ decisions: 8, runs: 8 });
    expect(await parked()).toBe(2);
    expect(await topic().stored()).toMatchObject({ nextOffset: 10n });

    const held = await topic().claim('two');
    const rest = { ...topic().commit([], held), records: run.records.slice(10) };
    const result = await runRecords({ ...rest, breaker: noBreaker() });
    expect(result.records).toMatchObject({ applied: 3, quarantined: 1 });
    expect(await topic().effects()).toEqual({ decisions: 11, runs: 11 });
    expect(await parked()).toBe(3);
    expect(await topic().stored()).toMatchObject({ nextOffset: 14n });
  });

  test('stop nothing at the share, however long the stream is', async () => {
    const messages = Array.from({ length: 40 }, (_, index) => (index % 5 === 4 ? bad() : good()));
    for (const rows of [1, 7, 40]) {
      await topic().reset();
      const run = topic().commit(messages, await topic().claim('one'));
      const result = await runRecords({ ...run, rows, breaker: twoOfTen() });
      expect(result.records).toMatchObject({ applied: 32, quarantined: 8 });
      expect(await topic().stored()).toMatchObject({ nextOffset: 40n });
    }
  });

  test('stop it also where Postgres refuses them, one by one: those before the third are parked', async () => {
    const messages = [good(), refused(), good(), refused(), good(), refused(), good(), good()];
    const run = topic().commit(messages, await topic().claim('one'));
    await expect(runRecords({ ...run, breaker: twoOfTen() })).rejects.toMatchObject({
      code: 'QUARANTINE_BREAKER',
      facts: { reason: 'rejected_by_postgres', offset: '5' },
    });
    expect(await topic().effects()).toEqual({ decisions: 3, runs: 3 });
    expect(await parked()).toBe(2);
    expect(await topic().stored()).toMatchObject({ nextOffset: 5n });
  });

  test('are counted where they lie in the topic, not where the batch met them', async () => {
    const messages = [bad(), bad(), ...some(12, good), keyless()];
    const run = topic().commit(messages, await topic().claim('one'));
    const result = await runRecords({ ...run, breaker: twoOfTen() });
    expect(result.records).toMatchObject({ applied: 12, quarantined: 3 });
  });

  test('are counted over all partitions of the process', async () => {
    const breaker = twoOfTen();
    for (const partition of [0, 1]) {
      const run = topic().commit([good(), bad()], await topic().claim('one', partition));
      await runRecords({ ...run, breaker });
    }
    const run = topic().commit([good(), bad()], await topic().claim('one', 2));
    await expect(runRecords({ ...run, breaker })).rejects.toMatchObject({
      code: 'QUARANTINE_BREAKER',
      facts: { partition: 2, offset: '1' },
    });
    expect(await topic().stored(2)).toMatchObject({ nextOffset: 0n });
    expect(await parked()).toBe(2);
  });

  test.each([
    ['when Postgres has committed and answers', 'answer'],
    ['before COMMIT reaches Postgres', 'before'],
  ] as const)('count once, though the connection is cut %s', async (_, when) => {
    const proxy = await startCuttingProxy(topic().url);
    const pool = createPool({ url: proxy.url, name: 'test behind a proxy', connections: 2 });
    const breaker = twoOfTen();
    try {
      const { claim } = await topic().claim('one');
      const run = topic().commit([bad(), good(), bad(), bad()], { claim, nextOffset: 0n }, pool);
      proxy.cutOnce(when, 'COMMIT\0');
      await runRecords({ ...run, records: run.records.slice(0, 3), breaker });
      expect(proxy.cuts).toBe(1);
      expect(await parked()).toBe(2);
      const third = { ...run, records: run.records.slice(3), breaker };
      await expect(runRecords(third)).rejects.toMatchObject({ code: 'QUARANTINE_BREAKER' });
      expect(await topic().stored()).toMatchObject({ nextOffset: 3n });
    } finally {
      await pool.end();
      await proxy.close();
    }
  });
});

test('a transaction that was given up because another took the partition over counts no more', async () => {
  const known = topic().ownersRow();
  const breaker = twoOfTen();
  await runRecords(topic().commit([inserted(known)], await topic().claim('first')));
  const proxy = await startCuttingProxy(topic().url);
  try {
    const held = await sessions.hold(topic().pool, 'SELECT FROM history_cdc.ledger FOR UPDATE');
    const { claim } = await topic().claim('first');
    const messages = [bad(), bad(), deleted(known.id)];
    const first = sessions.poolOf(proxy.url, 'first');
    proxy.cutOnce('before', 'COMMIT\0');
    const run = runRecords({ ...topic().commit(messages, { claim, nextOffset: 1n }, first), breaker });
    expect(await whereabouts(topic().pool, 'first', run)).toBe('another row');
    const second = sessions.poolOf(topic().url, 'second');
    const taken = takeOver(second, { topicId: claim.topicId, partition: 0, offset: 0n }, 'second');
    expect(await whereabouts(topic().pool, 'second', taken)).toBe('another row');
    await held.release();
    await expect(run).rejects.toBeInstanceOf(Fenced);
    expect(proxy.cuts).toBe(1);
    const other = topic().commit([bad(), bad()], await topic().claim('other', 1));
    expect((await runRecords({ ...other, breaker })).records.quarantined).toBe(2);
  } finally {
    await proxy.close();
  }
});

describe('without committing offsets', () => {
  test('a dry run stops as the run would, and leaves nothing', async () => {
    const run = topic().commit([good(), ...some(3, bad)], await topic().claim('one'));
    const before = await everything(topic().pool);
    const dryRun = { ...run, mode: { kind: 'dry_run' }, breaker: twoOfTen() } as const;
    await expect(runRecords(dryRun)).rejects.toMatchObject({ code: 'QUARANTINE_BREAKER' });
    expect(await everything(topic().pool)).toEqual(before);
  });

  test('a replay stops where it meets too much that was never read', async () => {
    const run = topic().commit([good(), ...some(3, bad)], await topic().claim('one'));
    const replay = { ...run, mode: { kind: 'replay' }, breaker: twoOfTen() } as const;
    await expect(runRecords(replay)).rejects.toMatchObject({ code: 'QUARANTINE_BREAKER' });
    expect(await parked()).toBe(0);
  });

  test('nothing stops at what lies in quarantine already, with and without a key, or with a canonical row', async () => {
    const rows = some(4, good);
    const later = rows.map(({ id }) => rawRecord(id ?? '', {}));
    const messages = [...rows, ...later, ...some(4, keyless), ...some(4, bad), ...some(4, refused)];
    const run = topic().commit(messages, await topic().claim('one'));
    const { records } = await runRecords({ ...run, breaker: noBreaker() });
    expect(records).toMatchObject({ applied: 4, quarantined: 16 });
    const before = await everything(topic().pool);
    for (const kind of ['replay', 'dry_run'] as const) {
      for (const size of [1, 100]) {
        const breaker = new QuarantineBreaker({ maxShare: 0, window: 1000 });
        const again = await runRecords({ ...run, mode: { kind }, rows: size, breaker });
        expect(again.read).toBe(20);
      }
    }
    expect(await everything(topic().pool)).toEqual(before);
  });

  test('what is new among it is counted all the same', async () => {
    const messages = [keyless(), bad(), good(), keyless()];
    const run = topic().commit(messages, await topic().claim('one'));
    await runRecords({ ...run, records: run.records.slice(0, 3) });
    const breaker = new QuarantineBreaker({ maxShare: 0, window: 1000 });
    await expect(runRecords({ ...run, mode: { kind: 'replay' }, breaker })).rejects.toMatchObject({
      code: 'QUARANTINE_BREAKER',
      facts: { offset: '3' },
    });
  });
});
