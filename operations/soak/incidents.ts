import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { ConditionId } from './condition.ts';

export const INCIDENT_KINDS = [
  'gap',
  'wrong_verdict',
  'quarantined_owner',
  'straggler',
  'late_owner_write',
  'fenced_write',
] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

interface Meaning {
  /** The conditions whose clock it stops: the clock begins anew when it is over, or at its moment. */
  readonly stops: readonly ConditionId[];
  /** It goes on until it ends. Else it is a moment, and an end says that it was none. */
  readonly lasts: boolean;
  /** Once it is over, a person's explanation takes it out of the clock. Never out of the list. */
  readonly explainable: boolean;
}

/**
 * What each kind means. A gap cannot be explained, because nobody knows who wrote while nothing was seen; a late owner's
 * write neither, because only quiet days show that the old pod is gone.
 */
export const MEANINGS: Readonly<Record<IncidentKind, Meaning>> = {
  gap: { stops: ['canonical-live', 'no-owner-writes', 'no-updates'], lasts: true, explainable: false },
  wrong_verdict: { stops: ['canonical-live'], lasts: true, explainable: true },
  quarantined_owner: { stops: ['canonical-live'], lasts: true, explainable: true },
  straggler: { stops: ['canonical-live'], lasts: false, explainable: true },
  late_owner_write: { stops: ['no-owner-writes'], lasts: false, explainable: false },
  fenced_write: { stops: ['no-owner-writes', 'no-updates'], lasts: false, explainable: true },
};

/** A row of `history_cdc.incident`, with what became of it. */
export interface Incident {
  readonly id: string;
  readonly kind: IncidentKind;
  readonly subject: string;
  readonly beganAt: Date;
  readonly seenAt: Date;
  /** When it ended by itself: the record was healed, the gap was closed. */
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
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

export function isOver({ kind, endedAt }: Incident): boolean {
  return !MEANINGS[kind].lasts || endedAt !== null;
}

/** It stops a clock: it goes on, or it is over and nobody has explained it as far as its kind allows that. */
export function counts(incident: Incident): boolean {
  const { lasts, explainable } = MEANINGS[incident.kind];
  if (!isOver(incident)) return true;
  if (!lasts && incident.endedAt !== null) return false;
  return !(explainable && incident.explainedAt !== null);
}

/** From when on the clock runs again; null while it goes on. */
export function clockFrom({ kind, beganAt, endedAt }: Incident): Date | null {
  return MEANINGS[kind].lasts ? endedAt : beganAt;
}
