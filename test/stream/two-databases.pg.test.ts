import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { usePartitions } from '../support/partitions.ts';
import { updated } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';
import { Tables } from '../support/tables.ts';

// LEGACY_DATABASE_URL: the legacy table elsewhere than the canonical ones, the dimensions and the ledger.
const topic = usePartitions();

let legacy: OpenDatabase;
beforeAll(async () => {
  legacy = await openApplicationDatabase(2);
});
afterAll(async () => {
  await legacy.close();
});

test('values left out are read from the legacy database, and from nowhere else', async () => {
  const there = topic().ownersRow();
  const here = topic().ownersRow();
  await legacy.pool.query(
    'INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, $2, $3)',
    [there.agent_context_id, 'org', 'https://legacy.example'],
  );
  await new Tables(legacy.pool).legacyRow({ ...there, summary: 'of the legacy database' });
  await topic().legacyRow(here);
  const run = topic().commit(
    [updated(there, 'summary'), updated(here, 'summary')],
    await topic().claim('one'),
  );
  const result = await runRecords({ ...run, context: { ...run.context, legacy: legacy.pool } });
  expect(result.decisions).toEqual({ projected: 1, quarantined: 1 });
  expect(await topic().run(there.id)).toMatchObject({ headline: 'of the legacy database' });
  expect(await topic().ledger(here.id)).toMatchObject({ reason: 'value_unavailable' });
});
