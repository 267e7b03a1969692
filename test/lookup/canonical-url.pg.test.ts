import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
});
afterAll(async () => {
  await open.close();
});

/** The application's rule, in the application's language. */
function reference(url: string): string | null {
  const canonical = url.trim().toLowerCase().replace(/\/+$/, '');
  const isUnfit = /[\s\p{Cc}*]/u.test(canonical);
  return canonical === '' || isUnfit ? null : canonical;
}

async function inPostgres(urls: readonly string[]): Promise<(string | null)[]> {
  const { rows } = await open.pool.query<{ url: string | null }>(
    'SELECT history_cdc.canonical_agent_url(u.url) AS url FROM unnest($1::text[]) WITH ORDINALITY AS u (url, n) ORDER BY n',
    [urls],
  );
  return rows.map(({ url }) => url);
}

/** What JavaScript's trim() trims. */
const WHITE_SPACE =
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';

const blank = fc.constantFrom(...Array.from(WHITE_SPACE));
const ascii = fc.integer({ min: 1, max: 0x7f }).map((code) => String.fromCharCode(code));
const c1 = fc.integer({ min: 0x80, max: 0x9f }).map((code) => String.fromCharCode(code));
/** Not white space, though it looks like it. */
const lookAlike = fc.constantFrom('\u200b', '\u180e', '\u2060', '\u00ad', 'é', '漢', '🚀');
const blanks = fc.string({ unit: blank, maxLength: 3 });
const slashes = fc.string({ unit: fc.constant('/'), maxLength: 4 });
const body = fc.string({
  unit: fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...Array.from('abcXYZ09.:/-_?=&%#@')) },
    ascii,
    lookAlike,
  ),
  maxLength: 12,
});
const anyCharacter = fc.oneof(ascii, blank, c1, lookAlike, fc.constantFrom('/', '*', 'A'));
const url = fc.oneof(
  fc
    .tuple(blanks, fc.constantFrom('https://', 'HTTP://', ''), body, slashes, blanks)
    .map((parts) => parts.join('')),
  fc.string({ unit: anyCharacter, maxLength: 8 }),
);

test('Postgres and JavaScript agree on the canonical URL, over a generated corpus', async () => {
  const corpus = fc.sample(url, { numRuns: 5_000, seed: 4 });
  const expected = corpus.map(reference);
  // A corpus in which everything is refused, or nothing, would prove little.
  const named = expected.filter((canonical) => canonical !== null).length;
  expect(named).toBeGreaterThan(1_000);
  expect(named).toBeLessThan(4_500);
  const actual = await inPostgres(corpus);
  const disagreements = corpus.flatMap((text, index) =>
    actual[index] === expected[index]
      ? []
      : [{ url: JSON.stringify(text), postgres: actual[index], javascript: expected[index] }],
  );
  expect(disagreements).toEqual([]);
});

test.each(
  Array.from(WHITE_SPACE, (character) => [character.charCodeAt(0).toString(16).padStart(4, '0'), character]),
)('white space U+%s is trimmed at the ends and refused within', async (_, character) => {
  const urls = [`${character}x${character}`, `x${character}y`, `x${character}/`, character];
  expect(urls.map(reference)).toEqual(['x', null, null, null]);
  expect(await inPostgres(urls)).toEqual(['x', null, null, null]);
});

test('a canonical URL is its own canonical URL', async () => {
  const once = (await inPostgres(fc.sample(url, { numRuns: 1_000, seed: 5 }))).filter(
    (text) => text !== null,
  );
  expect(once.length).toBeGreaterThan(100);
  expect(await inPostgres(once)).toEqual(once);
});
