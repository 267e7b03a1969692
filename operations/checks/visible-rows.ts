import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import { identifier, lines, qualified, sql, type Sql } from '../../lib/quoting.ts';
import { describeHidden, isByPolicy, type HiddenRows } from '../../lib/sees-whole.ts';
import { absentTables, checksOf, error } from './check.ts';
import { failed, ok, unknown, type Judgement } from './verdict.ts';

export const LEGACY_VISIBLE = checksOf('source', {
  'legacy-rows-visible': error(
    "no policy, view or foreign table hides rows of agent_test_history from us or from the connector's role",
    ['legacyHidden'],
    ({ legacyHidden }, { config }, answers) =>
      judgeHidden(legacyHidden, absentTables(answers, 'legacyTable'), connectorRole(config)),
    { also: ['legacyTable'] },
  ),
});

export const CANONICAL_VISIBLE = checksOf('canonical', {
  'canonical-rows-visible': error(
    'no policy, view or foreign table hides rows from the roles that read the canonical database',
    ['canonicalHidden'],
    ({ canonicalHidden }, _, answers) => judgeHidden(canonicalHidden, absentTables(answers, 'canonical')),
    { also: ['canonical'] },
  ),
});

/** What stands in a table's place is named although the table itself is then absent. */
function judgeHidden(
  hidden: readonly HiddenRows[],
  absent: string | undefined,
  connector?: string,
): Judgement {
  if (hidden.length === 0)
    return absent === undefined ? ok('every role that reads sees every row') : unknown(absent);
  return failed(
    hidden.map(describeHidden).join('; '),
    lines(...hidden.flatMap((one) => wayToSee(one, connector))),
  );
}

function wayToSee({ place, role, why }: HiddenRows, connector: string | undefined): Sql[] {
  const name = identifier(role);
  if (!isByPolicy(why))
    return [sql`-- let ${qualified(place)} be the table itself, and no other object or part of one`];
  if (why === 'restrictive policies')
    return [
      sql`ALTER ROLE ${name} BYPASSRLS;  -- as a superuser: a restrictive policy narrows every other one`,
    ];
  return [
    sql`CREATE POLICY ${identifier(`history_cdc_${role}`)} ON ${qualified(place)} TO ${name} USING (true);`,
    // Set by our script, so that a policy that comes later raises an error. It would raise one with this policy, too.
    ...(role === connector ? [sql`ALTER ROLE ${name} RESET row_security;`] : []),
  ];
}
