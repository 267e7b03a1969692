import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';

/** Which rows of the legacy table are read. */
export type Scope =
  | { readonly kind: 'table' }
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'where'; readonly condition: string };

/**
 * Ids a signal. Connect stores the whole condition with every offset that it commits, in a record that may have 1 MiB
 * by default: 2,000 ids are 78 kB.
 */
export const IDS_A_SIGNAL = 2_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The ids of a list or a file: one a line or separated by commas, each once; what follows a # is a remark. */
export function parseIds(text: string): string[] {
  const words = text
    .replaceAll(/#.*$/gm, '')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const ids = [...new Set(words.map((word) => word.toLowerCase()))];
  const wrong = ids.filter((id) => !UUID.test(id));
  if (ids.length > 0 && wrong.length === 0) return ids;
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message:
      ids.length === 0
        ? 'no ids were given'
        : `${wrong.length.toLocaleString('en')} of ${ids.length.toLocaleString('en')} ids are no UUIDs, the first is ${JSON.stringify(wrong[0]?.slice(0, 60))}`,
    wayOut: 'give legacy ids, separated by commas, or the path of a file with one a line',
  });
}

/** One scope a signal, in order. */
export function portionsOf(scope: Scope): Scope[] {
  if (scope.kind !== 'ids') return [scope];
  const portions: Scope[] = [];
  for (let start = 0; start < scope.ids.length; start += IDS_A_SIGNAL)
    portions.push({ kind: 'ids', ids: scope.ids.slice(start, start + IDS_A_SIGNAL) });
  return portions;
}

/**
 * The condition that Debezium puts into its own statements; null where all rows are read. In parentheses, because it is
 * joined with AND; on lines of its own, so that a comment at its end ends there.
 */
export function conditionOf(scope: Scope): string | null {
  switch (scope.kind) {
    case 'table':
      return null;
    case 'ids':
      // Each is a UUID by its form, or `parseIds` would have refused it.
      return `(id IN (${scope.ids.map((id) => `'${id}'`).join(', ')}))`;
    case 'where':
      return `(\n${scope.condition}\n)`;
  }
}

const AS_CONDITION = (condition: string) =>
  `SELECT 1 FROM public.agent_test_history WHERE (\n${condition}\n) LIMIT $1`;
/** Without parentheses of ours: `a) OR (b` passes the first and not this. */
const AS_VALUE = (condition: string) =>
  `SELECT ARRAY[\n${condition}\n]::boolean[] FROM public.agent_test_history LIMIT $1`;

/**
 * Has Postgres parse the condition before Debezium does: a wrong one would end the snapshot there, as "completed". With
 * a parameter, because then Postgres takes one statement only.
 */
export async function assertCondition(legacy: Client, condition: string): Promise<void> {
  try {
    for (const statement of [AS_CONDITION, AS_VALUE]) await legacy.query(statement(condition), [0]);
  } catch (error) {
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `Postgres does not take the condition: ${messageOf(error)}`,
      wayOut:
        'give what may stand behind WHERE, over columns of agent_test_history: --where "started_at >= \'2026-05-01\'"',
      cause: error,
    });
  }
}
