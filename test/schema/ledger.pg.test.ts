import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

// Whatever a fault of the code, a person with psql or another release does: what follows must not be in the ledger.

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});

interface Entry {
  readonly decision: string;
  readonly run: string | null;
  readonly isMember: boolean | null;
  readonly listsAgent: boolean | null;
}

async function record({ decision, run, isMember, listsAgent }: Entry): Promise<void> {
  await open.pool.query(
    `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, is_member, lists_agent,
                                     topic_id, partition, "offset", op, snapshot)
     VALUES (gen_random_uuid(), $1, 'by hand', $2, 1, $3, $4, gen_random_uuid(), 0, 0, 'c', false)`,
    [decision, run, isMember, listsAgent],
  );
}

const owners = (decision: string, run: string | null = randomUUID()): Entry => ({
  decision,
  run,
  isMember: true,
  listsAgent: true,
});

test.each(['projected', 'twin', 'adopted'])(
  'one canonical row for two legacy rows, the second %s',
  async (second) => {
    const run = randomUUID();
    await record(owners('twin', run));
    await expect(record(owners(second, run))).rejects.toMatchObject({ code: '23505' });
  },
);

test.each([
  ['no member', false, true],
  ['a member of an organisation that does not list the agent', true, false],
  ['a user of whom nothing is known', null, null],
])('a canonical row for %s', async (_, isMember, listsAgent) => {
  const refused = { isMember, listsAgent, run: randomUUID() };
  await expect(record({ decision: 'projected', ...refused })).rejects.toMatchObject({ code: '23514' });
  await expect(record({ decision: 'twin', ...refused })).rejects.toMatchObject({ code: '23514' });
  // The script's copy is its own proof.
  await record({ decision: 'adopted', ...refused });
});

test.each(['projected', 'twin', 'adopted'])('the decision %s without a canonical row', async (decision) => {
  await expect(record(owners(decision, null))).rejects.toMatchObject({ code: '23514' });
});

test.each(['third_party', 'anonymous', 'opted_out', 'orphaned', 'gone', 'quarantined'])(
  'the decision %s with a canonical row',
  async (decision) => {
    await record(owners(decision, null));
    await expect(record(owners(decision))).rejects.toMatchObject({ code: '23514' });
  },
);

// All run with the rights of whoever migrated: a role that may call them deletes rows that it has no right to.
test.each([
  'history_cdc.delete_own_runs(uuid[])',
  'history_cdc.references_to_runs(uuid[])',
  'history_cdc.undo_projected(uuid[])',
])('a call of %s by a role that was not named', async (name) => {
  const { rows } = await open.pool.query<{ may: boolean }>(
    "SELECT has_function_privilege('history_cdc_connector', $1, 'EXECUTE') AS may",
    [name],
  );
  expect(rows).toEqual([{ may: false }]);
});
