import type { Client } from '../../lib/postgres.ts';
import type { ConditionId, ConditionState } from './condition.ts';
import type { SoakReport } from './soak.ts';

const KEEP = `
  INSERT INTO history_cdc.soak_look (conditions, forecast) VALUES ($1, $2)
  ON CONFLICT (is_only) DO UPDATE SET at = clock_timestamp(), conditions = excluded.conditions, forecast = excluded.forecast`;

/** Keeps what a look came to, for `status`, `doctor` and the metrics, which do not ask all of it again. */
export async function keepLook(client: Client, { conditions, forecast }: SoakReport): Promise<void> {
  const states: Record<string, ConditionState> = Object.fromEntries(
    conditions.map(({ id, state }) => [id, state]),
  );
  await client.query(KEEP, [JSON.stringify(states), forecast]);
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
  readonly forecast: Date | null;
}

const KEPT = 'SELECT at, clock_timestamp() AS now, conditions AS states, forecast FROM history_cdc.soak_look';

/** The last look; undefined where nobody has looked yet. */
export async function readKeptLook(client: Client): Promise<KeptLook | undefined> {
  return (await client.query<KeptLook>(KEPT)).rows[0];
}
