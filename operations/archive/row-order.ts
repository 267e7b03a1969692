import type { Value } from './row-hash.ts';

/** The place of a row in its month. */
export interface RowKey {
  readonly startedAt: Value;
  readonly id: Value;
}

/** Below zero if `a` comes before `b` in Postgres's order of (started_at, id). */
export function compareRows(a: RowKey, b: RowKey): number {
  return compareTimes(a.startedAt, b.startedAt) || compareBytes(a.id, b.id);
}

/** The text of a uuid has the order of the uuid. */
function compareBytes(a: Value, b: Value): number {
  return Buffer.compare(a ?? Buffer.alloc(0), b ?? Buffer.alloc(0));
}

function compareTimes(a: Value, b: Value): number {
  if (a === null || b === null) return Number(b !== null) - Number(a !== null);
  if (a.equals(b)) return 0;
  const [first, second] = [timeOf(a), timeOf(b)];
  return first.year - second.year || (first.rest < second.rest ? -1 : 1);
}

/** Within a year, the texts have the order of the times: a shorter fraction is followed by `+`, which comes before all digits. */
function timeOf(text: Buffer): { readonly year: number; readonly rest: string } {
  const all = text.toString('latin1');
  if (all === 'infinity') return { year: Infinity, rest: '' };
  if (all === '-infinity') return { year: -Infinity, rest: '' };
  const dash = all.indexOf('-');
  const year = Number(all.slice(0, dash));
  return { year: all.endsWith(' BC') ? 1 - year : year, rest: all.slice(dash) };
}
