import { FatalError } from '../../../lib/errors.ts';
import type { Client } from '../../../lib/postgres.ts';

const GENERATION = 'SELECT generation FROM history_cdc.undo_fence';
const HELD = `${GENERATION} FOR SHARE`;
const RAISE = 'UPDATE history_cdc.undo_fence SET generation = generation + 1 RETURNING generation';
const OUTDATE_CLAIMS = `
  UPDATE history_cdc.consumer_offset SET epoch = epoch + 1, watched_epoch = watched_epoch + 1, projector = 'history-cdc undo'`;

/** A process that projects reads it once, when it starts. */
export async function undoGeneration(client: Client): Promise<bigint> {
  return generationIn((await client.query<Row>(GENERATION)).rows);
}

/**
 * Throws where `undo` has taken rows back since the process started. Until the transaction of `client` ends, no `undo` begins:
 * what the transaction writes is there for the next one to see.
 */
export async function assertNothingUndone(client: Client, since: bigint): Promise<void> {
  if (generationIn((await client.query<Row>(HELD)).rows) === since) return;
  throw new FatalError({
    code: 'FENCED',
    message:
      '`history-cdc undo` has taken rows back since this process started, which would write them again',
    wayOut: 'start it again if the rows are to come back',
  });
}

/**
 * Outdates every projector and replay that started before, in a transaction of `undo` that holds the locks of all partitions.
 * The claims are outdated as well, because a projector that waits for its partition compares what it saw before it waited.
 */
export async function fenceProjectors(client: Client): Promise<void> {
  await client.query(OUTDATE_CLAIMS);
  generationIn((await client.query<Row>(RAISE)).rows);
}

interface Row {
  readonly generation: string;
}

/** Without its row the fence would let everybody through, so that is an error and not a generation. */
function generationIn([row]: readonly Row[]): bigint {
  if (row !== undefined) return BigInt(row.generation);
  throw new FatalError({
    code: 'DATABASE_UNFIT',
    message:
      'history_cdc.undo_fence has lost its row, so nobody can tell whether `history-cdc undo` took rows back',
    wayOut: 'INSERT INTO history_cdc.undo_fence DEFAULT VALUES;  -- when no projector, replay or undo runs',
  });
}
