import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../consumers/lib/postgres.ts';
import { textArray } from '../../consumers/lib/text-array.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = createPool({ url: database.url, name: 'test', connections: 1 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

test('a binary text[] arrives as it was: quotes, backslashes, braces, NULL, empty, beyond ASCII', async () => {
  const values = ['{"a": "b\\"c"}', null, '', '{', 'NULL', 'a,b', '\\', 'žluťoučký 🐎', 'x'.repeat(100_000)];
  const { rows } = await pool.query<{ values: (string | null)[] }>('SELECT $1::text[] AS values', [
    textArray(values),
  ]);
  expect(rows[0]?.values).toEqual(values);
});
