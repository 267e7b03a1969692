import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import type { RecordState } from './records.ts';

const STATES = sqlFile(import.meta.url, './sql/states.sql');
const WAIVE = sqlFile(import.meta.url, './sql/waive.sql');

export interface Waiver {
  readonly ids: readonly string[];
  /** The name of the person who takes responsibility. */
  readonly by: string;
  readonly reason: string;
}

/** Waives all of the records or none. Only an open record can be waived, and only once. */
export async function waive(pool: Pool, { ids, by, reason }: Waiver): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; state: RecordState }>(STATES, [ids]);
    const states = new Map(rows.map(({ id, state }) => [id, state]));
    const refused = ids.flatMap((id) => {
      const state = states.get(id);
      if (state === 'open') return [];
      return [`record ${id} ${state === undefined ? 'does not exist' : `is ${state} already`}`];
    });
    if (refused.length > 0) throw notOpen(refused);
    await client.query(WAIVE, [ids, by, reason]);
    const options = [`--id ${ids.join(' ')}`, '--reason'];
    await recordAction(client, { command: 'quarantine waive', options, counts: { waived: ids.length }, by });
  });
}

function notOpen(refused: readonly string[]): FatalError {
  return new FatalError({
    code: 'QUARANTINE_RECORD',
    message: `nothing was waived: ${refused.join(', ')}`,
    wayOut: 'waive open records only; `history-cdc quarantine list --all` shows the state of each',
  });
}
