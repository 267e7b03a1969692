import type { Client, Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { readFence } from './state.ts';

const REFUSED = sqlFile(import.meta.url, './sql/refused.sql');
const RECORD = `
  INSERT INTO history_cdc.incident (kind, subject, began_at, detail) VALUES ('fenced_write', $1, $2, $3)
  ON CONFLICT (kind, subject) DO NOTHING`;

/** Statements of a role that the fence refused. */
export interface RefusedWrites {
  /** The role that had logged in. */
  readonly role: string;
  readonly operation: 'insert' | 'update' | 'delete' | 'truncate';
  readonly statements: number;
  /** The last one of the role, of whatever kind. */
  readonly lastAt: Date;
}

interface Row {
  readonly role: string;
  readonly who: string;
  readonly operation: RefusedWrites['operation'];
  readonly refused: string;
  readonly at: Date;
}

/**
 * Reads how many statements the fence has refused, and records each new number as an incident `fenced_write`. A sequence counts
 * them, because a refused statement rolls back everything else. So a crash of the server may add up to 32 to a number, or take
 * away the refusals of the last second. What is refused before a trigger runs is not counted: a role without the right, a
 * statement that is wrong in itself, a read-only transaction. Undefined where there is no fence.
 */
export async function recordRefusedWrites(
  canonical: Pool,
  legacy: Client,
): Promise<readonly RefusedWrites[] | undefined> {
  const { fence } = await readFence(legacy);
  if (fence === null) return undefined;
  const { rows } = await legacy.query<Row>(REFUSED);
  for (const { role, who, operation, refused, at } of rows) {
    const detail = `${role}: the fence refused ${refused} ${operation.toUpperCase()} statement(s) since it stands`;
    await canonical.query(RECORD, [`${fence.id} ${who} ${operation} ${refused}`, at, detail]);
  }
  return rows.map(({ role, operation, refused, at }) => ({
    role,
    operation,
    statements: Number(refused),
    lastAt: at,
  }));
}
