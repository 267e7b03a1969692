import type { Client } from '../../lib/postgres.ts';
import type { ConditionId, ConditionState } from '../soak/condition.ts';
import { readIncidents, type Incident } from '../soak/incidents.ts';
import { currentStage, type Stage } from '../soak/stages.ts';

/** What the database holds of the soak, whoever looked last. */
export interface SoakLook {
  readonly stage: Stage;
  /** Null where nobody has looked yet. */
  readonly look: {
    readonly at: Date;
    /** By the clock of the canonical database. */
    readonly secondsAgo: number;
    readonly conditions: Readonly<Partial<Record<ConditionId, ConditionState>>>;
  } | null;
  readonly incidents: readonly Incident[];
}

const LOOK = `
  SELECT at, conditions, extract(epoch FROM clock_timestamp() - at)::float8 AS "secondsAgo"
  FROM history_cdc.soak_look`;

export async function readSoakLook(client: Client): Promise<SoakLook> {
  const { rows } = await client.query<NonNullable<SoakLook['look']>>(LOOK);
  return { stage: await currentStage(client), look: rows[0] ?? null, incidents: await readIncidents(client) };
}
