import type { FactValues } from '../../operations/facts/facts.ts';
import { healthyFacts } from './healthy.ts';
import { identifier, sql } from '../../lib/quoting.ts';

/** Fields of an area that are otherwise, or the whole of it where it is no object. */
export type Patch = { readonly [A in keyof FactValues]?: Partial<FactValues[A]> | number | null | undefined };

/** Check, verdict, what is otherwise, and what the evidence says of it. */
export type Red = readonly [check: string, verdict: 'failed' | 'warning', otherwise: Patch, evidence: string];

/** The healthy facts, with some of an area's fields replaced, or the whole of it where it is no object. */
export function patched(patch: Patch): FactValues {
  const facts: Record<string, unknown> = { ...healthyFacts() };
  for (const [area, change] of Object.entries(patch)) {
    const whole = facts[area];
    const isObject = (value: unknown): value is object =>
      typeof value === 'object' && value !== null && !Array.isArray(value);
    facts[area] = isObject(change) && isObject(whole) ? Object.assign({}, whole, change) : change;
  }
  return facts as unknown as FactValues;
}

/** The last heartbeat as having been written and having come at that time. */
export function beat(at: Date): Patch {
  return { observed: { heartbeat: { beatAt: at, arrivedAt: at, streamed: true } } };
}

/** To somebody who is no operator. */
export function signalGrant(privilege: string, grantee: string) {
  const place = sql`history_cdc_source.signal`;
  return { place, privilege, column: null, grantee: identifier(grantee), isOperator: false };
}
