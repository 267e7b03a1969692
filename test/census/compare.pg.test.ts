import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { compareCensus, type Comparison } from '../../consumers/agent-test-history/census/compare.ts';
import { UNEXPLAINED } from '../../consumers/agent-test-history/census/difference.ts';
import { createPool } from '../../consumers/lib/postgres.ts';
import { runCli } from '../support/cli.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { swept } from '../support/swept.ts';
import type { Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';
import { urlOf } from './census.ts';

const world = useWorld();

/** The bystander that the ledger has is in the legacy table, too. */
beforeEach(async () => {
  const [id, context] = ['c0000000-0000-4000-8000-000000000004', 'd0000000-0000-4000-8000-000000000001'];
  await world().legacyRow(aRow({ id, agent_context_id: context, user_id: 'user_bystander' }));
});

async function compare(): Promise<Comparison> {
  const pool = createPool({ url: await urlOf(world().pool), name: 'census test', connections: 4 });
  try {
    const { comparison } = await compareCensus({
      canonical: pool,
      legacy: pool,
      optOutPolicy: world().policy,
      windowUs: 120_000_000n,
      retentionDays: undefined,
      messageBytes: 16_777_216,
      chunkRows: 2,
    });
    return comparison;
  } finally {
    await pool.end();
  }
}

async function differences(): Promise<Record<string, readonly string[]>> {
  const { differences: found, unexplained } = await compare();
  const ids = Object.fromEntries(Object.entries(found).map(([name, list]) => [name, list.ids]));
  expect(unexplained).toBe(Object.keys(UNEXPLAINED).reduce((sum, name) => sum + (ids[name]?.length ?? 0), 0));
  return ids;
}

/** In the table, and in the topic. */
async function projected(owner: Owner, values: Partial<RowValues> = {}): Promise<RowValues> {
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  await world().legacyRow(row);
  await world().project([inserted(row)]);
  await world().ledger(row.id);
  return row;
}

async function cli(): Promise<{ status: number | null; stdout: string }> {
  const url = await urlOf(world().pool);
  return await runCli(['census', '--compare'], { DATABASE_URL: url, LEGACY_DATABASE_URL: url });
}

test('where the ledger decided as predicted the answer is good, and anything unexplained makes it no', async () => {
  const owner = await world().owner();
  await world().live({ agent_url: owner.url });
  await projected(owner);
  const row = await projected(owner, { summary: 'another' });
  await projected(owner, { user_id: 'user_stranger' });
  expect(await differences()).toEqual({});
  const good = await cli();
  expect(good.stdout).toContain('the ledger decided as predicted, row by row');
  expect(good.status).toBe(0);
  await world().execute(
    "UPDATE history_cdc.ledger SET decision = 'third_party', canonical_run_id = NULL WHERE legacy_id = $1",
    row.id,
  );
  expect(await differences()).toEqual({ unexplained: [row.id] });
  const bad = await cli();
  expect(bad.stdout).toContain(`unexplained ${row.id}`);
  expect(bad.stdout).toMatch(/^projected -> third_party +1/m);
  expect(bad.status).toBe(1);
});

describe('a difference is explained by what happened since:', () => {
  test('memberships, listings and opt-outs that came and went', async () => {
    const owner = await world().owner();
    const other = await world().owner();
    const [joins, leaves] = [await projected(owner, { user_id: 'user_joins' }), await projected(other)];
    const third = await world().owner();
    const out = await projected(third);
    await world().member('user_joins', owner.organization);
    await world().execute('DELETE FROM organization_memberships WHERE workos_user_id = $1', other.user);
    await world().registered(third.url, { optedOut: true });
    expect(await differences()).toEqual({
      membership_came_later: [joins.id],
      membership_ended: [leaves.id],
      opted_out_later: [out.id],
    });
    await world().execute(
      "UPDATE member_profiles SET agents = '[]' WHERE workos_organization_id = $1",
      third.organization,
    );
    expect(await differences()).toMatchObject({ agent_unlisted: [out.id] });
  });

  test('rows that are gone, with and without their delete', async () => {
    const owner = await world().owner();
    const [seen, unseen, stays] = [await projected(owner), await projected(owner), await projected(owner)];
    await world().execute('DELETE FROM agent_test_history WHERE id = ANY ($1)', [seen.id, unseen.id]);
    await world().execute(
      'UPDATE history_cdc.ledger SET source_deleted_at = now() WHERE legacy_id = $1',
      seen.id,
    );
    expect(await differences()).toEqual({ deleted_since: [seen.id], deleted_not_projected_yet: [unseen.id] });
    expect((await compare()).decisions.projected).toEqual({ predicted: 2, ledger: 4 });
    expect(await world().run(stays.id)).toBeDefined();
  });

  test('rows that moved, and rows that came after the last decision', async () => {
    const owner = await world().owner();
    const moved = await projected(owner);
    const elsewhere = await world().context(`org_${randomUUID()}`, owner.url);
    await world().execute(
      'UPDATE agent_test_history SET agent_context_id = $1 WHERE id = $2',
      elsewhere,
      moved.id,
    );
    const values = { agent_context_id: owner.context, user_id: owner.user };
    const late = aRow({ ...values, started_at: new Date().toISOString() });
    const lost = aRow(values);
    for (const row of [late, lost]) await world().legacyRow(row);
    expect(await differences()).toEqual({ moved: [moved.id], came_after: [late.id], never_seen: [lost.id] });
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
    expect(await differences()).toEqual({
      live_row_came_later: [young.id],
      live_row_pruned: [pruned.id],
      live_row_not_absorbed: [blocked.id],
    });
    await swept(world().pool);
    await live('old', '2026-03-04T05:06:06Z');
    expect(await differences(), 'a live row that is older than the decision should have been found').toEqual({
      absorb_blocked: [blocked.id],
      live_row_pruned: [pruned.id],
      live_row_not_absorbed: [old.id],
    });
    await swept(world().pool);
    expect(await differences()).toEqual({ absorb_blocked: [blocked.id], live_row_pruned: [pruned.id] });
  });

  test("the script's copies that were removed", async () => {
    const owner = await world().owner();
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    const copy = await world().scriptCopy(row.id);
    await world().legacyRow(row);
    await world().project([inserted(row)]);
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'adopted' });
    await world().execute('DELETE FROM agent_compliance_runs WHERE id = $1', copy);
    expect(await differences()).toEqual({ script_copy_removed: [row.id] });
  });
});
