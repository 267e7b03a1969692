import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { PlainArray, textArray } from '../../lib/array-parameter.ts';
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

test('text that comes in its bytes arrives beside text that does not', async () => {
  const { rows } = await pool.query<{ values: (string | null)[] }>('SELECT $1::text[] AS values', [
    textArray([Buffer.from('žluťoučký 🐎'), null, 'kůň', Buffer.alloc(0)]),
  ]);
  expect(rows[0]?.values).toEqual(['žluťoučký 🐎', null, 'kůň', '']);
});

test.each([
  ['uuid', ['0b9f3a52-5b1c-4d3e-8f00-000000000001', null], undefined],
  ['bigint', [9_223_372_036_854_775_807n, null, -1n], ['9223372036854775807', null, '-1']],
  ['boolean', [true, null, false], undefined],
  ['timestamptz', ['infinity', null, '2026-03-04T05:06:07.123456Z', '0044-03-15 00:00:00+00 BC'], undefined],
])('a plain %s[] arrives as it was', async (type, values, expected) => {
  const { rows } = await pool.query<{ same: boolean }>(
    `SELECT $1::${type}[] IS NOT DISTINCT FROM $2::${type}[] AS same`,
    [new PlainArray(values), expected ?? values],
  );
  expect(rows).toEqual([{ same: true }]);
});
