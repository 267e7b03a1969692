import type { SourceFacts } from '../facts/source.ts';
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import { nothingThere, type Circumstances } from './check.ts';
import { attributesFix, excessGrants, revokeFix } from './excess.ts';
import type { RoleRights } from '../facts/role.ts';
import { failed, notYet, ok, unknown, warning, type Judgement } from './verdict.ts';
import { identifier, keyword, lines, qualified, sql } from '../../lib/quoting.ts';

/** All that connectors/sql/04-grants.sql gives, and nothing else. */
const GRANTED: Readonly<Record<string, readonly string[]>> = {
  'public.agent_test_history': ['SELECT'],
  'history_cdc_source.signal': ['SELECT', 'INSERT', 'DELETE'],
  'history_cdc_source.heartbeat': ['SELECT', 'INSERT', 'UPDATE'],
};

/** By membership in these the hosting services give the right to replicate. */
const REPLICATION_ROLES = new Set(['rds_replication']);

const noRole = (circumstances: Circumstances) =>
  nothingThere('there is no such role (see connector-role)', 'script', circumstances);

export function judgeConnectorLacks(source: SourceFacts, circumstances: Circumstances): Judgement {
  const { role } = source;
  if (role === null) return noRole(circumstances);
  const name = identifier(connectorRole(circumstances.config));
  const present = {
    'public.agent_test_history': source.dataTable,
    'history_cdc_source.signal': source.signalTable,
    'history_cdc_source.heartbeat': source.heartbeatTable,
  };
  const absent = Object.entries(present).flatMap(([place, there]) => (there ? [] : [place]));
  if (role.missing.length === 0 && absent.length === 0) return ok('all of them');
  if (!circumstances.deployed && absent.length > 0) {
    return notYet(`no grant yet on ${absent.join(', ')}, which are not there`, 'script');
  }
  if (role.missing.length === 0) return unknown(`${absent.join(', ')} are not there`);
  const schemas = new Set(role.missing.map((right) => right.replace(/^.* ON (.*)\..*$/, '$1')));
  const fix = [
    ...[...schemas].map((schema) => sql`GRANT USAGE ON SCHEMA ${keyword(schema)} TO ${name};`),
    // Our own words: the privileges and places of FACTS_SQL.
    ...role.missing.map((right) => {
      const [privilege = '', place = ''] = right.split(' ON ');
      return sql`GRANT ${keyword(privilege)} ON ${qualified(place)} TO ${name};`;
    }),
  ];
  return failed(`missing: ${role.missing.join(', ')}`, lines(...fix));
}

export function judgeConnectorExcess(rights: RoleRights | null, circumstances: Circumstances): Judgement {
  if (rights === null) return noRole(circumstances);
  const grants = excessGrants(rights, ({ place, privilege }) => GRANTED[place]?.includes(privilege) === true);
  const memberOf = rights.memberOf.filter((role) => !REPLICATION_ROLES.has(role));
  const found = [
    ...rights.attributes,
    ...(memberOf.length === 0 ? [] : [`member of ${memberOf.join(', ')}`]),
    ...(rights.owns.length === 0 ? [] : [`owner of ${rights.owns.join(', ')}`]),
    ...(rights.createsInPublic ? ['CREATE in the schema public'] : []),
    ...grants.map(({ text }) => text),
  ];
  if (found.length === 0) return ok('SELECT on one table of the application, and our two tables');
  return warning(
    `it also has: ${found.join('; ')}`,
    lines(...attributesFix({ ...rights, memberOf }), ...revokeFix(grants)),
  );
}
