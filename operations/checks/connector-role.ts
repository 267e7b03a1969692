import type { FactValues } from '../facts/facts.ts';
import { nothingThere, type Circumstances } from './check.ts';
import { attributesFix, excessGrants, revokeFix } from './excess.ts';
import { CONNECTOR_GRANTS, type RoleRights } from '../facts/role.ts';
import { failed, notYet, ok, unknown, warning, type Judgement } from './verdict.ts';
import { identifier, keyword, lines, qualified, sql } from '../../lib/quoting.ts';

/** By membership in these the hosting services give the right to replicate. */
const REPLICATION_ROLES = new Set(['rds_replication']);

const noRole = (circumstances: Circumstances) =>
  nothingThere('there is no such role (see connector-role)', 'script', circumstances);

export function judgeConnectorLacks(
  {
    connectorRole: role,
    legacyTable,
    ourTables,
  }: Pick<FactValues, 'connectorRole' | 'legacyTable' | 'ourTables'>,
  circumstances: Circumstances,
): Judgement {
  if (role === null) return noRole(circumstances);
  const name = identifier(role.name);
  const absent = [
    ...(legacyTable.there ? [] : ['public.agent_test_history']),
    ...(ourTables.signal.there ? [] : ['history_cdc_source.signal']),
    ...(ourTables.heartbeat.there ? [] : ['history_cdc_source.heartbeat']),
  ];
  const { missing } = role;
  if (missing.length === 0 && absent.length === 0) return ok('all of them');
  if (!circumstances.deployed && absent.length > 0)
    return notYet(`no grant yet on ${absent.join(', ')}, which are not there`, 'script');
  if (missing.length === 0) return unknown(`${absent.join(', ')} are not there`);
  const schemas = new Set(missing.map(({ place }) => place.replace(/\..*$/, '')));
  const rights = missing.map(({ place, privilege }) => sql`${keyword(privilege)} ON ${qualified(place)}`);
  return failed(
    `missing: ${rights.join(', ')}`,
    lines(
      ...[...schemas].map((schema) => sql`GRANT USAGE ON SCHEMA ${keyword(schema)} TO ${name};`),
      ...rights.map((right) => sql`GRANT ${right} TO ${name};`),
    ),
  );
}

export function judgeConnectorExcess(rights: RoleRights | null, circumstances: Circumstances): Judgement {
  if (rights === null) return noRole(circumstances);
  const grants = excessGrants(
    rights,
    ({ place, privilege }) => CONNECTOR_GRANTS[place]?.includes(privilege) === true,
  );
  const memberOf = rights.memberOf.filter((role) => !REPLICATION_ROLES.has(role));
  const found = [
    ...rights.attributes,
    ...(memberOf.length === 0 ? [] : [`member of ${memberOf.join(', ')}`]),
    ...(rights.owns.length === 0 ? [] : [`owner of ${rights.owns.join(', ')}`]),
    ...(rights.createsInPublic ? ['CREATE in the schema public'] : []),
    ...grants.map(({ text }) => text),
  ];
  if (found.length === 0) return ok('nothing beyond what it needs');
  return warning(
    `it also has: ${found.join('; ')}`,
    lines(...attributesFix({ ...rights, memberOf }), ...revokeFix(grants)),
  );
}
