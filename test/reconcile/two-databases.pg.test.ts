import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { ONLY_KNOWN_ROWS, reconciled } from '../support/reconciled.ts';
import { Tables, type Owner } from '../support/tables.ts';
import { useWorld } from '../support/world.ts';

// LEGACY_DATABASE_URL: the legacy table elsewhere than the canonical ones, the dimensions and the ledger.
const world = useWorld();
let legacy: OpenDatabase;
beforeAll(async () => {
  legacy = await openApplicationDatabase(2);
});
afterAll(async () => {
  await legacy.close();
});
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
});

async function thereOnly(owner: Owner, values: Partial<RowValues> = {}): Promise<RowValues> {
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  await legacy.pool.query(
    'INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [owner.context, owner.organization, owner.url],
  );
  await new Tables(legacy.pool).legacyRow(row);
  return row;
}

test('rows of another database are compared by content, and each kind of drift is found', async () => {
  const owner = await world().owner();
  const clean = await thereOnly(owner, {
    summary: 'quotes " and \\ and {braces}, NULL',
    agent_profile_json: '{"name": "a \\"quoted\\" name", "size": 1.50}',
    steps_json: '[{"scenario": "media/one", "passed": true}]',
    dry_run: null,
    total_duration_ms: null,
  });
  const [changed, gone] = [
    await thereOnly(owner, { summary: 'b' }),
    await thereOnly(owner, { summary: 'c' }),
  ];
  await world().project([clean, changed, gone].map(inserted));
  for (const { id } of [clean, changed, gone]) await world().ledger(id);
  const elsewhere = { elsewhere: legacy.pool };
  const before = await reconciled(world().pool, elsewhere);
  expect(before).toMatchObject({ named: [], run: { verdict: 'proven', legacy_rows: '3', ledger_rows: '4' } });

  const unseen = await thereOnly(owner, { summary: 'd' });
  await legacy.pool.query('DELETE FROM public.agent_test_history WHERE id = $1', [gone.id]);
  await world().execute(
    `UPDATE public.agent_compliance_runs SET agent_profile_json = '{}', observations_json = observations_json - 'storyboards' WHERE id = ANY ($1)`,
    [clean, changed].map(({ id }) => canonicalRunId(id)),
  );
  const { findings, named } = await reconciled(world().pool, elsewhere);
  expect(named).toEqual(
    [`different ${clean.id}`, `different ${changed.id}`, `unseen ${unseen.id}`, `vanished ${gone.id}`].sort(),
  );
  expect(findings.find(({ legacy_id: id }) => id === clean.id)?.fields).toEqual([
    'agent_profile_json',
    'storyboards',
  ]);
});
