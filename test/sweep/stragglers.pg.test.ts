import { beforeEach, describe, expect, test } from 'vitest';
import { LiveWindowMeter } from '../../consumers/agent-test-history/twins/live-window.ts';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { MATCHING } from '../support/run-records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
// Which row is the first live one is up to each test.
beforeEach(async () => {
  await world().pool.query(
    'DELETE FROM public.agent_compliance_step_diagnostics; DELETE FROM public.agent_compliance_runs; DELETE FROM history_cdc.ledger',
  );
});
/** The first live row; the match window before it counts as its time, too. */
const FIRST_LIVE = '2026-03-04T05:06:06.9Z';
const at = (started_at: string) => (owner: Owner) =>
  aRow({ agent_context_id: owner.context, user_id: owner.user, summary: `of ${started_at}`, started_at });

const CASES = {
  before: at('2026-03-04T05:04:06.899999Z'),
  edge: at('2026-03-04T05:04:06.900000Z'),
  after: at('2026-05-01T00:00:00Z'),
};
const reasonOf = async ({ id }: RowValues) => (await world().ledger(id))?.['reason'];
const newMeter = () => new LiveWindowMeter(world().pool, MATCHING);
/** A sweep as `project` does it. */
const sweepWith = async (meter: LiveWindowMeter) =>
  (await swept(world().pool, { meter, matching: { ...MATCHING, firstLiveUs: meter.firstLiveUs } }))
    .stragglers;

async function rowsAround(): Promise<Record<keyof typeof CASES, RowValues>> {
  const owner = await world().owner();
  return { before: CASES.before(owner), edge: CASES.edge(owner), after: CASES.after(owner) };
}

async function aLiveRow(): Promise<void> {
  await world().live({ agent_url: 'https://other.example', tested_at: FIRST_LIVE });
}

describe('a projected row says which kind it is', () => {
  test.each([true, false])(
    'history before the first live row less the window, a straggler since (named at once: %s)',
    async (atOnce) => {
      const rows = await rowsAround();
      await aLiveRow();
      const meter = newMeter();
      await meter.measure();
      if (atOnce) world().firstLiveUs = meter.firstLiveUs;
      await world().project(Object.values(rows).map(inserted));
      expect(await sweepWith(meter)).toBe(2);
      expect(await reasonOf(rows.before)).toBe('history');
      expect(await reasonOf(rows.edge)).toBe('straggler');
      expect(await reasonOf(rows.after)).toBe('straggler');
      await world().project([updated({ ...rows.after, steps_failed: 41 })]);
      expect(await reasonOf(rows.after)).toBe('straggler');
    },
  );

  test('no straggler while the live path has written nothing; once it has, the same rows are', async () => {
    const rows = await rowsAround();
    const meter = newMeter();
    await meter.measure();
    world().firstLiveUs = meter.firstLiveUs;
    await world().project(Object.values(rows).map(inserted));
    expect(await sweepWith(meter)).toBe(0);
    for (const row of Object.values(rows)) expect(await reasonOf(row)).toBe('history');
    await aLiveRow();
    expect(await sweepWith(meter)).toBe(2);
    expect(await reasonOf(rows.before)).toBe('history');
    expect(await reasonOf(rows.edge)).toBe('straggler');
  });

  test('a ledger of an earlier release is named by the first sweep', async () => {
    const rows = await rowsAround();
    await aLiveRow();
    await world().project(Object.values(rows).map(inserted));
    expect(await reasonOf(rows.after)).toBe('owner');
    const meter = newMeter();
    await meter.measure();
    expect(await sweepWith(meter)).toBe(2);
    expect(await reasonOf(rows.before)).toBe('history');
    expect(await reasonOf(rows.edge)).toBe('straggler');
  });

  test('a straggler whose live row comes late stops being one', async () => {
    const owner = await world().owner();
    const row = CASES.after(owner);
    await aLiveRow();
    const meter = newMeter();
    await meter.measure();
    world().firstLiveUs = meter.firstLiveUs;
    await world().project([inserted(row)]);
    expect(await sweepWith(meter)).toBe(1);
    await world().live({ agent_url: owner.url, headline: row.summary, tested_at: row.started_at });
    expect(await sweepWith(meter)).toBe(0);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', reason: 'live_twin' });
  });
});
