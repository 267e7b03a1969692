import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const read = (file: string) => readFileSync(new URL(`../../demo/${file}`, import.meta.url), 'utf8');

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

test('the rows of docker-compose.yml fit the application, are there once, and are of the kinds that they say', async () => {
  for (const file of ['application.sql', 'example-rows.sql', 'application.sql', 'example-rows.sql']) {
    await client.query(read(file));
  }
  const { rows } = await client.query<{ kind: string; count: number }>(
    `SELECT CASE WHEN user_id IS NULL THEN 'anonymous' WHEN m.workos_user_id IS NULL THEN 'third_party'
                 WHEN r.compliance_opt_out THEN 'opted_out' ELSE 'projected' END AS kind, count(*)::int AS count
       FROM agent_test_history h
       JOIN agent_contexts c ON c.id = h.agent_context_id
       JOIN member_profiles p ON p.workos_organization_id = c.organization_id
        AND p.agents @> jsonb_build_array(jsonb_build_object('url', c.agent_url))
       JOIN agent_registry_metadata r ON r.agent_url = c.agent_url
       LEFT JOIN organization_memberships m
         ON m.workos_user_id = h.user_id AND m.workos_organization_id = c.organization_id
      GROUP BY 1 ORDER BY 1`,
  );
  expect(rows).toEqual([
    { kind: 'anonymous', count: 1 },
    { kind: 'opted_out', count: 1 },
    { kind: 'projected', count: 2 },
    { kind: 'third_party', count: 1 },
  ]);
});
