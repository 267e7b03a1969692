import { describe, expect, test } from 'vitest';
import { aRow, deleted, inserted, rawRecord, updated } from '../support/records.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const rowOf = (owner: Owner) => aRow({ agent_context_id: owner.context, user_id: owner.user });

/** A context of another organisation, on another agent, that the same user owns too. */
async function anotherAgentOf({ user }: Owner): Promise<Owner> {
  const other = await world().owner();
  await world().member(user, other.organization);
  return { ...other, user };
}

describe('a row that stands on somebody else’s canonical row', () => {
  test('adopted: updates, moves and deletes leave the copy as it is, byte for byte', async () => {
    const owner = await world().owner();
    const strange = await world().owner();
    const row = rowOf(owner);
    const copy = await world().scriptCopy(row.id);
    // The harness compares every canonical row that is not ours, the copy among them, after each step.
    await world().project([inserted(row)]);
    await world().project([
      updated({ ...row, summary: 'changed', steps_passed: 0 }),
      updated({ ...row, agent_context_id: strange.context }),
    ]);
    await world().project([deleted(row.id), inserted({ ...row, summary: 'again' })]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'adopted',
      reason: 'script_copy',
      canonical_run_id: copy,
      offset: 5,
      source_deleted_at: null,
    });
  });

  test('adopted: with values left out, the hash is that of the whole row', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().scriptCopy(row.id);
    await world().legacyRow(row);
    await world().project([inserted(row)]);
    const hash = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated(row, 'summary', 'agent_profile_json', 'scenario', 'user_id')]);
    expect(await world().ledger(row.id)).toMatchObject({ content_hash: hash, offset: 2 });
  });

  test('adopted: with values left out that nobody has any more, only the position moves', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().scriptCopy(row.id);
    await world().project([inserted(row)]);
    const hash = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated({ ...row, steps_passed: 0 }, 'summary')]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'adopted',
      content_hash: hash,
      offset: 2,
    });
    expect(await world().quarantined()).toEqual([]);
  });

  test('adopted: an update whose values nobody has any more heals nothing that was parked before', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().scriptCopy(row.id);
    await world().project([inserted(row), rawRecord(row.id, {}), updated(row, 'summary')]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'adopted', offset: 3 });
    expect(await world().quarantined()).toMatchObject([{ offset: 2, healed_at: null }]);
    await world().project([updated(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'adopted', offset: 4 });
    expect((await world().quarantined()).map(({ healed_at }) => healed_at)).not.toContain(null);
  });
});

describe('a row that the live path had recorded', () => {
  test('keeps its link, and the live row every byte, through updates, moves, deletes and a re-insert', async () => {
    const live = 'b0000000-0000-4000-8000-000000000001';
    const owner = await world().owner();
    const strange = await world().owner();
    const row = rowOf(owner);
    await world().execute(
      `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, agent_context_id,
         user_id, is_member, lists_agent, topic_id, partition, "offset", op, snapshot)
       VALUES ($1, 'twin', 'matched', $2, 1, $3, $4, true, true, $5, 0, 0, 'r', true)`,
      ...[row.id, live, owner.context, owner.user, TOPIC_ID],
    );
    await world().project([
      updated({ ...row, summary: 'changed' }),
      updated({ ...row, agent_context_id: strange.context }),
      deleted(row.id),
      inserted({ ...row, user_id: null }),
    ]);
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'twin',
      reason: 'matched',
      canonical_run_id: live,
      offset: 4,
      source_deleted_at: null,
    });
    expect(await world().run(row.id)).toMatchObject({ id: live, headline: 'live run' });
  });
});

describe('a canonical row that retention pruned', () => {
  test('is never written again by later events, and the ledger goes on', async () => {
    const owner = await world().owner();
    const second = await anotherAgentOf(owner);
    const row = rowOf(owner);
    await world().project([inserted(row)]);
    const linked = (await world().ledger(row.id))?.['canonical_run_id'];
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', linked);
    const { changes } = await world().project([
      updated({ ...row, summary: 'changed' }),
      updated({ ...row, agent_context_id: second.context }),
      deleted(row.id),
      inserted(row),
    ]);
    expect(changes).toMatchObject({ runsInserted: 0, runsUpdated: 0 });
    expect(await world().run(row.id)).toBeUndefined();
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'projected',
      canonical_run_id: linked,
      offset: 5,
      source_deleted_at: null,
    });
  });

  test('and an update with values left out: they come from the table, for the hash', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().legacyRow(row);
    await world().project([inserted(row)]);
    const { canonical_run_id: linked, content_hash: hash } = (await world().ledger(row.id)) ?? {};
    await world().execute('DELETE FROM public.agent_compliance_runs WHERE id = $1', linked);
    await world().project([updated(row, 'summary', 'agent_profile_json')]);
    expect(await world().ledger(row.id)).toMatchObject({ content_hash: hash, decision: 'projected' });
    expect(await world().run(row.id)).toBeUndefined();
  });
});
