import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from './database.ts';

const opened: TestDatabase[] = [];

afterAll(async () => {
  for (const database of opened) await database.drop();
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a template is built once, and each copy is its own', async () => {
  let built = 0;
  const template = {
    name: 'template_of_database_test',
    build: async ({ url }: { url: string }) => {
      built += 1;
      await query(url, 'CREATE TABLE note (text text); INSERT INTO note VALUES (1)');
    },
  };
  const [one, two] = await Promise.all([freshDatabase({ template }), freshDatabase({ template })]);
  opened.push(one, two);
  await query(one.url, 'DELETE FROM note');

  expect(built).toBe(1);
  expect(await query(one.url, 'SELECT count(*)::int FROM note')).toEqual([{ count: 0 }]);
  expect(await query(two.url, 'SELECT count(*)::int FROM note')).toEqual([{ count: 1 }]);
});

test('the application role owns its database and is not a superuser', async () => {
  const database = await freshDatabase();
  opened.push(database);
  expect(
    await query(
      database.url,
      `SELECT current_user AS role, rolsuper AS super, datdba::regrole::text AS owner
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
    ),
  ).toEqual([{ role: 'app', super: false, owner: 'app' }]);
});
