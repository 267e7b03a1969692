import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Difference } from '../../operations/census/difference.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, deleted, inserted, rawRecord, updated } from '../support/records.ts';
import type { Message, RowValues } from '../support/records.ts';
import { asRecords, MATCHING, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { swept } from '../support/swept.ts';
import { SCRIPT_COPY } from '../support/table-rows.ts';
import { Tables, type Owner } from '../support/tables.ts';
import { differences } from './census.ts';

let open: OpenDatabase;
let tables: Tables;
let offset = 0n;

type Found = Readonly<Partial<Record<Difference, readonly string[]>>>;

const AT = '2026-03-04T05:06:06Z';
/**
 * The source's clock is an hour ahead of the canonical database's: what is on its way follows from the source's alone.
 */
const SOURCE_NOW = Date.now() + 3_600_000;

async function project(messages: readonly Message[]): Promise<void> {
  const context = {
    canonical: tables.pool,
    legacy: tables.pool,
    optOutPolicy: 'respect',
    matching: MATCHING,
  } as const;
  const records = asRecords(messages, offset);
  offset += BigInt(messages.length);
  await runRecords({ context, records, mode: { kind: 'replay' }, rows: 100 });
}

/** A row in the table, and projected. */
async function projected(owner: Owner, values: Partial<RowValues> = {}): Promise<RowValues> {
  const row = rowOf(owner, values);
  await tables.legacyRow(row);
  await project([inserted(row)]);
  return row;
}

async function inTable({ id }: RowValues, change: Partial<RowValues>): Promise<void> {
  for (const [column, value] of Object.entries(change))
    await tables.execute(`UPDATE agent_test_history SET ${column} = $2 WHERE id = $1`, id, value);
}

async function inLedger({ id }: RowValues, change: string): Promise<void> {
  await tables.execute(`UPDATE history_cdc.ledger SET ${change} WHERE legacy_id = $1`, id);
}

async function listing(organization: string, agents: readonly { readonly url: string }[]): Promise<void> {
  const list = JSON.stringify(agents);
  const statement = 'UPDATE member_profiles SET agents = $2 WHERE workos_organization_id = $1';
  await tables.execute(statement, organization, list);
}

async function referredTo(row: RowValues): Promise<void> {
  await tables.execute(
    `INSERT INTO agent_compliance_step_diagnostics (run_id, storyboard_id, step_id, passed)
     SELECT canonical_run_id, 'storyboard', 'step', true FROM history_cdc.ledger WHERE legacy_id = $1`,
    row.id,
  );
}

/** No later row can unlink it any more. */
async function settled(row: RowValues): Promise<void> {
  await tables.execute('DELETE FROM history_cdc.unsettled_twin WHERE legacy_id = $1', row.id);
}

function rowOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/**
 * What happens since the decision, and what the comparison then has to say: that, and nothing else. All of them are in
 * one database, so the two that run a sweep, or look for copies, come before whatever those would put right.
 */
const SCENES: Readonly<Record<Difference, (owner: Owner) => Promise<Found>>> = {
  absorb_blocked: async (owner) => {
    const row = await projected(owner);
    await tables.live({ agent_url: owner.url, tested_at: AT });
    await referredTo(row);
    await swept(tables.pool);
    return { absorb_blocked: [row.id] };
  },
  undone: async (owner) => {
    const row = await projected(owner);
    await tables.execute('SELECT history_cdc.undo_projected(ARRAY[$1]::uuid[])', row.id);
    return { undone: [row.id] };
  },
  script_copy_removed: async (owner) => {
    const row = rowOf(owner);
    const copy = await tables.scriptCopy(row.id);
    await tables.legacyRow(row);
    await project([inserted(row)]);
    expect(await tables.ledger(row.id)).toMatchObject({ decision: 'adopted' });
    await tables.execute('DELETE FROM agent_compliance_runs WHERE id = $1', copy);
    return { script_copy_removed: [row.id] };
  },
  came_after: async (owner) => {
    const row = rowOf(owner, { started_at: new Date(SOURCE_NOW).toISOString() });
    await tables.legacyRow(row);
    return { came_after: [row.id] };
  },
  never_seen: async (owner) => {
    const early = rowOf(owner, { started_at: new Date(SOURCE_NOW - 11 * 60_000).toISOString() });
    // The row's own start time must not decide this: otherwise a lost row would count as on its way until the year
    // 2999.
    const dated = rowOf(owner, { started_at: '2999-01-01T00:00:00Z' });
    for (const row of [early, dated]) await tables.legacyRow(row);
    return { never_seen: [early.id, dated.id] };
  },
  record_quarantined: async (owner) => {
    const row = rowOf(owner);
    await tables.legacyRow(row);
    await project([rawRecord(row.id, {})]);
    expect(await tables.ledger(row.id)).toMatchObject({ decision: 'quarantined' });
    return { record_quarantined: [row.id] };
  },
  refused_later: async (owner) => {
    const row = await projected(owner);
    await inTable(row, { summary: 'refused since' });
    return { refused_later: [row.id] };
  },
  older_rule: async (owner) => {
    const row = await projected(owner);
    await inLedger(row, "decision = 'third_party', canonical_run_id = NULL, rule_version = 1");
    return { older_rule: [row.id] };
  },
  unexplained: async (owner) => {
    const row = await projected(owner);
    await inLedger(row, "decision = 'third_party', canonical_run_id = NULL");
    return { unexplained: [row.id] };
  },
  moved: async (owner) => {
    const [unseen, seen] = [await projected(owner), await projected(owner)];
    const agent_context_id = await tables.context(`org_${randomUUID()}`, owner.url);
    for (const row of [unseen, seen]) await inTable(row, { agent_context_id });
    await project([updated({ ...seen, agent_context_id })]);
    return { moved: [unseen.id, seen.id] };
  },
  user_changed: async (owner) => {
    const [unseen, seen] = [await projected(owner), await projected(owner)];
    for (const row of [unseen, seen]) await inTable(row, { user_id: 'user_stranger' });
    await project([updated({ ...seen, user_id: 'user_stranger' })]);
    return { user_changed: [unseen.id, seen.id] };
  },
  agent_url_changed: async (owner) => {
    const row = await projected(owner);
    const statement = 'UPDATE agent_contexts SET agent_url = $2 WHERE id = $1';
    await tables.execute(statement, owner.context, 'https://renamed.example/mcp');
    return { agent_url_changed: [row.id] };
  },
  membership_came_later: async (owner) => {
    const row = await projected(owner, { user_id: 'user_joins' });
    await tables.member('user_joins', owner.organization);
    return { membership_came_later: [row.id] };
  },
  membership_ended: async (owner) => {
    const row = await projected(owner);
    await tables.execute('DELETE FROM organization_memberships WHERE workos_user_id = $1', owner.user);
    return { membership_ended: [row.id] };
  },
  agent_listed_later: async (owner) => {
    await listing(owner.organization, []);
    const row = await projected(owner);
    await listing(owner.organization, [{ url: owner.url }]);
    return { agent_listed_later: [row.id] };
  },
  agent_unlisted: async (owner) => {
    const row = await projected(owner);
    await listing(owner.organization, []);
    return { agent_unlisted: [row.id] };
  },
  opted_out_later: async (owner) => {
    const row = await projected(owner);
    await tables.registered(owner.url, { optedOut: true });
    return { opted_out_later: [row.id] };
  },
  opt_out_ended: async (owner) => {
    await tables.registered(owner.url, { optedOut: true });
    const row = await projected(owner);
    const statement = 'UPDATE agent_registry_metadata SET compliance_opt_out = false WHERE agent_url = $1';
    await tables.execute(statement, owner.url);
    return { opt_out_ended: [row.id] };
  },
  script_copy_came_later: async (owner) => {
    const row = await projected(owner);
    await tables.execute(SCRIPT_COPY, randomUUID(), row.id);
    return { script_copy_came_later: [row.id] };
  },
  live_row_pruned: async (owner) => {
    const live = await tables.live({ agent_url: owner.url, tested_at: AT });
    const row = await projected(owner);
    await tables.execute('DELETE FROM agent_compliance_runs WHERE id = $1', live);
    return { live_row_pruned: [row.id] };
  },
  live_row_came_later: async (owner) => {
    const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    const row = await projected(owner, { started_at: soon(60) });
    await tables.live({ agent_url: owner.url, tested_at: soon(120) });
    return { live_row_came_later: [row.id] };
  },
  live_row_not_absorbed: async (owner) => {
    const row = await projected(owner);
    await tables.live({ agent_url: owner.url, tested_at: AT });
    return { live_row_not_absorbed: [row.id] };
  },
  live_row_stands_for_another: async (owner) => {
    await tables.live({ agent_url: owner.url, tested_at: AT });
    const first = await projected(owner);
    await settled(first);
    const second = await projected(owner);
    await tables.execute('DELETE FROM agent_test_history WHERE id = $1', first.id);
    await project([deleted(first.id)]);
    return { live_row_stands_for_another: [second.id], deleted_since: [first.id] };
  },
  changed_after_it_was_linked: async (owner) => {
    await tables.live({ agent_url: owner.url, tested_at: AT });
    const row = await projected(owner);
    await settled(row);
    await inTable(row, { summary: 'another' });
    return { changed_after_it_was_linked: [row.id] };
  },
  pair_settled: async (owner) => {
    await tables.live({ agent_url: owner.url, tested_at: AT });
    const far = await projected(owner, { started_at: '2026-03-04T05:07:06Z' });
    expect(await tables.ledger(far.id)).toMatchObject({ decision: 'twin' });
    await settled(far);
    const near = await projected(owner, { started_at: AT });
    return { pair_settled: [far.id], live_row_stands_for_another: [near.id] };
  },
  deleted_since: async (owner) => {
    const row = await projected(owner);
    await tables.execute('DELETE FROM agent_test_history WHERE id = $1', row.id);
    await project([deleted(row.id)]);
    return { deleted_since: [row.id] };
  },
  deleted_not_projected_yet: async (owner) => {
    const row = await projected(owner);
    await tables.execute('DELETE FROM agent_test_history WHERE id = $1', row.id);
    return { deleted_not_projected_yet: [row.id] };
  },
};

let expected: Found = {};
let found: Readonly<Record<string, readonly string[]>> = {};

beforeAll(async () => {
  open = await openMigratedDatabase();
  tables = new Tables(open.pool);
  await open.pool.query("ALTER TABLE agent_compliance_runs ADD CHECK (headline <> 'refused since')");
  await open.pool.query(
    `WITH t AS (INSERT INTO history_cdc.topic (topic_id, name, partitions) VALUES ($1, 'streamed', 1) RETURNING topic_id)
     INSERT INTO history_cdc.consumer_offset (topic_id, partition, next_offset, epoch, projector, streamed_until)
     SELECT topic_id, 0, 0, 1, 'a test', $2 FROM t`,
    [TOPIC_ID, new Date(SOURCE_NOW)],
  );
  // Somebody whose row is as it was, and must not be found.
  await projected(await tables.owner());
  for (const scene of Object.values(SCENES)) expected = merged(expected, await scene(await tables.owner()));
  found = await differences(open.pool);
});

afterAll(async () => {
  await open.close();
});

function merged(all: Found, some: Found): Found {
  const names = [...new Set([...Object.keys(all), ...Object.keys(some)])] as Difference[];
  return Object.fromEntries(
    names.map((name) => [name, [...(all[name] ?? []), ...(some[name] ?? [])].toSorted()]),
  );
}

test.each(Object.keys(SCENES) as Difference[])(
  'a difference is told from its neighbours by what happened: %s',
  (name) => {
    expect(found[name]?.toSorted()).toEqual(expected[name]);
  },
);

test('and nothing else differs', () => {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(SCENES).toSorted());
});
