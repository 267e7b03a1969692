import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { relink } from '../../consumers/agent-test-history/twins/relink.ts';
import { inTransaction } from '../../lib/postgres.ts';
import { Conflict } from '../../lib/postgres-errors.ts';
import { everything } from '../support/fingerprint.ts';
import { aRow, inserted, updated } from '../support/records.ts';
import { swept } from '../support/swept.ts';
import type { Owner, Row } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const rowOf = (owner: Owner) => aRow({ agent_context_id: owner.context, user_id: owner.user });

async function canonicalRow(id: string): Promise<Row | undefined> {
  const { rows } = await world().pool.query<{ row: Row }>(
    'SELECT to_jsonb(r) AS row FROM public.agent_compliance_runs r WHERE id = $1',
    [id],
  );
  return rows[0]?.row;
}

test('a canonical row of somebody else that has our id is not overwritten', async () => {
  const row = rowOf(await world().owner());
  const id = canonicalRunId(row.id);
  await world().live({ id, agent_url: 'https://elsewhere.example' });
  const before = await canonicalRow(id);
  await world().project([inserted(row)]);
  expect(await canonicalRow(id)).toEqual(before);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', canonical_run_id: id });
});

test('a ledger that takes a live row for one of ours makes nobody delete it', async () => {
  const owner = await world().owner();
  const row = rowOf(owner);
  await world().project([inserted(row)]);
  const taken = await world().live({ agent_url: owner.url, headline: 'of another run' });
  await world().execute(
    'UPDATE history_cdc.ledger SET canonical_run_id = $2 WHERE legacy_id = $1',
    ...[row.id, taken],
  );
  const before = await canonicalRow(taken);
  const live = await world().live({ agent_url: owner.url });
  const { absorbed } = await swept(world().pool);
  expect(absorbed).toEqual([row.id]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
  expect(await canonicalRow(taken)).toEqual(before);
});

test('a ledger that was lost and is built anew leaves no row of ours beside the live one', async () => {
  const owner = await world().owner();
  const row = rowOf(owner);
  await world().project([inserted(row)]);
  await world().execute('DELETE FROM history_cdc.ledger WHERE legacy_id = $1', row.id);
  const live = await world().live({ agent_url: owner.url });
  await world().project([updated(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin', canonical_run_id: live });
  expect(await canonicalRow(canonicalRunId(row.id))).toBeUndefined();
});

test('a link that somebody changed by hand meanwhile is not changed, and nothing beside it', async () => {
  const owner = await world().owner();
  const [row, other] = [rowOf(owner), rowOf(owner)];
  await world().project([inserted(row), inserted(other)]);
  expect(await world().ledger(other.id)).toMatchObject({ decision: 'projected' });
  const live = await world().live({ agent_url: owner.url });
  const before = await everything(world().pool);
  const change = ({ id }: typeof row, was: string, becomes: string) => ({
    legacyId: id,
    was: { decision: 'projected' as const, canonicalRunId: was },
    reason: 'owner',
    becomes: { decision: 'twin' as const, canonicalRunId: becomes, reason: 'live_twin' },
  });
  const second = await world().live({ agent_url: owner.url });
  const relinked = inTransaction(world().pool, (client) =>
    relink(client, [change(row, canonicalRunId(row.id), live), change(other, live, second)]),
  );
  await expect(relinked).rejects.toBeInstanceOf(Conflict);
  expect(await everything(world().pool)).toMatchObject(before);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
});
