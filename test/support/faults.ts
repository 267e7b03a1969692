import { execFileSync } from 'node:child_process';
import type pg from 'pg';
import type { Command } from './command.ts';
import type { Pipeline } from './pipeline.ts';
import { until } from './until.ts';

/** Records whose effects are committed: the sum of the stored offsets. */
export async function storedRecords(pipeline: Pipeline): Promise<number> {
  return Number(
    await pipeline.value<string>(
      'SELECT coalesce(sum(next_offset), 0) FROM history_cdc.consumer_offset JOIN history_cdc.topic USING (topic_id)',
    ),
  );
}

/** Forgets everything that was projected, so that the same topic can be projected again from its first record. */
export async function forgetProjection(pipeline: Pipeline): Promise<void> {
  await pipeline.query(`
    WITH removed AS (
      DELETE FROM agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc'
    ), undecided AS (
      DELETE FROM history_cdc.ledger
    )
    UPDATE history_cdc.consumer_offset SET next_offset = 0, epoch = epoch + 1`);
}

/** Holds a table against writers until it is released: whoever writes to it waits, with its transaction in hand. */
export async function blockWritersOf(
  pipeline: Pipeline,
  table: string,
): Promise<{ release(): Promise<void> }> {
  const client: pg.PoolClient = await pipeline.pool.connect();
  await client.query(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`);
  return {
    release: async () => {
      // The server may be gone, and the lock with it.
      const alive = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      );
      client.release(!alive);
    },
  };
}

/** Sessions of projectors in the database, by state; `waiting` for a lock that somebody holds. */
async function sessions(pipeline: Pipeline): Promise<{ state: string; waiting: boolean }[]> {
  return await pipeline.query(
    `SELECT state, wait_event_type IS NOT DISTINCT FROM 'Lock' AS waiting FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'history-cdc project'`,
  );
}

/** Returns when the projector's transaction is seen waiting for a lock. */
export async function seenWaiting(pipeline: Pipeline, projector: Command): Promise<void> {
  await projector.while('a transaction of the projector waits for a lock', async () =>
    (await sessions(pipeline)).some(({ waiting }) => waiting),
  );
}

export async function seenIdleInTransaction(pipeline: Pipeline): Promise<void> {
  await until('the stopped projector holds a transaction open', async () =>
    (await sessions(pipeline)).some(({ state }) => state === 'idle in transaction'),
  );
}

/** Returns when no session of a projector is left: what was not committed by then never will be. */
export async function seenGone(pipeline: Pipeline): Promise<void> {
  await until('the sessions of the dead projector end', async () => (await sessions(pipeline)).length === 0);
}

/** The offsets that the group has committed to Kafka, summed up; a partition without one counts as 0. */
export async function groupRecords(pipeline: Pipeline, group: string): Promise<number> {
  const [topic] = await pipeline.admin.fetchOffsets({ groupId: group, topics: [pipeline.topic] });
  return (topic?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(Number(offset), 0), 0);
}

/** Returns when the command has been stopped by a signal. */
export async function seenStopped(command: Command): Promise<void> {
  await command.while('the command is stopped', () =>
    execFileSync('ps', ['-o', 'stat=', '-p', String(command.pid)], { encoding: 'utf8' }).startsWith('T'),
  );
}
