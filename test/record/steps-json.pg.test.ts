import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storyboardsOf } from '../../consumers/agent-test-history/record/storyboards.ts';
import { openApplicationDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { anyPhase } from '../support/phases.ts';

const ORACLE = new URL('../support/oracle.sql', import.meta.url);

let open: OpenDatabase;
beforeAll(async () => {
  open = await openApplicationDatabase(1);
  await open.pool.query(readFileSync(ORACLE, 'utf8'));
});
afterAll(async () => {
  await open.close();
});

/** Postgres's own text of what was stored, as Debezium sends it, and the verdicts that plain SQL finds in it. */
const STORED_AND_EXPECTED = `
  SELECT steps::text AS stored, oracle.storyboards(steps)::text AS expected
  FROM unnest($1::jsonb[]) WITH ORDINALITY AS given (steps, n) ORDER BY n`;
const phases = fc.array(fc.oneof({ weight: 4, arbitrary: anyPhase }, fc.jsonValue()), { maxLength: 6 });
const tracks = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ scenarios: fc.oneof(phases, fc.jsonValue()) }) },
    fc.jsonValue(),
  ),
  { maxLength: 4 },
);
const steps = fc.oneof(
  phases,
  tracks,
  fc.record({ tracks: fc.oneof(tracks, fc.jsonValue()) }),
  fc.jsonValue(),
);
/** What jsonb holds: no NUL, and no half of a surrogate pair. */
const stepsJson = steps
  .map((value) => JSON.stringify(value))
  .filter((json) => !/\\u(?:0000|d[89a-f])/.test(json));

test('the roll-up is what plain SQL makes of the same jsonb, whatever is in it', async () => {
  let withVerdicts = 0;
  const property = fc.asyncProperty(fc.array(stepsJson, { minLength: 20, maxLength: 40 }), async (given) => {
    const { rows } = await open.pool.query<{ stored: string; expected: string | null }>(STORED_AND_EXPECTED, [
      given,
    ]);
    const rolledUp = rows.map(({ stored }) => storyboardsOf(Buffer.from(stored)));
    // To the byte: the hash of a row takes this text, and the stored one where an update left steps_json out.
    expect(rolledUp).toEqual(rows.map(({ expected }) => expected));
    withVerdicts += rolledUp.filter((verdicts) => verdicts !== null).length;
  });
  await fc.assert(property, { numRuns: 40 });
  expect(withVerdicts, 'texts with verdicts among them').toBeGreaterThan(200);
});
