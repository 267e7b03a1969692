import { describe, expect, test } from 'vitest';
import {
  aRow,
  deleted,
  incrementalSnapshotOf,
  inserted,
  rawRecord,
  snapshotOf,
  updated,
  type RowValues,
} from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

/** As if everything had been decided before the grace window (24 hours). */
async function aDayLater(): Promise<void> {
  await world().execute(`UPDATE history_cdc.ledger SET decided_at = decided_at - interval '25 hours'`);
}

async function join(user: string, organization: string): Promise<void> {
  await world().member(user, organization);
}

async function strangersRow(): Promise<{ row: RowValues; becomesOwner: () => Promise<void> }> {
  const { organization, context } = await world().owner();
  const row = aRow({ agent_context_id: context, user_id: 'user_stranger' });
  return { row, becomesOwner: () => join('user_stranger', organization) };
}

describe('a snapshot that reads a row as the ledger has it decides nothing anew, beyond the grace window', () => {
  test.each([
    ['an incremental one', incrementalSnapshotOf],
    ['an initial one', snapshotOf],
  ])('%s: a stranger who became a member since stays a stranger', async (_, read) => {
    const { row, becomesOwner } = await strangersRow();
    await world().project([inserted(row)]);
    await aDayLater();
    await becomesOwner();
    const before = await world().ledger(row.id);
    const { records, decisions } = await world().project([read(row)]);
    expect({ records, decisions }).toMatchObject({ records: { applied: 1 }, decisions: {} });
    const { decided_at, content_hash } = before ?? {};
    expect(await world().ledger(row.id)).toEqual({
      ...before,
      ...{
        decided_at,
        content_hash,
        offset: 2,
        op: 'r',
        snapshot: true,
        lsn: (await world().ledger(row.id))?.['lsn'],
      },
    });
    expect(await world().run(row.id)).toBeUndefined();
  });

  test('anonymous, opted out, orphaned, and an owner’s run that was moved away keep their decisions', async () => {
    const owner = await world().owner();
    const [foreign, optedOut, lost] = [await world().owner(), await world().owner(), await world().owner()];
    await world().registered(optedOut.url, { optedOut: true });
    const rows = {
      anonymous: aRow({ agent_context_id: owner.context, user_id: null }),
      opted_out: aRow({ agent_context_id: optedOut.context, user_id: optedOut.user }),
      orphaned: aRow({ agent_context_id: lost.context, user_id: lost.user }),
      moved: aRow({ agent_context_id: owner.context, user_id: owner.user }),
    };
    const moved = { ...rows.moved, agent_context_id: foreign.context };
    await world().execute('DELETE FROM public.agent_contexts WHERE id = $1', lost.context);
    await world().project([...Object.values(rows).map(inserted), updated(moved)]);
    await aDayLater();
    await world().execute(
      `UPDATE public.agent_registry_metadata SET compliance_opt_out = false WHERE agent_url = $1`,
      optedOut.url,
    );
    await world().execute(
      'INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3)',
      ...[lost.context, lost.organization, lost.url],
    );
    await join(owner.user, foreign.organization);
    const was = await Promise.all(Object.values(rows).map(async ({ id }) => await world().ledger(id)));
    const { decisions } = await world().project([
      ...[rows.anonymous, rows.opted_out, rows.orphaned, moved].map(incrementalSnapshotOf),
    ]);
    expect(decisions).toEqual({});
    for (const [index, { id }] of Object.values(rows).entries()) {
      const { decision, reason, decided_at, agent_url } = was[index] ?? {};
      expect(await world().ledger(id)).toMatchObject({
        decision,
        reason,
        decided_at,
        agent_url,
        op: 'r',
        snapshot: true,
      });
    }
    expect(await world().ledger(rows.moved.id)).toMatchObject({ reason: 'moved_to_agent_not_owned' });
    expect(await world().run(rows.moved.id)).toMatchObject({ agent_url: owner.url });
  });

  test('inside the grace window it may, and what comes to the same does not open the window again', async () => {
    const [late, same] = [await strangersRow(), await strangersRow()];
    const other = { ...same.row, user_id: 'user_other' };
    await world().project([inserted(late.row), inserted(other)]);
    await late.becomesOwner();
    const { decided_at } = (await world().ledger(other.id)) ?? {};
    await world().project([incrementalSnapshotOf(late.row), incrementalSnapshotOf(other)]);
    expect(await world().ledger(late.row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().ledger(other.id)).toMatchObject({ decision: 'third_party', decided_at, offset: 4 });
  });
});

describe('a snapshot that reads something else decides anew', () => {
  test('another content: an update of the row was missed', async () => {
    const { row, becomesOwner } = await strangersRow();
    await world().project([inserted(row)]);
    await aDayLater();
    await becomesOwner();
    await world().project([incrementalSnapshotOf({ ...row, steps_failed: 41 })]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(row.id)).toMatchObject({ tracks_failed: 41 });
  });

  test('a row that was deleted: it was inserted again', async () => {
    const { row, becomesOwner } = await strangersRow();
    await world().project([inserted(row), deleted(row.id)]);
    await aDayLater();
    await becomesOwner();
    await world().project([incrementalSnapshotOf(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', source_deleted_at: null });
  });

  test('a row that lies in quarantine: the snapshot’s row heals it', async () => {
    const { row, becomesOwner } = await strangersRow();
    await world().project([inserted(row), rawRecord(row.id, {})]);
    await aDayLater();
    await becomesOwner();
    await world().project([incrementalSnapshotOf(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect((await world().quarantined()).filter(({ healed_at }) => healed_at === null)).toEqual([]);
  });

  test('and an update that changes nothing is a change: it decides anew', async () => {
    const { row, becomesOwner } = await strangersRow();
    await world().project([inserted(row)]);
    await aDayLater();
    await becomesOwner();
    await world().project([updated(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
  });
});
