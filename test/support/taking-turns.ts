import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { usePartitions } from './partitions.ts';
import { aRow, COMMITTED_AT_MS, type RowValues } from './records.ts';
import type { Owner } from './tables.ts';
import { useSessions } from './waiting.ts';

/** A time so many seconds from when the records say that their changes were committed. */
export const after = (seconds: number) => new Date(COMMITTED_AT_MS + seconds * 1000).toISOString();

export function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, started_at: after(0), ...values });
}

/** The standing of a row that is projected. */
export const projected = ({ id }: RowValues) => ['projected', canonicalRunId(id)];

/** For tests in which a projector, a replay and a sweep of one topic wait for each other. */
export function useTurns() {
  const topic = usePartitions();
  const sessions = useSessions();
  return {
    topic,
    sessions,
    poolOf: (name: string) => sessions.poolOf(topic().url, name),
    /** Decision and canonical id of a row. */
    standing: async ({ id }: RowValues) => {
      const entry = await topic().ledger(id);
      return [entry?.['decision'], entry?.['canonical_run_id']];
    },
  };
}
