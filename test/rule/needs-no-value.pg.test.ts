import { describe, expect, test } from 'vitest';
import { aRow, deleted, inserted, updated, type RowValues } from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
const open = { healed_at: null };

async function ownersRow(values: Partial<RowValues> = {}): Promise<RowValues> {
  const owner = await world().owner();
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** As a context's deletion takes its rows with it. */
async function dropContext({ agent_context_id }: RowValues): Promise<void> {
  await world().execute('DELETE FROM public.agent_contexts WHERE id = $1', agent_context_id);
}

describe('values that an event left out, and that nobody has any more, park no row whose decision does not need them', () => {
  test.each(['steps_json', 'summary', 'scenario', 'agent_profile_json', 'user_id'] as const)(
    'orphaned: its context is gone, too, and its update left %s out',
    async (column) => {
      const row = await ownersRow();
      await dropContext(row);
      const { decisions } = await world().project([inserted(row), updated(row, column), deleted(row.id)]);
      expect(decisions).toEqual({ orphaned: 2 });
      expect(await world().ledger(row.id)).toMatchObject({
        decision: 'orphaned',
        reason: 'context_missing',
        user_id: row.user_id,
        content_hash: null,
        offset: 3,
      });
      expect(await world().quarantined()).toEqual([]);
    },
  );

  test('orphaned: the update is all that was ever seen of it', async () => {
    const row = await ownersRow();
    await dropContext(row);
    await world().project([updated(row, 'steps_json', 'summary')]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'orphaned', content_hash: null });
  });

  test('third party, anonymous', async () => {
    const [strangers, nobodys] = [
      await ownersRow({ user_id: 'stranger' }),
      await ownersRow({ user_id: ' ' }),
    ];
    await world().project([
      updated(strangers, 'summary', 'steps_json'),
      updated(nobodys, 'agent_profile_json'),
    ]);
    expect(await world().ledger(strangers.id)).toMatchObject({ decision: 'third_party', content_hash: null });
    expect(await world().ledger(nobodys.id)).toMatchObject({ decision: 'anonymous', content_hash: null });
  });

  test('opted out, with its twin before the opt-out', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const alone = aRow({ agent_context_id: owner.context, user_id: owner.user, summary: 'alone' });
    const recorded = aRow({ agent_context_id: owner.context, user_id: owner.user, summary: 'recorded' });
    const live = await world().live({
      agent_url: owner.url,
      headline: 'recorded',
      tested_at: recorded.started_at,
    });
    await world().project([
      updated(alone, 'agent_profile_json', 'steps_json'),
      updated(recorded, 'steps_json'),
    ]);
    expect(await world().ledger(alone.id)).toMatchObject({ decision: 'opted_out', content_hash: null });
    expect(await world().ledger(recorded.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
  });
});

describe('what a decision needs parks its row', () => {
  test.each(['summary', 'scenario', 'agent_profile_json', 'steps_json'] as const)(
    '%s of a run that would be projected',
    async (column) => {
      const row = await ownersRow();
      await world().project([updated(row, column)]);
      expect(await world().ledger(row.id)).toMatchObject({
        decision: 'quarantined',
        reason: 'value_unavailable',
      });
      expect(await world().quarantined()).toMatchObject([open]);
    },
  );

  test('the user, where the ledger does not have it', async () => {
    const row = await ownersRow();
    await dropContext(row);
    await world().project([updated(row, 'user_id')]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined', user_id: null });
  });

  test('the headline of a run that opted out, where a live row may be its twin; not before the first live row', async () => {
    const owner = await world().owner();
    await world().registered(owner.url, { optedOut: true });
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    const early = { ...row, id: '5f2c1d0e-aaaa-4bbb-8ccc-000000000001', started_at: '2024-01-01T00:00:00Z' };
    world().floorUs = () => BigInt(Date.UTC(2025, 0, 1)) * 1000n;
    await world().project([updated(row, 'summary'), updated(early, 'summary')]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    expect(await world().ledger(early.id)).toMatchObject({ decision: 'opted_out', fingerprint: null });
  });
});
