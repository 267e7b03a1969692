import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';

/** The rows of the legacy table that a snapshot reads. */
export type Scope =
  | { readonly kind: 'table' }
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'where'; readonly condition: string };

/**
 * The maximum number of ids per signal. Connect stores the whole condition with every offset that it commits, in a
 * record of at most 1 MiB by default. 2,000 ids take 78 kB.
 */
export const IDS_A_SIGNAL = 2_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Parses ids that are separated by commas or lines. Repeated ids are dropped; text after a # is a remark. */
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
        : `${wrong.length.toLocaleString('en')} of ${ids.length.toLocaleString('en')} ids are not UUIDs; the first is ${JSON.stringify(wrong[0]?.slice(0, 60))}`,
    wayOut: 'give legacy ids, separated by commas, or the path of a file with one id per line',
  });
}

/** Splits a scope into one scope per signal. */
export function portionsOf(scope: Scope): Scope[] {
  if (scope.kind !== 'ids') return [scope];
  const portions: Scope[] = [];
  for (let start = 0; start < scope.ids.length; start += IDS_A_SIGNAL)
    portions.push({ kind: 'ids', ids: scope.ids.slice(start, start + IDS_A_SIGNAL) });
  return portions;
}

/**
 * The condition that Debezium puts into its own statements; null for all rows. It is in parentheses, because Debezium
 * joins it with AND. It is on lines of its own, so that a comment in it cannot reach the rest of the statement.
 */
export function conditionOf(scope: Scope): string | null {
  switch (scope.kind) {
    case 'table':
      return null;
    case 'ids':
      // `parseIds` has checked that each id is a UUID.
      return `(id IN (${scope.ids.map((id) => `'${id}'`).join(', ')}))`;
    case 'where':
      return `(\n${scope.condition}\n)`;
  }
}

const AS_CONDITION = (condition: string) =>
  `SELECT 1 FROM public.agent_test_history WHERE (\n${condition}\n) LIMIT $1`;
/** Checks the condition without our parentheses, so that `a) OR (b` is refused. */
const AS_VALUE = (condition: string) =>
  `SELECT ARRAY[\n${condition}\n]::boolean[] FROM public.agent_test_history LIMIT $1`;

/**
 * Lets Postgres parse the condition before Debezium uses it. With a wrong condition, Debezium would end the snapshot as
 * "completed". The statement has a parameter, because Postgres then accepts only one statement.
 */
export async function assertCondition(legacy: Client, condition: string): Promise<void> {
  try {
    for (const statement of [AS_CONDITION, AS_VALUE]) await legacy.query(statement(condition), [0]);
  } catch (error) {
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `Postgres refuses the condition: ${messageOf(error)}`,
      wayOut:
        'give an SQL condition on columns of agent_test_history, for example --where "started_at >= \'2026-05-01\'"',
      cause: error,
    });
  }
}
