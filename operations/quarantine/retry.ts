import { FatalError } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';
import { RACE_ATTEMPTS, untilEnvironmentAllows } from '../../lib/retry.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Decoder } from '../../consumers/agent-test-history/record/decode.ts';
import type { PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import { attempt, type Retried, type RetryOutcome } from './attempt.ts';
import { planStories, readStories, type Plan } from './stories.ts';

const CANDIDATES = sqlFile(import.meta.url, './sql/candidates.sql');
const CANDIDATES_AT_ONCE = 500;

export interface RetryFilter {
  /** If ids are given, waived records among them are retried, too. If undefined, all open records are retried. */
  readonly ids?: readonly string[] | undefined;
  readonly reason?: string | undefined;
  readonly legacyId?: string | undefined;
}

export interface RetryOptions {
  readonly context: PipelineContext;
  readonly decode: Decoder;
  readonly filter: RetryFilter;
  /** Runs the same code and rolls every transaction back. */
  readonly dryRun: boolean;
  readonly by?: string | undefined;
  /** A record with this many attempts is not retried any more. */
  readonly maxAttempts: number;
  /** Called when a transaction failed because of the environment and is tried again. */
  readonly retrying: (error: Error) => void;
  readonly retried: (records: readonly RetryAnswer[]) => void;
}

/**
 * `exhausted`: the record has used up its attempts. `closed`: the record was named, but is healed already. Neither was
 * tried.
 */
export type RetryAnswer = Omit<Retried, 'outcome'> & {
  readonly outcome: RetryOutcome | 'exhausted' | 'closed';
};

interface Candidate {
  readonly id: string;
  readonly legacy_id: string | null;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly reason: string;
  readonly detail: string;
  readonly attempts: number;
  readonly closed: boolean;
}

/**
 * Takes parked records through the projector's own stages again, each in its place in the order of its key. So they
 * have the effect that they would have had in their turn. All parked records of a key go together. Each portion is a
 * transaction of its own, so a retry that was ended can be continued.
 */
export async function retryParked(options: RetryOptions): Promise<void> {
  const { context, filter, maxAttempts } = options;
  if (filter.ids !== undefined) await assertKnown(context.canonical, filter.ids);
  // Records that were already tried together with an earlier one of their key.
  const met = new Set<string>();
  for (let after = '-1'; ;) {
    const candidates = await nextCandidates(context.canonical, filter, after);
    const last = candidates.at(-1);
    if (last === undefined) return;
    after = last.id;
    const fresh = candidates.filter(({ id }) => !met.delete(id));
    const beginning = fresh.filter(({ closed, attempts }) => !closed && attempts < maxAttempts);
    const tried = new Set<string>();
    for (const plan of await planStories(context.canonical, beginning)) {
      const records = await retryPlan(options, plan);
      for (const { id } of records) (BigInt(id) > BigInt(last.id) ? met : tried).add(id);
      options.retried(records);
    }
    options.retried(
      fresh
        .filter(({ id, closed, attempts }) => (closed || attempts >= maxAttempts) && !tried.has(id))
        .map(untried),
    );
  }
}

async function nextCandidates(
  client: Client,
  { ids, reason, legacyId }: RetryFilter,
  after: string,
): Promise<Candidate[]> {
  const values = [after, reason ?? null, legacyId ?? null, ids ?? null, CANDIDATES_AT_ONCE];
  return (await client.query<Candidate>(CANDIDATES, values)).rows;
}

async function retryPlan(
  { context, decode, dryRun, by, retrying }: RetryOptions,
  plan: Plan,
): Promise<Retried[]> {
  return await untilEnvironmentAllows(
    async (nth) => {
      const how = { context, plan, dryRun, by, isLastRace: nth >= RACE_ATTEMPTS };
      return await attempt(how, await readStories(context, plan, decode));
    },
    { signal: new AbortController().signal, retrying },
  );
}

function untried({ legacy_id: legacyId, closed, ...candidate }: Candidate): RetryAnswer {
  const { id, partition, offset, reason, detail, attempts } = candidate;
  const outcome = closed ? 'closed' : 'exhausted';
  return {
    id,
    partition,
    offset,
    legacyId,
    outcome,
    decision: null,
    canonicalRunId: null,
    reason,
    detail,
    attempts,
  };
}

const KNOWN = 'SELECT id FROM history_cdc.quarantine WHERE id = ANY ($1::bigint[])';

async function assertKnown(client: Client, ids: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ id: string }>(KNOWN, [ids]);
  const known = new Set(rows.map(({ id }) => id));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw noSuchRecord(unknown);
}

export function noSuchRecord(ids: readonly string[]): FatalError {
  return new FatalError({
    code: 'QUARANTINE_RECORD',
    message: `nothing was ever parked under ${ids.join(', ')}`,
    wayOut: '`history-cdc quarantine list --all` lists the ids',
  });
}
