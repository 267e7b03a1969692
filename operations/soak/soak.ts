import type { Config } from '../../lib/config.ts';
import { required, valueOf } from '../facts/answer.ts';
import type { Services } from '../facts/services.ts';
import { holds, type Condition } from './condition.ts';
import { judgeConditions } from './conditions.ts';
import { askSoakFacts, type Asking } from './facts.ts';
import type { Incident } from './incidents.ts';
import { loweredIn } from './quiet.ts';
import type { Stage } from './stages.ts';

export interface SoakReport {
  /** By the clock of the canonical database. */
  readonly at: Date;
  readonly stage: Stage;
  /** Every condition is met, or attested where a person attests it. */
  readonly allMet: boolean;
  readonly conditions: readonly Condition[];
  /** None where they could not be read; then the conditions that depend on them are unknown. */
  readonly incidents: readonly Incident[];
  /** When the table may go if nothing happens; null where that depends on a person, or is not known. */
  readonly forecast: Date | null;
  /** How long each clock had to run. */
  readonly days: { readonly live: number; readonly read: number; readonly quiet: number };
  /** Settings that ask for fewer days than is usual, each as a sentence. */
  readonly lowered: readonly string[];
}

/**
 * May the legacy table go? Asks every fact, and judges every condition. A fact that gives no answer makes its conditions
 * unknown. Only the canonical database must answer, because without it there is nothing to report. It records incidents and
 * samples of readers on its way. `services` should be opened with the bounds `work`, because some facts read a whole table.
 */
export async function lookAtSoak(
  services: Services,
  config: Config,
  asking: Asking = {},
): Promise<SoakReport> {
  const facts = await askSoakFacts(services, config, asking);
  const at = required(facts.now);
  const limits = { ...config, ...asking.days };
  const conditions = judgeConditions(facts, limits);
  const { SOAK_LIVE_DAYS: live, SOAK_READ_DAYS: read, SOAK_QUIET_DAYS: quiet } = limits;
  return {
    at,
    stage: required(facts.stage),
    allMet: conditions.every(holds),
    conditions,
    incidents: valueOf(facts.incidents) ?? [],
    forecast: forecastOf(conditions, at),
    days: { live, read, quiet },
    lowered: loweredIn(limits),
  };
}

/** The latest of the days on which the conditions will be met; null as soon as one of them has none. */
export function forecastOf(conditions: readonly Condition[], at: Date): Date | null {
  let latest = at;
  for (const condition of conditions) {
    if (holds(condition)) continue;
    if (condition.metAt === null) return null;
    if (condition.metAt > latest) latest = condition.metAt;
  }
  return latest;
}
