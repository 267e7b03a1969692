import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});

test('observations written anew are those of a row that is written over', async () => {
  const { rows } = await open.pool.query<{ anew: unknown; over: unknown }>(`
    SELECT history_cdc.run_observations(id, scenario, who, org, url, storyboards) AS anew,
           history_cdc.run_provenance(id, scenario, who, org, url) || history_cdc.storyboard_observation(storyboards) AS over
    FROM (VALUES
      ('00000000-0000-4000-8000-000000000001'::uuid, 'storyboard:x', 'user', 'org', NULL, NULL),
      ('00000000-0000-4000-8000-000000000002', E'quo"te \\\\ and \\n', NULL, NULL, 'HTTPS://a/', '[{"status": "passing"}]'),
      ('00000000-0000-4000-8000-000000000003', '', '', 'a ✓ 東京', '', '[]')
    ) AS v (id, scenario, who, org, url, storyboards)`);
  expect(rows).toHaveLength(3);
  for (const { anew, over } of rows) expect(anew).toEqual(over);
});
