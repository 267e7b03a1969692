import { hostname, userInfo } from 'node:os';
import { inTransaction, type Client, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

const RECORD = `
  INSERT INTO history_cdc.action (performed_by, command, options, counts) VALUES ($1, $2, $3, $4)`;
const LIST = sqlFile(import.meta.url, './sql/actions.sql');

/** What a person did: the command, its options, and counts of what it changed. It never contains a value of a row. */
export interface Action {
  readonly command: string;
  /** The options that were given: `--reason`, `--id 17`. A value is kept only if it is an id of ours. */
  readonly options?: readonly string[];
  readonly counts?: Readonly<Record<string, number>>;
  /** The name from --by, or else the user of the operating system. */
  readonly by?: string;
}

/**
 * Writes what a person did into the append-only log (migrations/0027-actions.sql), in the transaction of `client`. So
 * the log has the action if and only if its effect was committed. Postgres adds the role, the address and the time.
 */
export async function recordAction(client: Client, { command, options, counts, by }: Action): Promise<void> {
  await client.query(RECORD, [by ?? localUser(), command, options ?? [], JSON.stringify(counts ?? {})]);
}

/**
 * The same in a transaction of its own. Call it before an effect that takes many transactions, or that another server
 * holds.
 */
export async function recordActionAlone(pool: Pool, action: Action): Promise<void> {
  await inTransaction(pool, (client) => recordAction(client, action));
}

interface Start {
  readonly mode: string;
  readonly dryRun: boolean;
  readonly acceptNewTopic: boolean;
  readonly acceptNewSettings?: boolean;
  readonly acceptedTruncates: readonly string[];
  readonly parkUnusableSchema?: boolean;
}

/** The actions to record when `project` or `replay` starts. Accepting a gap is recorded by `gaps.ts`. */
export function actionsOfStart(start: Start): Action[] {
  if (start.dryRun) return [];
  const options = [
    ...(start.acceptNewTopic ? ['--accept-new-topic'] : []),
    ...(start.acceptNewSettings === true ? ['--accept-new-settings'] : []),
    ...start.acceptedTruncates.map((position) => `--accept-truncate ${position}`),
    ...(start.parkUnusableSchema === true ? ['--park-unusable-schema'] : []),
  ];
  return start.mode === 'replay' || options.length > 0 ? [{ command: start.mode, options }] : [];
}

/** `user@host`. In a container, the user id may have no name. */
export function localUser(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.() ?? '?')}`;
  }
}

/** A row of the log. */
export interface RecordedAction {
  readonly id: string;
  readonly at: Date;
  readonly role: string;
  readonly address: string | null;
  readonly performed_by: string;
  readonly command: string;
  readonly options: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** The newest actions first. */
export async function listActions(client: Client, limit: number): Promise<RecordedAction[]> {
  return (await client.query<RecordedAction>(LIST, [limit])).rows;
}
