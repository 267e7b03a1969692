import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

export const INCIDENT_KINDS = [
  'gap',
  'wrong_verdict',
  'quarantined_owner',
  'straggler',
  'late_owner_write',
  'fenced_write',
] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** A row of `history_cdc.incident`, with what became of it. */
export interface Incident {
  readonly id: string;
  readonly kind: IncidentKind;
  readonly subject: string;
  readonly beganAt: Date;
  readonly seenAt: Date;
  /** When it ended by itself: the record was healed, the gap was closed. */
  readonly endedAt: Date | null;
  readonly explainedAt: Date | null;
  readonly explainedBy: string | null;
  readonly reason: string | null;
  readonly ids: readonly string[];
  readonly detail: string;
}

const LIST = sqlFile(import.meta.url, './sql/incidents.sql');

/** All of them, the newest first. */
export async function readIncidents(client: Client): Promise<readonly Incident[]> {
  return (await client.query<Incident>(LIST)).rows;
}
