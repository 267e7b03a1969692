/**
 * Erases a person. The user id is removed from the ledger, from our canonical rows, and from what we keep aside; the
 * content of parked records that contain it is removed. A random alias takes the id's place, so that every count,
 * decision and link stays as it is. A keyed hash of the id is kept, so that every later event of the person is also
 * stored under the alias (record-decisions.sql, apply-later-images.sql). So the person stays forgotten when the topic
 * is replayed.
 */
import assert from 'node:assert/strict';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { inDryRun, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { lockAllPartitions } from '../../consumers/agent-test-history/batch/offsets.ts';
import { isAlias } from './alias.ts';

const MAKE_KEY = sqlFile(import.meta.url, './sql/make-key.sql');
const REMEMBER_HASH = sqlFile(import.meta.url, './sql/remember-hash.sql');
const LEDGER = sqlFile(import.meta.url, './sql/forget-ledger.sql');
const RUNS = sqlFile(import.meta.url, './sql/forget-runs.sql');
const UNSETTLED = sqlFile(import.meta.url, './sql/forget-unsettled.sql');
const UNDONE = sqlFile(import.meta.url, './sql/forget-undone.sql');
const PARKED = sqlFile(import.meta.url, './sql/forget-parked.sql');
const SCRIPT_COPIES = sqlFile(import.meta.url, './sql/script-copies.sql');
const LEGACY_ROWS = 'SELECT count(*)::integer AS rows FROM public.agent_test_history WHERE user_id = $1';

export interface ForgetOptions {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly user: string;
  /** Without it, every change is rolled back. */
  readonly apply: boolean;
}

/** How many rows named the person. */
export interface Forgotten {
  readonly ledger: number;
  readonly canonicalRuns: number;
  readonly unsettledTwins: number;
  readonly undone: number;
  /** Ids of the parked records whose content is removed. Those that were open can no longer be retried. */
  readonly parked: readonly string[];
  readonly open: readonly string[];
  /** Rows of the application, which only the application may change. */
  readonly legacyRows: number;
  readonly scriptCopies: number;
}

/**
 * Everything is one transaction, during which no projector commits, because it reads the canonical table. A dry run
 * holds nobody up.
 */
export async function forget({ canonical, legacy, user, apply }: ForgetOptions): Promise<Forgotten> {
  if (isAlias(user)) throw isForgotten();
  const { rows } = await legacy.query<{ rows: number }>(LEGACY_ROWS, [user]);
  const transaction = apply ? inTransaction : inDryRun;
  try {
    const ours = await transaction(canonical, async (client) => {
      // Tables with many millions of rows have no index on the user.
      await client.query("SET LOCAL statement_timeout = '10min'");
      if (apply) await lockAllPartitions(client);
      return await erase(client, user);
    });
    return { ...ours, legacyRows: rows[0]?.rows ?? 0 };
  } catch (error) {
    throw sqlState(error) === '42501' ? mayNot(error) : error;
  }
}

async function erase(client: Client, user: string): Promise<Omit<Forgotten, 'legacyRows'>> {
  await client.query(MAKE_KEY);
  const { rows } = await client.query<{ alias: string }>(REMEMBER_HASH, [user]);
  const alias = rows[0]?.alias;
  assert(alias !== undefined, 'the hash of a user was not stored');
  const changed = async (statement: string) => (await client.query(statement, [user, alias])).rowCount ?? 0;
  const ledger = await changed(LEDGER);
  const canonicalRuns = await changed(RUNS);
  const unsettledTwins = await changed(UNSETTLED);
  const undone = await changed(UNDONE);
  const parked = await client.query<{ id: string; is_open: boolean }>(PARKED, [inJson(user), inAvro(user)]);
  const copies = await client.query<{ rows: number }>(SCRIPT_COPIES, [user]);
  const counts = { ledger, canonicalRuns, unsettledTwins, undone, parked: parked.rows.length };
  await recordAction(client, { command: 'forget --apply', options: ['--user'], counts });
  return {
    ...counts,
    parked: parked.rows.map(({ id }) => id),
    open: parked.rows.filter(({ is_open }) => is_open).map(({ id }) => id),
    scriptCopies: copies.rows[0]?.rows ?? 0,
  };
}

/** A text as it stands in JSON, with its quotation marks, so that it does not match inside a longer id. */
function inJson(text: string): Buffer {
  return Buffer.from(JSON.stringify(text));
}

/** A text as it stands in Avro: after its length, a zigzag number in groups of seven bits. */
function inAvro(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  for (let rest = bytes.length * 2; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.concat([Buffer.from([...length, rest]), bytes]);
    length.push((rest & 0x7f) | 0x80);
  }
}

function isForgotten(): FatalError {
  return new FatalError({
    code: 'CONFIG_INVALID',
    message: '--user names an alias: that person has been forgotten already',
    wayOut: 'give the user id that the application uses',
  });
}

function mayNot(error: unknown): FatalError {
  return new FatalError({
    code: 'DATABASE_UNFIT',
    message: `the role of DATABASE_URL lacks a right that forget needs: ${messageOf(error)}; nothing was changed`,
    wayOut:
      'run it as the role that migrates: the owner of history_cdc, with UPDATE on public.agent_compliance_runs. The role of a projector has no such right on purpose',
    cause: error,
  });
}
