import { FatalError } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';

/** By the names under which the commands connect: run.ts. Everybody may see them of everybody's sessions. */
const RUNNING = `
  SELECT DISTINCT application_name FROM pg_stat_activity
  WHERE datname = current_database() AND application_name IN ('history-cdc project', 'history-cdc replay')
  ORDER BY application_name`;

/** Refuses while somebody projects who could write again what is being taken back. */
export async function refuseRunningProjectors(client: Client): Promise<void> {
  const { rows } = await client.query<{ application_name: string }>(RUNNING);
  if (rows.length === 0) return;
  throw new FatalError({
    code: 'PROJECTOR_RUNNING',
    message: `\`${rows.map(({ application_name }) => application_name).join('` and `')}\` is at work on this database and would write again what is taken back`,
    wayOut: 'stop it, and run `history-cdc undo` again',
  });
}

const FENCE = `
  UPDATE history_cdc.consumer_offset SET epoch = epoch + 1, projector = 'history-cdc undo'`;

/**
 * A projector with nothing to do holds no session for anybody to see. Its claims are outdated, as by one that takes the
 * partitions over: it commits nothing any more, and ends.
 */
export async function fenceProjectors(client: Client): Promise<void> {
  await client.query(FENCE);
}
