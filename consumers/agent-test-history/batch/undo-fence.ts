import { FatalError } from '../../../lib/errors.ts';
import type { Client } from '../../../lib/postgres.ts';

const GENERATION = 'SELECT generation FROM history_cdc.undo_fence';
const HELD = `${GENERATION} FOR SHARE`;
const RAISE = 'UPDATE history_cdc.undo_fence SET generation = generation + 1 RETURNING generation';
const OUTDATE_CLAIMS = `
  UPDATE history_cdc.consumer_offset SET epoch = epoch + 1, watched_epoch = watched_epoch + 1, projector = 'history-cdc undo'`;

/** The number of undos so far. A process that projects reads it once, when it starts. */
export async function undoGeneration(client: Client): Promise<bigint> {
  return generationIn((await client.query<Row>(GENERATION)).rows);
}

/**
 * Throws if `undo` has taken rows back since the process started. No `undo` can begin until the transaction of `client`
 * ends, so the next `undo` sees what this transaction writes.
 */
export async function assertNothingUndone(client: Client, since: bigint): Promise<void> {
  if (generationIn((await client.query<Row>(HELD)).rows) === since) return;
  throw new FatalError({
    code: 'FENCED',
    message:
      '`history-cdc undo` has taken rows back since this process started, and the process would write them again',
    wayOut: 'start the process again if you want it to restore these rows',
  });
}

/**
 * Outdates every projector and replay that started earlier, in a transaction of `undo` that holds the locks of all
 * partitions. It outdates their claims too, because a projector that waits for its partition compares values from
 * before the wait.
 */
export async function fenceProjectors(client: Client): Promise<void> {
  await client.query(OUTDATE_CLAIMS);
  generationIn((await client.query<Row>(RAISE)).rows);
}

interface Row {
  readonly generation: string;
}

/** A fence without its row would let every projector pass, so a missing row is an error. */
function generationIn([row]: readonly Row[]): bigint {
  if (row !== undefined) return BigInt(row.generation);
  throw new FatalError({
    code: 'DATABASE_UNFIT',
    message:
      'history_cdc.undo_fence has lost its row, so it is unknown whether `history-cdc undo` took rows back',
    wayOut: 'INSERT INTO history_cdc.undo_fence DEFAULT VALUES;  -- when no projector, replay or undo runs',
  });
}
