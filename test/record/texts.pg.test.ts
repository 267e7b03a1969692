import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { createApplication } from '../../demo/generate.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { assertFit, CANONICAL_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { withDatabase } from '../support/database.ts';

// A database of each kind is made and migrated, which takes a second each on a quiet machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** The application's rules, in the application's language. */
function canonical(url: string): string | null {
  const text = url.trim().toLowerCase().replace(/\/+$/, '');
  return text === '' || /[\s\p{Cc}*]/u.test(text) ? null : text;
}
const isBlank = (text: string) => text.trim() === '';

/** Each says something about a character of every kind that a locale, a provider or a version of Unicode may treat its own way. */
const HARD = Array.from(
  "İIıiſsßẞΣσςΑα\u0085\u00a0\u2028\ufeff\u180e\u200b\u0307\u0301\u0345ʰKÅŉǰΐﬁǅﬆÄÉéȺⱥꙀ𐐀𐐨🚀漢.:/-'*\t A1",
);
const hard = fc.string({ unit: fc.constantFrom(...HARD), maxLength: 7 });
const anything = fc
  .string({ unit: 'binary', maxLength: 6 })
  .filter((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text));
const TEXTS = [
  ...fc.sample(hard, { numRuns: 6_000, seed: 15 }),
  ...fc.sample(anything, { numRuns: 2_000, seed: 16 }),
  ...everyCharacter(),
];

/** Each character that JavaScript changes, and each that it trims; alone, and between letters. */
function everyCharacter(): string[] {
  const texts: string[] = [];
  for (let code = 1; code < 0x110000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const character = String.fromCodePoint(code);
    if (character.toLowerCase() !== character || character.trim() === '' || code < 0x250)
      texts.push(character, `a${character}b`, `aΣ${character}`, `${character}Σ`);
  }
  return texts;
}

const RULES = `
  SELECT history_cdc.canonical_agent_url(t) AS url, history_cdc.is_blank(t) AS blank
  FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n) ORDER BY n`;

interface Made {
  readonly pool: Pool;
  drop(): Promise<void>;
}

async function database(options: string): Promise<Made> {
  const { superuserUrl, databaseUrl } = inject('servers');
  const dba = new pg.Client({ connectionString: superuserUrl });
  await dba.connect();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await dba.query(`CREATE DATABASE ${name} OWNER app TEMPLATE template0 ${options}`);
  const pool = createPool({ url: withDatabase(databaseUrl, name), name: 'test', connections: 1 });
  return {
    pool,
    drop: async () => {
      await pool.end();
      await dba.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await dba.end();
    },
  };
}

describe.each([
  ['C of libc', "ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'"],
  ['C.utf8 of libc', "ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C.utf8'"],
  ['C.UTF-8 of Postgres', "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"],
  ['PG_UNICODE_FAST', "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'"],
  ['the root of ICU', "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'und'"],
  ['Turkish', "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr'"],
  ['Lithuanian', "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'lt'"],
])('in a database of the locale %s', (_, options) => {
  let made: Made;
  beforeAll(async () => {
    made = await database(options);
    await createApplication(made.pool);
    await migrate(made.pool, undefined);
  });
  afterAll(async () => {
    await made.drop();
  });

  test('the rule in SQL is the rule in JavaScript, over hard texts and every character that changes', async () => {
    const { rows } = await made.pool.query<{ url: string | null; blank: boolean }>(RULES, [TEXTS]);
    expect(rows).toHaveLength(TEXTS.length);
    const differ = TEXTS.flatMap((text, n) => {
      const [expected, blank] = [canonical(text), isBlank(text)];
      const row = rows[n];
      return row?.url === expected && row.blank === blank
        ? []
        : [{ text: JSON.stringify(text), postgres: row, expected, blank }];
    });
    expect(differ.slice(0, 20)).toEqual([]);
    // Texts that are all refused, or none, would prove little.
    const named = rows.filter(({ url }) => url !== null).length;
    expect(named).toBeGreaterThan(3_000);
    expect(rows.length - named).toBeGreaterThan(500);
  });
});

test.each([
  ['LATIN1', "ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"],
  ['SQL_ASCII', "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"],
])('a database of the encoding %s is refused by its name', async (encoding, options) => {
  const made = await database(options);
  try {
    await expect(assertFit(made.pool, CANONICAL_TABLES, 'DATABASE_URL')).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: expect.stringContaining(`the encoding UTF8; this database has ${encoding}`) as string,
    });
  } finally {
    await made.drop();
  }
});
