import type { Client } from '../../lib/postgres.ts';
import type { ConditionState } from './condition.ts';
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
