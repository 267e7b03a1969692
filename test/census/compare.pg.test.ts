import { beforeEach, describe, expect, test } from 'vitest';
import { runInProcess } from '../support/run-in-process.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';
import { compare, differences, urlOf } from './census.ts';

const world = useWorld();

/** The bystander that the ledger has is in the legacy table, too. */
beforeEach(async () => {
  const [id, context] = ['c0000000-0000-4000-8000-000000000004', 'd0000000-0000-4000-8000-000000000001'];
  await world().legacyRow(aRow({ id, agent_context_id: context, user_id: 'user_bystander' }));
});

/** In the table, and in the topic. */
async function projected(owner: Owner, values: Partial<RowValues> = {}): Promise<RowValues> {
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  await world().legacyRow(row);
  await world().project([inserted(row)]);
  await world().ledger(row.id);
  return row;
}

async function cli(): Promise<{ code: number; stdout: string }> {
  const url = await urlOf(world().pool);
  return await runInProcess(['census', '--compare'], { DATABASE_URL: url, LEGACY_DATABASE_URL: url });
}

test('where the ledger decided as predicted the answer is good, and anything unexplained makes it no', async () => {
  const owner = await world().owner();
  await world().live({ agent_url: owner.url });
  await projected(owner);
  const row = await projected(owner, { summary: 'another' });
  await projected(owner, { user_id: 'user_stranger' });
  expect(await differences(world().pool)).toEqual({});
  const good = await cli();
  expect(good.stdout).toContain('the ledger decided as predicted, row by row');
  expect(good.code).toBe(0);
  await world().execute(
    "UPDATE history_cdc.ledger SET decision = 'third_party', canonical_run_id = NULL WHERE legacy_id = $1",
    row.id,
  );
  expect(await differences(world().pool)).toEqual({ unexplained: [row.id] });
  const bad = await cli();
  expect(bad.stdout).toContain(`unexplained ${row.id}`);
  expect(bad.stdout).toMatch(/^projected -> third_party +1/m);
  expect(bad.code).toBe(1);
});

describe('a difference is explained by what happened since:', () => {
  test('rows that are gone, with and without their delete', async () => {
    const owner = await world().owner();
    const [seen, unseen, stays] = [await projected(owner), await projected(owner), await projected(owner)];
    await world().execute('DELETE FROM agent_test_history WHERE id = ANY ($1)', [seen.id, unseen.id]);
    await world().execute(
      'UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE legacy_id = $1',
      seen.id,
    );
    expect(await differences(world().pool)).toEqual({
      deleted_since: [seen.id],
      deleted_not_projected_yet: [unseen.id],
    });
    expect((await compare(world().pool)).decisions.projected).toEqual({ predicted: 2, ledger: 4 });
    expect(await world().run(stays.id)).toBeDefined();
  });

  test('live rows that came, that went, and that something keeps from taking over', async () => {
    const owner = await world().owner();
    const live = (summary: string, tested_at: string) =>
      world().live({ agent_url: owner.url, headline: summary, tested_at });
    const soon = new Date(Date.now() + 60_000).toISOString();
    const young = await projected(owner, { summary: 'young', started_at: soon });
    await live('young', new Date(Date.now() + 120_000).toISOString());
    const old = await projected(owner, { summary: 'old' });
    const gone = await live('gone', '2026-03-04T05:06:06Z');
    const pruned = await projected(owner, { summary: 'gone' });
    await world().execute('DELETE FROM agent_compliance_runs WHERE id = $1', gone);
    const blocked = await projected(owner, { summary: 'blocked' });
    await live('blocked', '2026-03-04T05:06:06Z');
    await world().execute(
      `INSERT INTO agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
       SELECT canonical_run_id, 'storyboard', 'step', true FROM history_cdc.ledger WHERE legacy_id = $1`,
      blocked.id,
    );
    expect(await differences(world().pool)).toEqual({
      live_row_came_later: [young.id],
      live_row_pruned: [pruned.id],
      live_row_not_absorbed: [blocked.id],
    });
    await swept(world().pool);
    await live('old', '2026-03-04T05:06:06Z');
    expect(
      await differences(world().pool),
      'a live row that is older than the decision should have been found',
    ).toEqual({
      absorb_blocked: [blocked.id],
      live_row_pruned: [pruned.id],
      live_row_not_absorbed: [old.id],
    });
    await swept(world().pool);
    expect(await differences(world().pool)).toEqual({
      absorb_blocked: [blocked.id],
      live_row_pruned: [pruned.id],
    });
  });
});
