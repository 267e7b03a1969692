import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { excessGrants, revokeFix } from '../checks/excess.ts';
import { askFacts, certain } from './postgres.ts';
import type { Grant } from './role.ts';
import { ok, warning, type Judgement } from '../checks/verdict.ts';
import { lines, sql, type Sql } from '../../lib/quoting.ts';

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

export function judgeSignalWriters({ owner, grants, members }: SignalWriters): Judgement {
  const isOperators = ({ privilege, isOperator }: (typeof grants)[number]) =>
    isOperator && privilege === 'INSERT';
  const others = grants.filter((grant) => !isOperators(grant));
  const excess = excessGrants({ name: '', grants: others }, () => false);
  if (excess.length + members.length === 0) {
    const operators = [...new Set(grants.map(({ grantee }) => `the operator ${grantee}`))];
    return ok(`written by ${[`its owner ${owner ?? ''}`, 'the connector', ...operators].join(', ')}`);
  }
  const found = [
    ...excess.map(({ grantee, privileges }) => `${grantee} (${privileges.join(', ')})`),
    ...members.map(({ role, of }) => `${role} (as a member of ${of})`),
  ];
  return warning(
    `these may write to it as well, and so command the connector: ${found.join('; ')}`,
    lines(...revokeFix(excess), ...members.map(({ role, of }) => sql`REVOKE ${of} FROM ${role};`)),
  );
}
