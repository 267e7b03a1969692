import { FatalError } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';

/** The stages of the old table on its way to the drop, in this order. */
export const STAGES = ['soaking', 'ready', 'fenced', 'archived', 'dropped'] as const;
export type Stage = (typeof STAGES)[number];

/** Where each stage may go: one step forward, and back to `soaking` from every stage before the drop. */
export const TRANSITIONS: Readonly<Record<Stage, readonly Stage[]>> = {
  soaking: ['ready'],
  ready: ['fenced', 'soaking'],
  fenced: ['archived', 'soaking'],
  archived: ['dropped', 'soaking'],
  dropped: [],
};

/** A row of `history_cdc.stage`. */
export interface EnteredStage {
  readonly id: string;
  readonly stage: Stage;
  readonly at: Date;
  readonly performedBy: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

const NEWEST = `
  SELECT id::text, stage, at, performed_by AS "performedBy", evidence
  FROM history_cdc.stage ORDER BY id DESC LIMIT 1`;

/** The newest row; undefined if no stage was ever entered. Then the stage is `soaking`. */
export async function newestStage(client: Client): Promise<EnteredStage | undefined> {
  return (await client.query<EnteredStage>(NEWEST)).rows[0];
}

export async function currentStage(client: Client): Promise<Stage> {
  return (await newestStage(client))?.stage ?? 'soaking';
}

export interface StageEntry {
  readonly stage: Stage;
  /** The name of the person who entered the stage. */
  readonly by: string;
  /** Ids, positions, counts and hashes; never a value of a row. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Transactions that enter a stage take turns by this lock, so that each sees the stage that it leaves. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.stage', 0))";
const ENTER = `
  INSERT INTO history_cdc.stage (performed_by, stage, evidence) VALUES ($1, $2, $3)
  RETURNING id::text, stage, at, performed_by AS "performedBy", evidence`;

/**
 * Enters a stage, with the transaction of `client`; refuses every transition that `TRANSITIONS` does not list. The lock
 * is held until the end of that transaction.
 */
export async function enterStage(client: Client, { stage, by, evidence }: StageEntry): Promise<EnteredStage> {
  await client.query(LOCK);
  const from = await currentStage(client);
  if (!TRANSITIONS[from].includes(stage)) throw notAllowed(from, stage);
  const { rows } = await client.query<EnteredStage>(ENTER, [by, stage, JSON.stringify(evidence)]);
  const [entered] = rows;
  if (entered === undefined) throw new Error('the stage was not stored');
  return entered;
}

function notAllowed(from: Stage, to: Stage): FatalError {
  const next = TRANSITIONS[from];
  return new FatalError({
    code: 'STAGE_NOT_ALLOWED',
    message: `the stage is ${from}, and the stage ${to} cannot follow it`,
    wayOut:
      next.length === 0
        ? 'nothing follows this stage'
        : `from ${from} the table goes to ${next.join(' or ')}; \`history-cdc soak\` shows the stage`,
  });
}
