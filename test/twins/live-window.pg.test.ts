import { describe, expect, test } from 'vitest';
import { LiveWindowMeter } from '../../consumers/agent-test-history/twins/live-window.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { MATCHING } from '../support/run-records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const FIRST = Date.UTC(2026, 0, 1);
const BYSTANDERS_FIRST = '2026-01-01 00:00:00+00';
const WINDOW_MS = 120_000;
const micros = (ms: number) => BigInt(ms) * 1000n;
/** So many microseconds from a time. */
const timeOf = (ms: number, us = 0) =>
  new Date(ms + Math.floor(us / 1000))
    .toISOString()
    .replace('Z', `${String(((us % 1000) + 1000) % 1000).padStart(3, '0')}Z`);

const runOf = (owner: Owner, values: Partial<RowValues> = {}) =>
  aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
const meterOf = () => new LiveWindowMeter(world().pool, MATCHING);

/** The meter knows of the bystanders' live row, which is of the first of January 2026; no row of ours counts. */
async function measured(): Promise<LiveWindowMeter> {
  const meter = meterOf();
  await meter.measure();
  return meter;
}

async function projected(row: RowValues) {
  await world().project([inserted(row)]);
  return await world().ledger(row.id);
}

describe('runs that may have a live row', () => {
  test('are those since the first live row, less the window, to the microsecond', async () => {
    const meter = await measured();
    expect(meter.floorUs()).toBe(micros(FIRST - WINDOW_MS));
    world().floorUs = meter.floorUs;
    const owner = await world().owner();
    const early = timeOf(FIRST - WINDOW_MS);
    const live = await world().live({ agent_url: owner.url, tested_at: timeOf(FIRST) });
    expect(await projected(runOf(owner, { started_at: early }))).toMatchObject({
      decision: 'twin',
      canonical_run_id: live,
      fingerprint: expect.any(String) as string,
    });
    expect(await projected(runOf(owner, { started_at: timeOf(FIRST - WINDOW_MS, -1) }))).toMatchObject({
      decision: 'projected',
      fingerprint: null,
    });
  });

  test('say from when to when the live path has recorded', async () => {
    await world().live({ agent_url: 'https://a.example', tested_at: '2026-03-01T00:00:00Z' });
    await world().live({ agent_url: 'https://a.example', tested_at: 'infinity' });
    expect(await meterOf().measure()).toEqual({ first: BYSTANDERS_FIRST, last: '2026-03-01 00:00:00+00' });
    await projected(runOf(await world().owner()));
  });

  test('have one under another spelling of the agent’s URL, too', async () => {
    const owner = await world().owner('https://agent.example/mcp');
    const live = await world().live({ agent_url: 'HTTPS://Agent.example/mcp/' });
    world().floorUs = (await measured()).floorUs;
    expect(await projected(runOf(owner))).toMatchObject({ decision: 'twin', canonical_run_id: live });
  });

  test('are those of the last minutes where there is no live row yet: the first may be about to commit', async () => {
    await world().pool.query('DELETE FROM public.agent_compliance_step_diagnostics');
    await world().execute(
      'DELETE FROM public.agent_compliance_runs WHERE history_cdc.is_live_run(triggered_by, observations_json)',
    );
    const meter = meterOf();
    const [before, window, after] = [Date.now(), await meter.measure(), Date.now()];
    expect(window).toEqual({ first: null, last: null });
    const margin = MATCHING.settleAfterUs + MATCHING.windowUs;
    // Postgres rounds to microseconds, JavaScript to milliseconds.
    expect(meter.floorUs()).toBeGreaterThanOrEqual(micros(before - 1) - margin);
    expect(meter.floorUs()).toBeLessThanOrEqual(micros(after + 1) - margin);
    await projected(runOf(await world().owner()));
  });

  test('that nobody has measured are not guessed', async () => {
    expect(() => meterOf().floorUs()).toThrow('has not been measured');
    world().floorUs = meterOf().floorUs;
    const { context, user } = await world().owner();
    const row = aRow({ agent_context_id: context, user_id: user });
    await expect(world().project([inserted(row)])).rejects.toThrow('has not been measured');
    await world().ledger(row.id);
  });

  test('grow with an older live row, and a later one does not take them back', async () => {
    const meter = await measured();
    meter.lower(micros(FIRST - 5_000));
    meter.lower(micros(FIRST + 5_000));
    expect(meter.floorUs()).toBe(micros(FIRST - 5_000 - WINDOW_MS));
    await projected(runOf(await world().owner()));
  });
});

const DAY_BEFORE = timeOf(FIRST - 86_400_000);
/** Only the live rows that a sweep finds lower the floor: it measures the first live row last, and may fail before. */
async function sweptBy(meter: LiveWindowMeter) {
  const lower = (liveAtUs: bigint) => {
    meter.lower(liveAtUs);
  };
  return await swept(world().pool, { matching: { ...MATCHING, floorUs: meter.floorUs }, meter: { lower } });
}

test('history of an agent that opted out skips matching, too, and a sweep finds its live row', async () => {
  const meter = await measured();
  world().floorUs = meter.floorUs;
  const owner = await world().owner();
  await world().registered(owner.url, { optedOut: true });
  const live = await world().live({ agent_url: owner.url, tested_at: DAY_BEFORE });
  const row = runOf(owner, { started_at: DAY_BEFORE });
  expect(await projected(row)).toMatchObject({ decision: 'opted_out' });
  expect((await sweptBy(meter)).relinked).toEqual([row.id]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
});

test('history that retention has pruned since gets its live row: the legacy table says how it looked', async () => {
  const meter = await measured();
  world().floorUs = meter.floorUs;
  const owner = await world().owner();
  const row = runOf(owner, { started_at: DAY_BEFORE });
  await world().legacyRow(row);
  const { canonical_run_id: ours } = (await projected(row)) ?? {};
  await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', ours);
  const live = await world().live({ agent_url: owner.url, tested_at: DAY_BEFORE });
  expect(await sweptBy(meter)).toMatchObject({ absorbed: [row.id], changes: { runsDeleted: 0 } });
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
});

test('history that started before skips matching, though its live row is there; a sweep finds it, and from then on its time is matched', async () => {
  const meter = await measured();
  world().floorUs = meter.floorUs;
  const owner = await world().owner();
  const live = await world().live({ agent_url: owner.url, tested_at: DAY_BEFORE });
  const row = runOf(owner, { started_at: DAY_BEFORE });
  expect(await projected(row)).toMatchObject({ decision: 'projected', fingerprint: null });
  const { absorbed } = await sweptBy(meter);
  expect(absorbed).toEqual([row.id]);
  expect(await world().ledger(row.id)).toMatchObject({
    canonical_run_id: live,
    fingerprint: expect.any(String) as string,
  });
  expect(meter.floorUs()).toBe(micros(FIRST - 86_400_000 - WINDOW_MS));
  expect(await projected(runOf(owner, { started_at: DAY_BEFORE }))).toMatchObject({
    fingerprint: expect.any(String) as string,
  });
});
