import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { askFacts, certain } from './postgres.ts';
import type { Grant } from './role.ts';
import type { Sql } from '../../lib/quoting.ts';

/** Who may write to the signal table, beside superusers and the connector's role. Whoever may insert commands the connector. */
export interface SignalWriters {
  /** Null where there is no such table. Whoever is a member of it counts as the owner. */
  readonly owner: string | null;
  /** Of rights to write; `isOperator`: the grantee is what `connector sql --operator` makes. */
  readonly grants: readonly (Grant & { readonly isOperator: boolean })[];
  /** Roles that may by what they are a member of: the connector's role, or one that may write everything. */
  readonly members: readonly { readonly role: Sql; readonly of: Sql }[];
}

const WRITERS = sqlFile(import.meta.url, './sql/signal-writers.sql');

export async function readSignalWriters(client: Client, connectorRole: string): Promise<SignalWriters> {
  return certain(await askFacts<SignalWriters>(client, WRITERS, [connectorRole]));
}
