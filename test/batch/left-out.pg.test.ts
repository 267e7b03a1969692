import { describe, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, inserted, rawRecord, updated } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

const rowOf = (owner: Owner) => aRow({ agent_context_id: owner.context, user_id: owner.user });

async function profileText(legacyId: string): Promise<unknown> {
  const { rows } = await world().pool.query<{ text: string | null }>(
    'SELECT agent_profile_json::text AS text FROM public.agent_compliance_runs WHERE id = $1',
    [canonicalRunId(legacyId)],
  );
  return rows[0]?.text;
}

describe('an update of a projected row that leaves TOAST values out', () => {
  test.each(['summary', 'scenario', 'agent_profile_json', 'user_id', 'steps_json'] as const)(
    'keeps %s as our canonical row has it, and takes what did come',
    async (column) => {
      const owner = await world().owner();
      const row = { ...rowOf(owner), agent_profile_json: '{"n": 12345678901234567890, "v": 1.0}' };
      await world().project([inserted(row)]);
      const { leftOut } = await world().project([updated({ ...row, steps_failed: 41 }, column)]);
      expect(leftOut).toEqual({ [column === 'user_id' ? 'userId' : camel(column)]: 1 });
      expect(await world().run(row.id)).toMatchObject({
        headline: row.summary,
        tracks_failed: 41,
        observations_json: { original_scenario: row.scenario, backfill_user_id: owner.user },
      });
      expect(await profileText(row.id)).toBe(row.agent_profile_json);
      expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', user_id: owner.user });
    },
  );

  test('has the content hash that the whole row would have', async () => {
    const row = { ...rowOf(await world().owner()), agent_profile_json: '{"a": null, "n": 1.10}' };
    await world().project([inserted(row)]);
    const changed = { ...row, steps_failed: 41, dry_run: true };
    await world().project([updated(changed, 'summary', 'scenario', 'agent_profile_json', 'user_id')]);
    const partial = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated(changed)]);
    expect((await world().ledger(row.id))?.['content_hash']).toEqual(partial);
  });

  test('keeps NULL, JSON null and empty text apart', async () => {
    const owner = await world().owner();
    const rows = [
      { ...rowOf(owner), summary: null, agent_profile_json: null },
      { ...rowOf(owner), summary: '', agent_profile_json: 'null' },
    ] as const;
    await world().project(rows.map(inserted));
    const hashes = await Promise.all(
      rows.map(async ({ id }) => (await world().ledger(id))?.['content_hash']),
    );
    await world().project(rows.map((row) => updated(row, 'summary', 'agent_profile_json')));
    expect(await Promise.all(rows.map(({ id }) => profileText(id)))).toEqual([null, 'null']);
    expect(await world().run(rows[0].id)).toMatchObject({ headline: null });
    expect(await world().run(rows[1].id)).toMatchObject({ headline: '' });
    expect(
      await Promise.all(rows.map(async ({ id }) => (await world().ledger(id))?.['content_hash'])),
    ).toEqual(hashes);
  });

  test('and moves it to another agent of its owner: the values go along', async () => {
    const owner = await world().owner();
    const second = await world().owner();
    await world().member(owner.user, second.organization);
    const row = rowOf(owner);
    await world().project([inserted(row)]);
    const merged = { ...row, agent_context_id: second.context };
    await world().project([updated(merged, 'summary', 'scenario', 'agent_profile_json', 'user_id')]);
    expect(await world().run(row.id)).toMatchObject({
      agent_url: second.url,
      headline: row.summary,
      observations_json: {
        original_scenario: row.scenario,
        backfill_user_id: owner.user,
        backfill_org_id: second.organization,
      },
    });
    expect(await profileText(row.id)).toBe(row.agent_profile_json);
    const hash = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated(merged)]);
    expect(await world().ledger(row.id)).toMatchObject({ content_hash: hash, user_id: owner.user });
  });

  test('of which the user is left out, and who lost the agent since, is not taken for a move', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([inserted(row)]);
    await world().execute(
      'DELETE FROM public.organization_memberships WHERE workos_user_id = $1',
      owner.user,
    );
    await world().project([updated({ ...row, steps_failed: 41 }, 'user_id')]);
    expect(await world().run(row.id)).toMatchObject({ tracks_failed: 41 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', reason: 'owner' });
  });

  test('behind a record that was parked: they come from the table, because our row may have missed a change', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const changed = { ...row, summary: 'changed by the record that was parked' };
    await world().legacyRow(changed);
    await world().project([inserted(row), rawRecord(row.id, { op: 'u' }), updated(changed, 'summary')]);
    expect(await world().run(row.id)).toMatchObject({ headline: changed.summary });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 3 });
    expect(await world().quarantined()).toMatchObject([{ legacy_id: row.id, reason: 'unmappable' }]);
    expect((await world().quarantined())[0]?.['healed_at']).not.toBeNull();
  });

  test('after a parked record was healed: our row has them again', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const healed = { ...row, summary: 'of the event that healed' };
    await world().project([inserted(row), rawRecord(row.id, {}), updated(healed)]);
    await world().project([updated({ ...healed, steps_failed: 41 }, 'summary')]);
    expect(await world().run(row.id)).toMatchObject({ headline: healed.summary, tracks_failed: 41 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', offset: 4 });
  });

  test('behind a record that was parked, of a row that is gone: it is parked too, until a complete event comes', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().project([inserted(row)]);
    const before = await world().run(row.id);
    await world().project([rawRecord(row.id, { op: 'u' }), updated({ ...row, steps_failed: 41 }, 'summary')]);
    expect(await world().run(row.id)).toEqual(before);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', reason: 'owner', offset: 1 });
    expect(await world().quarantined()).toMatchObject([
      { legacy_id: row.id, reason: 'unmappable', offset: 2, healed_at: null },
      { legacy_id: row.id, reason: 'value_unavailable', offset: 3, healed_at: null },
    ]);
    await world().project([updated({ ...row, steps_failed: 42 })]);
    expect(await world().run(row.id)).toMatchObject({ tracks_failed: 42 });
    expect((await world().quarantined()).filter(({ healed_at }) => healed_at === null)).toEqual([]);
  });
});

describe('an event that leaves values out, of a row without a canonical row', () => {
  test('takes them from the legacy table: a merge makes a third party’s row an owner’s', async () => {
    const owner = await world().owner();
    const strange = await world().owner();
    const row = { ...rowOf(owner), agent_profile_json: '{"n": 12345678901234567890, "v": 1.0}' };
    await world().legacyRow(row);
    await world().project([inserted({ ...row, agent_context_id: strange.context })]);
    const { decisions } = await world().project([
      updated(row, 'summary', 'scenario', 'agent_profile_json', 'user_id'),
    ]);
    expect(decisions).toEqual({ projected: 1 });
    expect(await world().run(row.id)).toMatchObject({
      headline: row.summary,
      agent_url: owner.url,
      observations_json: { original_scenario: row.scenario, backfill_user_id: owner.user },
    });
    expect(await profileText(row.id)).toBe(row.agent_profile_json);
    const hash = (await world().ledger(row.id))?.['content_hash'];
    await world().project([updated(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ content_hash: hash });
  });

  test('of which only the user is missing is decided with the user of the table', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    await world().legacyRow(row);
    await world().project([inserted({ ...row, user_id: null })]);
    await world().project([updated(row, 'user_id')]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', user_id: owner.user });
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary });
  });

  test.each(['summary', 'scenario', 'agent_profile_json', 'user_id'] as const)(
    'takes only %s, which is missing: the event’s own values stand, though the table is ahead',
    async (column) => {
      const owner = await world().owner();
      const other = 'user_of_the_table';
      await world().member(other, owner.organization);
      const row = rowOf(owner);
      const ahead = {
        ...row,
        summary: 'of the table',
        scenario: 'of the table',
        agent_profile_json: '{"of": "the table"}',
        user_id: other,
        steps_passed: 99,
      };
      await world().legacyRow(ahead);
      await world().project([updated(row, column)]);
      const expected = { ...row, [column]: ahead[column] };
      expect(await world().run(row.id)).toMatchObject({
        headline: expected.summary,
        tracks_passed: 7,
        observations_json: {
          original_scenario: expected.scenario,
          backfill_user_id: expected.user_id,
        },
      });
      expect(await profileText(row.id)).toBe(expected.agent_profile_json);
      expect(await world().ledger(row.id)).toMatchObject({ user_id: expected.user_id });
    },
  );

  test('and of which nobody has them any more is parked, and healed by the next complete event', async () => {
    const owner = await world().owner();
    const row = rowOf(owner);
    const { decisions } = await world().project([updated(row, 'summary')]);
    expect(decisions).toEqual({ quarantined: 1 });
    expect(await world().ledger(row.id)).toMatchObject({
      decision: 'quarantined',
      reason: 'value_unavailable',
      canonical_run_id: null,
    });
    expect(await world().quarantined()).toMatchObject([
      { legacy_id: row.id, reason: 'value_unavailable', offset: 1, healed_at: null },
    ]);
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary });
    const [parked] = await world().quarantined();
    expect(parked?.['healed_at']).not.toBeNull();
  });

  test('is never stored or hashed: no row holds the placeholder', async () => {
    const owner = await world().owner();
    const [known, unknown] = [rowOf(owner), rowOf(owner)];
    await world().project([
      inserted(known),
      updated(known, 'summary', 'scenario', 'agent_profile_json', 'user_id'),
      updated(unknown, 'summary', 'scenario', 'agent_profile_json', 'user_id'),
    ]);
    expect(await world().ledger(known.id)).toMatchObject({ decision: 'projected' });
    expect(await world().ledger(unknown.id)).toMatchObject({ decision: 'quarantined' });
    const { rows } = await world().pool.query<{ text: string }>(`
      SELECT r::text AS text FROM public.agent_compliance_runs r UNION ALL SELECT l::text FROM history_cdc.ledger l`);
    expect(rows.filter(({ text }) => text.includes('left_this_value_out'))).toEqual([]);
  });
});

function camel(column: string): string {
  return column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
