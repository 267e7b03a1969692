import { describe, expect, test } from 'vitest';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { aRow, inserted, updated, type RowValues } from '../support/records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

describe('a membership that comes late', () => {
  test("makes a stranger's run an owner's inside the grace window", async () => {
    const owner = await world().owner();
    const row = runOf(owner, { user_id: 'user_who_joins' });
    const other = runOf(owner, { user_id: 'user_who_does_not' });
    await world().legacyRow(row);
    await world().legacyRow(other);
    await world().project([inserted(row), inserted(other)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'third_party' });
    await world().member('user_who_joins', owner.organization);
    expect((await swept(world().pool)).lateOwners.flipped).toEqual(new Map([[row.id, 'projected']]));
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      reason: 'late_owner',
      is_member: true,
      offset: 1,
      op: 'c',
    });
    expect(await world().run(row.id)).toMatchObject({ headline: 'seven of nine', agent_url: owner.url });
    expect(await world().ledger(other.id)).toMatchObject({ decision: 'third_party' });
    expect(await swept(world().pool)).toMatchObject({
      lateOwners: { flipped: new Map(), reported: [] },
      changes: NO_CHANGES,
    });
    expect(await world().replay()).toMatchObject({ changes: NO_CHANGES });
    await world().project([updated({ ...row, summary: 'a later image' })]);
    expect(await world().run(row.id)).toMatchObject({ headline: 'a later image' });
  });

  test('finds the live row of the run, too', async () => {
    const owner = await world().owner();
    const row = runOf(owner, { user_id: 'user_who_joins' });
    await world().legacyRow(row);
    const live = await world().live({ agent_url: owner.url });
    await world().project([inserted(row)]);
    await world().member('user_who_joins', owner.organization);
    expect((await swept(world().pool)).lateOwners.flipped).toEqual(new Map([[row.id, 'twin']]));
    expect(await world().ledger(row.id)).toMatchObject({ canonical_run_id: live });
  });

  test.each(['https://listed.example/"quoted"\\path', 'HTTPS://Listed.Example/MCP//'])(
    'and a listing that comes late does the same, however the agent is spelled: %s',
    async (url) => {
      const owner = await world().owner();
      const context = await world().context(owner.organization, url.toLowerCase());
      const row = runOf(owner, { agent_context_id: context });
      await world().legacyRow(row);
      await world().project([inserted(row)]);
      expect(await world().ledger(row.id)).toMatchObject({ decision: 'third_party', is_member: true });
      expect((await swept(world().pool)).lateOwners.flipped.size).toBe(0);
      await world().profile(owner.organization, [{ url }]);
      expect((await swept(world().pool)).lateOwners.flipped).toEqual(new Map([[row.id, 'projected']]));
    },
  );

  test('is only reported once the grace window is over, and where the agent is not listed it is nothing', async () => {
    const owner = await world().owner();
    const unlisted = await world().context(owner.organization, 'https://unlisted.example');
    await world().profile(owner.organization, [{ url: 'https://unlisted.example/another' }]);
    const [row, at] = [
      runOf(owner, { user_id: 'user_who_joins' }),
      runOf(owner, { agent_context_id: unlisted }),
    ];
    await world().legacyRow(row);
    await world().project([inserted(row), inserted(at)]);
    await world().member('user_who_joins', owner.organization);
    await world().execute(
      "UPDATE history_cdc.ledger SET decided_at = decided_at - interval '24 hours 1 second' WHERE decision = 'third_party'",
    );
    expect((await swept(world().pool)).lateOwners).toMatchObject({ flipped: new Map(), reported: [row.id] });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'third_party' });
    expect(await world().ledger(at.id)).toMatchObject({ decision: 'third_party', is_member: true });
  });

  test('changes nothing for a row that is gone, and an owner decision is not taken back when a member leaves', async () => {
    const owner = await world().owner();
    const gone = runOf(owner, { user_id: 'user_who_joins' });
    const own = runOf(owner);
    await world().project([inserted(gone), inserted(own)]);
    await world().member('user_who_joins', owner.organization);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_user_id = $1',
      owner.user,
    );
    expect((await swept(world().pool)).lateOwners.flipped.size).toBe(0);
    expect(await world().ledger(gone.id)).toMatchObject({ decision: 'third_party' });
    expect(await world().ledger(own.id)).toMatchObject({ decision: 'projected' });
  });
});
