import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { aRow, inserted, type RowValues } from '../support/records.ts';
import { asRecords, MATCHING, runRecords } from '../support/run-records.ts';
import { Tables } from '../support/tables.ts';
import { differences } from './census.ts';

let open: OpenDatabase;

beforeAll(async () => {
  open = await openMigratedDatabase();
});

afterAll(async () => {
  await open.close();
});

test('where nothing was streamed, the newest plausible row says until when the source was read', async () => {
  const { pool } = open;
  const tables = new Tables(pool);
  const owner = await tables.owner();
  const rowAt = async (started_at: string): Promise<RowValues> => {
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user, started_at });
    await tables.legacyRow(row);
    return row;
  };
  const read = [await rowAt('2026-03-04T05:00:00Z'), await rowAt('2999-01-01T00:00:00Z')];
  const context = { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING } as const;
  const records = asRecords(
    read.map((row) => inserted(row)),
    0n,
  );
  await runRecords({ context, records, mode: { kind: 'replay' }, rows: 100 });
  const lost = await rowAt('2026-03-04T04:00:00Z');
  const later = await rowAt('2026-03-04T05:00:01Z');
  expect(await differences(pool)).toEqual({ never_seen: [lost.id], came_after: [later.id] });
});
