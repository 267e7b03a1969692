import { describe, expect, test } from 'vitest';
import { matchingOf } from '../../consumers/agent-test-history/twins/matching.ts';
import { loadConfig } from '../../lib/config.ts';
import { aRow, inserted } from '../support/records.ts';
import { swept } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

/** As the settings' defaults have it: two minutes, and ten more until a pair is settled. */
const matching = { ...matchingOf(loadConfig({}, undefined)), floorUs: () => -(2n ** 62n) };

test('the window of the settings is two minutes to the microsecond, and a pair settles ten minutes later', async () => {
  expect(matching).toMatchObject({ windowUs: 120_000_000n, settleAfterUs: 720_000_000n });
  const row = aRow({ agent_context_id: (await world().owner()).context, user_id: null });
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'anonymous' });
});

describe.each([
  ['two minutes before', '2026-03-04T05:04:07.123456Z', 'twin'],
  ['a microsecond more before', '2026-03-04T05:04:07.123455Z', 'projected'],
  ['two minutes after', '2026-03-04T05:08:07.123456Z', 'twin'],
  ['a microsecond more after', '2026-03-04T05:08:07.123457Z', 'projected'],
])('a live row %s its run', (_, testedAt, decision) => {
  const aRun = async () => {
    const owner = await world().owner();
    const row = aRow({
      agent_context_id: owner.context,
      user_id: owner.user,
      started_at: '2026-03-04T05:06:07.123456Z',
    });
    return { row, live: { agent_url: owner.url, tested_at: testedAt } };
  };

  test(`that is there when the run comes makes it ${decision}`, async () => {
    const { row, live } = await aRun();
    await world().live(live);
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision });
  });

  test(`that comes later leaves it ${decision}`, async () => {
    const { row, live } = await aRun();
    await world().project([inserted(row)]);
    await world().live(live);
    await swept(world().pool, { matching });
    expect(await world().ledger(row.id)).toMatchObject({ decision });
  });
});
