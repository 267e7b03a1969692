import { FatalError } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';

/**
 * By the names under which the commands connect: run.ts. Everybody may see them of everybody's sessions. A projector that
 * has nothing to do closes its connections, but its watchdog looks every few seconds.
 */
const RUNNING = `
  SELECT DISTINCT replace(application_name, 'watchdog', 'project') AS application_name FROM pg_stat_activity
  WHERE datname = current_database()
    AND application_name IN ('history-cdc project', 'history-cdc replay', 'history-cdc watchdog')
  ORDER BY application_name`;

/** Which of `project` and `replay` are connected to this database. */
export async function connectedProjectors(client: Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ application_name: string }>(RUNNING);
  return rows.map(({ application_name }) => application_name);
}

/**
 * Throws while a projector or a replay is connected, so that a person stops it first. A process without a connection at
 * this moment, or behind a pooler, is not seen here; `fenceProjectors` prevents it from committing.
 */
export async function refuseRunningProjectors(client: Client): Promise<void> {
  const connected = await connectedProjectors(client);
  if (connected.length === 0) return;
  throw new FatalError({
    code: 'PROJECTOR_RUNNING',
    message: `\`${connected.join('` and `')}\` is connected to this database, and would write the removed rows again`,
    wayOut: 'stop it, and run `history-cdc undo` again',
  });
}
