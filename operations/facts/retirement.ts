import type { Client } from '../../lib/postgres.ts';
import { certain, ifMigrated } from './postgres.ts';

/** The stage of the legacy table, and what the last look at the soak came to (operations/soak). */
export interface RetirementFacts {
  readonly stage: string;
  /** Null where nobody has looked yet, as in what follows. */
  readonly lookedAt: Date | null;
  /** Conditions that are met or attested, of all. */
  readonly held: number | null;
  readonly conditions: number | null;
}

const RETIREMENT = `
  SELECT coalesce((SELECT stage FROM history_cdc.stage ORDER BY id DESC LIMIT 1), 'soaking') AS stage, l.at AS "lookedAt",
         (SELECT count(*) FROM jsonb_each_text(l.conditions) AS c WHERE c.value IN ('met', 'attested'))::integer * CASE WHEN l.at IS NOT NULL THEN 1 END AS held,
         (SELECT count(*) FROM jsonb_each_text(l.conditions))::integer * CASE WHEN l.at IS NOT NULL THEN 1 END AS conditions
  FROM (SELECT 1) AS one LEFT JOIN history_cdc.soak_look l ON true`;

/** Undefined where the ledger is of an earlier release. */
export async function readRetirement(client: Client): Promise<RetirementFacts | undefined> {
  return await ifMigrated(async () => certain((await client.query<RetirementFacts>(RETIREMENT)).rows[0]));
}
