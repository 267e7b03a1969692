import { lines, sql } from '../../lib/quoting.ts';
import type { SignalWriters } from '../facts/signal-writers.ts';
import { excessGrants, revokeFix } from './excess.ts';
import { ok, warning, type Judgement } from './verdict.ts';

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
    `Unexpected roles can write to the signal table, and can therefore control the connector: ${found.join('; ')}`,
    lines(...revokeFix(excess), ...members.map(({ role, of }) => sql`REVOKE ${of} FROM ${role};`)),
  );
}
