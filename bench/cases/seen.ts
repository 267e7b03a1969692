import type { Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

export const CASES = {
  'large jsonb': 'a value left out of an update (jsonb, TOAST)',
  'large text': 'the same, of a text column',
  null: 'a NULL that arrives as the default (dry_run)',
  redelivery: 'everything comes twice',
  stranger: "a stranger's row",
  recorded: 'a row that a live writer had recorded',
  straggler: 'a row that the live writer missed',
} as const;
export type Case = keyof typeof CASES;

export interface Seen {
  readonly peer: string;
  readonly case: Case;
  readonly good: boolean;
  readonly what: string;
}

/** The change that a merge of contexts makes: every other column stays, so large values are left out of its event. */
export const MERGE_CONTEXT = `
  UPDATE agent_test_history SET agent_context_id = bench.id('context', 1)
  WHERE id = (SELECT id FROM bench.hard_case WHERE name = $1)`;

const SEEN = sqlFile(import.meta.url, '../sql/cases-seen.sql');

interface Fate {
  readonly name: Exclude<Case, 'redelivery'>;
  readonly copies: number;
  readonly same: boolean;
  readonly follows: boolean;
  readonly dry_run: boolean;
  readonly with_its_headline: number;
}

/** What the canonical table holds of the cases. */
export async function seenInCanonical(pool: Pool, peer: string): Promise<Seen[]> {
  const { rows } = await pool.query<Fate>(SEEN);
  return rows.map((fate) => ({ peer, case: fate.name, ...judge(fate) }));
}

function judge({
  name,
  copies,
  same,
  follows,
  dry_run,
  with_its_headline,
}: Fate): Pick<Seen, 'good' | 'what'> {
  switch (name) {
    case 'large jsonb':
    case 'large text': {
      const value = same ? 'value kept' : 'value lost';
      return {
        good: copies === 1 && same && follows,
        what: `${value}, ${follows ? 'and the update followed' : 'the update not seen'}`,
      };
    }
    case 'null':
      return { good: copies === 1 && dry_run, what: dry_run ? 'true, as the mapping wants' : 'not true' };
    case 'stranger':
      return { good: copies === 0, what: copies === 0 ? 'no canonical row' : 'taken for an owner’s' };
    case 'recorded':
      return {
        good: copies === 0 && with_its_headline === 1,
        what: copies === 0 ? 'the live row alone' : `recorded ${String(with_its_headline)} times`,
      };
    case 'straggler':
      return { good: copies === 1, what: copies === 1 ? 'its row is there' : 'lost' };
  }
}

export async function countRuns(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    'SELECT count(*)::integer AS n FROM agent_compliance_runs',
  );
  return rows[0]?.n ?? 0;
}
