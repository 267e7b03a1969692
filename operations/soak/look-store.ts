import type { Client } from '../../lib/postgres.ts';
import type { ConditionId, ConditionState } from './condition.ts';
import type { SoakReport } from './soak.ts';

const KEEP = `
  INSERT INTO history_cdc.soak_look (conditions, since, forecast) VALUES ($1, $2, $3)
  ON CONFLICT (is_only) DO UPDATE SET at = clock_timestamp(), conditions = excluded.conditions, since = excluded.since,
    forecast = excluded.forecast`;

/** Keeps what a look came to, for `status`, `doctor` and the metrics, which do not ask all of it again. */
export async function keepLook(client: Client, { conditions, forecast }: SoakReport): Promise<void> {
  const states: Record<string, ConditionState> = Object.fromEntries(
    conditions.map(({ id, state }) => [id, state]),
  );
  const since = Object.fromEntries(
    conditions.flatMap(({ id, since: at }) => (at === null ? [] : [[id, at.toISOString()]])),
  );
  await client.query(KEEP, [JSON.stringify(states), JSON.stringify(since), forecast]);
}

const IS_DUE = `
  SELECT NOT EXISTS (
    SELECT FROM history_cdc.soak_look
    WHERE at BETWEEN clock_timestamp() - $1 * interval '1 millisecond' AND clock_timestamp()) AS due`;

/** False where a look is younger than that; one that is dated in the future does not count. */
export async function isLookDue(client: Client, ms: number): Promise<boolean> {
  return (await client.query<{ due: boolean }>(IS_DUE, [ms])).rows[0]?.due !== false;
}

/** What a look came to, as it is kept. */
export interface KeptLook {
  readonly at: Date;
  /** By the clock of the same database, when it was read. */
  readonly now: Date;
  readonly states: Readonly<Partial<Record<ConditionId, ConditionState>>>;
  /** Since when the clock of a condition runs, or since when it is met; absent where there is no such time. */
  readonly since: Readonly<Partial<Record<ConditionId, string>>>;
  readonly forecast: Date | null;
}

const KEPT =
  'SELECT at, clock_timestamp() AS now, conditions AS states, since, forecast FROM history_cdc.soak_look';

/** The last look; undefined where nobody has looked yet. */
export async function readKeptLook(client: Client): Promise<KeptLook | undefined> {
  return (await client.query<KeptLook>(KEPT)).rows[0];
}
