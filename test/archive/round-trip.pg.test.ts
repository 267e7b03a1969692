import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { identifier } from '../../lib/quoting.ts';
import { EDGE_PROFILES, EDGE_SUMMARIES, EDGE_TIMES } from '../support/edge-values.ts';
import { exported, useArchiveWorld } from './archived.ts';
import { LEGACY, restored, rowsOf } from './restored.ts';

/*
 * Random tables with columns of many types and hard values: exported, restored beside the old table, and compared by Postgres
 * value by value. What is compared shares no code with the archive.
 */

const world = useArchiveWorld();

/** Values of a type, as Postgres reads them. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  smallint: ['-32768', '32767', '0'],
  bigint: ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
  numeric: ['NaN', 'Infinity', '-0.000', '123456789012345678901234567890.000000000000000000001', '1e400'],
  'numeric(10,2)': ['0.10', '-99999999.99'],
  real: ['1e-45', '3.4028235e+38', 'NaN', '-0', '0.1'],
  'double precision': ['5e-324', '1.7976931348623157e+308', '-Infinity', '0.30000000000000004'],
  text: [...EDGE_SUMMARIES, 'NULL', '\\N', '\\.', 'a\tb\r\nc', '\u0001', '\u007f', '{}', '"'],
  'character varying(20)': ['', ' \t', '\\'],
  'character(5)': ['a', '', '  b'],
  '"char"': ['a', ''],
  name: ['x', 'pg_class'],
  boolean: ['t', 'f'],
  bytea: ['\\x', '\\x00ff0a0d095c'],
  json: ['{"b":1,  "b":2}', ' null ', '"\\u2028"', '1e1000'],
  jsonb: EDGE_PROFILES,
  jsonpath: ['$.a[*] ? (@ > 1)'],
  'timestamp with time zone': EDGE_TIMES,
  'timestamp without time zone': ['infinity', '0044-03-15 12:00:00.5 BC', '294276-12-31 23:59:59.999999'],
  'timestamp(0) with time zone': ['2024-02-29 23:59:59+00'],
  date: ['infinity', '4713-01-01 BC', '5874897-12-31'],
  time: ['24:00:00', '00:00:00.000001'],
  'time with time zone': ['23:59:59.999999+15:59', '00:00:00-15:59:59'],
  interval: ['-1 year -2 mons +3 days -04:05:06.789', '178000000 years', '0'],
  uuid: ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  inet: ['192.168.0.1/24', '::ffff:1.2.3.4/128', '10.0.0.1'],
  cidr: ['10.0.0.0/8', '2001:db8::/32'],
  macaddr: ['08:00:2b:01:02:03'],
  'bit(3)': ['101'],
  'bit varying': ['', '0101'],
  money: ['-92233720368547758.08', '0.10'],
  point: ['(1e300,-0.1)'],
  polygon: ['((0,0),(1,1),(0.1,2))'],
  'text[]': ['{}', '{NULL,"NULL","",a\\\\b,"{"}', '[-1:0]={x,y}', '{{a,b},{c,d}}'],
  'integer[]': ['{1,NULL,-2147483648}'],
  'jsonb[]': ['{"{\\"a\\": 1.0}",NULL}'],
  int4range: ['empty', '[1,5)', '(,)'],
  tstzrange: ['["0044-03-15 12:00:00+00 BC",infinity]'],
  nummultirange: ['{}', '{[1.0,2.50),(3,]}'],
  tsvector: ["'a':1A 'it''s':2,3"],
  tsquery: ["'a' & !'b' <-> 'c'"],
  pg_lsn: ['FFFFFFFF/FFFFFFFF', '0/0'],
  oid: ['4294967295'],
  regclass: ['pg_class'],
  xid8: ['18446744073709551615'],
  pair: ['(1,"a ""b"" \\\\,")', '(,)'],
  mood: ['so so', ''],
  percent: ['0', '100'],
};

const names = fc.constantFrom(
  'x',
  'Odd "name"',
  '1st',
  'ünï',
  'select',
  'a b',
  'history_cdc_decision',
  'x_2',
  'two\nlines',
);
const column = fc.constantFrom(...Object.keys(TYPES)).chain((type) =>
  fc.record({
    type: fc.constant(type),
    name: names,
    values: fc.array(fc.option(fc.constantFrom(...(TYPES[type] ?? [])), { freq: 3 }), {
      minLength: 6,
      maxLength: 6,
    }),
    withDefault: fc.boolean(),
  }),
);
const table = fc.record({
  columns: fc.uniqueArray(column, { selector: ({ name }) => name, minLength: 1, maxLength: 8 }),
  times: fc.array(fc.constantFrom(...EDGE_TIMES), { minLength: 1, maxLength: 6 }),
  dropped: fc.boolean(),
});
type Table = typeof table extends fc.Arbitrary<infer T> ? T : never;

async function make({ columns, times, dropped }: Table): Promise<void> {
  const { canonical: pool } = world();
  const context = randomUUID();
  if (dropped)
    await pool.query(
      'ALTER TABLE agent_test_history ADD COLUMN gone int; ALTER TABLE agent_test_history DROP COLUMN gone',
    );
  for (const { name, type, withDefault, values } of columns) {
    const [first] = values;
    const standard =
      withDefault && first !== null && first !== undefined ? ` DEFAULT '${first.replaceAll("'", "''")}'` : '';
    await pool.query(`ALTER TABLE agent_test_history ADD COLUMN ${identifier(name)} ${type}${standard}`);
  }
  await pool.query(
    "INSERT INTO agent_contexts (id, organization_id, agent_url) VALUES ($1::uuid, $1::uuid::text, 'https://agent.example')",
    [context],
  );
  const list = columns.map(({ name }) => `, ${identifier(name)}`).join('');
  for (const [row, time] of times.entries()) {
    const values = columns.map(({ values: given }) => given[row] ?? null);
    const places = columns.map(({ type }, at) => `, $${String(at + 4)}::text::${type}`).join('');
    await pool.query(
      `INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, started_at${list})
       VALUES ($1, $2, 'x', true, 1, 0, $3${places})`,
      [randomUUID(), context, time, ...values],
    );
  }
}

async function remove({ columns }: Table): Promise<void> {
  const drops = columns.map(({ name }) => `DROP COLUMN ${identifier(name)}`).join(', ');
  await world().canonical.query(
    `DROP SCHEMA IF EXISTS restored CASCADE; DELETE FROM agent_test_history; ALTER TABLE agent_test_history ${drops}`,
  );
}

test('whatever its columns and values are, a table comes back from the archive equal in every value', async () => {
  await world().canonical.query(
    `CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('so so', ''); CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100)`,
  );
  const place = { schema: 'restored', table: 'agent_test_history' };
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(table, async (made) => {
      try {
        await make(made);
        const { target } = world().fresh();
        const { manifest } = await exported(world(), { target });
        await restored({ target, legacy: world().legacy }, manifest, { place });
        expect(await rowsOf(world().canonical, place)).toEqual(await rowsOf(world().canonical, LEGACY));
        for (const { type } of made.columns) seen.add(type);
      } finally {
        await remove(made);
      }
    }),
    { numRuns: 25 },
  );
  expect(seen.size).toBeGreaterThan(20);
});
