import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { allSpoiled, cleanRows, CORRUPTIONS, spoiled, type Rows } from '../support/corruptions.ts';
import { ONLY_KNOWN_ROWS, reconciled, type Reconciled } from '../support/reconciled.ts';
import { RunningSource } from '../support/running-source.ts';
import { TestSlot } from '../support/slot.ts';
import { useWorld } from '../support/world.ts';

// A writer never stops, and some of what it wrote is always on its way to the ledger.
const world = useWorld();
let source: RunningSource | undefined;
let slot: TestSlot;
beforeAll(async () => {
  slot = await TestSlot.create(world().superuserUrl, 'writing');
});
afterAll(async () => {
  await slot.drop();
});
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});
afterEach(async () => {
  await source?.stop();
  source = undefined;
});

/** Rows of each decision beside those of the writer, which is at it from here on. */
async function rowsBesideAWriter(): Promise<Rows> {
  const rows = await cleanRows(world());
  source = new RunningSource(world().url, await world().owner());
  await source.start();
  return rows;
}

const SUSPECTS = `SELECT count(*)::integer AS suspects FROM history_cdc.reconcile_finding WHERE phase = 'legacy'`;

/** As a command does it: what was found is looked at again until it is gone, or the stream has passed. */
async function comparedMeanwhile(settleSeconds: number): Promise<Reconciled> {
  let suspected: Promise<number> | undefined;
  const before = source?.written ?? 0;
  const topicEnds = () => Promise.resolve(source?.topicEnds() ?? 'there is no source');
  const compared = await slot.beating(
    reconciled(world().pool, {
      sourceIsQuiet: false,
      settleSeconds,
      chunkRows: 100,
      stream: { legacy: world().pool, slot: slot.name, topicEnds },
      onProgress: ({ phase }) => {
        if (phase === 'ledger') suspected ??= countSuspects();
      },
    }),
  );
  expect(source?.written, 'the writer wrote meanwhile').toBeGreaterThan(before);
  expect(await suspected, 'rows were on their way when they were compared').toBeGreaterThan(0);
  return compared;
}

async function countSuspects(): Promise<number> {
  return (await world().pool.query<{ suspects: number }>(SUSPECTS)).rows[0]?.suspects ?? 0;
}

/** A live row waits to the end for a sweep to take it over. */
const settleSecondsFor = (kind: string) => (kind === 'suspected_twin' || kind === 'nearer_twin' ? 4 : 20);

describe('while a writer writes, reconcile', () => {
  test('finds nothing where nothing is wrong but what is on its way', async () => {
    await rowsBesideAWriter();
    const { run, named } = await comparedMeanwhile(20);
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'proven', named: [] });
  });

  test.each(CORRUPTIONS)('finds $what as $kind, and nothing that is on its way', async (corruption) => {
    const expected = await spoiled(world(), await rowsBesideAWriter(), corruption);
    const { run, named } = await comparedMeanwhile(settleSecondsFor(corruption.kind));
    expect({ verdict: run.verdict, named }).toEqual({ verdict: 'wrong', named: expected.sort() });
  });

  test('finds all of them at once, each confirmed, and nothing that is on its way', async () => {
    const expected = await allSpoiled(world(), await rowsBesideAWriter());
    const { findings, named } = await comparedMeanwhile(20);
    expect(named).toEqual(expected.sort());
    expect(findings.map(({ state }) => state)).toEqual(findings.map(() => 'confirmed'));
  });
});
