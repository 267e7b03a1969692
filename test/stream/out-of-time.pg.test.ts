import { afterEach, expect, test } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';

const topic = usePartitions();

/** Each canonical row takes 100 ms; one that is called `slow` takes as long as the table `speed` says. */
const SLOW_ROWS = `
  CREATE TABLE public.speed (seconds double precision);
  INSERT INTO public.speed VALUES (30);
  CREATE FUNCTION public.slowed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_sleep(CASE NEW.headline WHEN 'slow' THEN (SELECT seconds FROM public.speed) ELSE 0.1 END);
    RETURN NEW;
  END $$;
  CREATE TRIGGER slowed BEFORE INSERT ON public.agent_compliance_runs FOR EACH ROW EXECUTE FUNCTION public.slowed()`;

afterEach(async () => {
  await topic().pool.query(`DROP TRIGGER slowed ON public.agent_compliance_runs;
    DROP FUNCTION public.slowed(); DROP TABLE public.speed`);
});

/** A pool whose transactions have 1 s for a statement, in place of 30 s. */
async function withLittleTime<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
  const bounds = { statementMs: 1_000, lockMs: 0 };
  const pool = createPool({ url: topic().url, name: 'test of little time', connections: 2, bounds });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

test('a batch that runs out of time is tried smaller, and then larger again', async () => {
  await topic().pool.query(SLOW_ROWS);
  const messages = Array.from({ length: 24 }, () => inserted(topic().ownersRow()));
  const held = await topic().claim('one');
  const sizes: number[] = [];
  let retries = 0;
  const result = await withLittleTime((pool) =>
    runRecords({
      ...topic().commit(messages, held, pool),
      committed: ({ read }) => sizes.push(read),
      retrying: () => retries++,
    }),
  );
  expect(result.records).toMatchObject({ applied: 24, quarantined: 0 });
  // 24 and 12 are too many for a second, 6 are not, unless the machine is slow.
  expect(sizes[0]).toBeLessThanOrEqual(6);
  expect(Math.max(...sizes)).toBeGreaterThan(sizes[0] ?? 0);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(24);
  expect(retries).toBeGreaterThanOrEqual(2);
  expect(await topic().stored()).toMatchObject({ nextOffset: 24n });
});

test('a row that runs out of time alone is not parked: it is tried again until it passes, and says so each time', async () => {
  await topic().pool.query(SLOW_ROWS);
  const rows = Array.from({ length: 4 }, () => topic().ownersRow());
  const messages = rows.map((row, index) => inserted(index === 2 ? { ...row, summary: 'slow' } : row));
  const held = await topic().claim('one');
  const alone: bigint[] = [];
  let committed = 0n;
  const result = await withLittleTime((pool) =>
    runRecords({
      ...topic().commit(messages, held, pool),
      committed: (_, nextOffset) => (committed = nextOffset),
      retrying: () => {
        alone.push(committed);
        // All four, two of them, and twice the one that is slow.
        if (alone.length === 4) void topic().execute('UPDATE public.speed SET seconds = 0');
      },
    }),
  );
  expect(alone.slice(0, 4)).toEqual([0n, 2n, 2n, 2n]);
  expect(result.records).toMatchObject({ applied: 4, quarantined: 0 });
  expect(await topic().quarantined()).toEqual([]);
  expect(await topic().ledger(rows[2]?.id ?? '')).toMatchObject({ decision: 'projected' });
});
