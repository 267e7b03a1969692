import { CANONICAL_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { ProjectorRole } from '../facts/canonical.ts';
import { attributesFix, excessGrants, revokeFix } from './excess.ts';
import type { Grant, RoleRights } from '../facts/role.ts';
import { failed, notYet, ok, warning, type Judgement } from './verdict.ts';
import { identifier, keyword, lines, list, qualified, shell, sql, type Paste } from '../../lib/quoting.ts';

export function judgeProjectorLacks(role: ProjectorRole): Judgement {
  const { schemaThere, missing, missingOnSchema, rights } = role;
  const name = identifier(rights.name);
  const tables = missing.map(({ place, privilege, columns }) => {
    const on = columns === null ? sql`` : sql` (${list(columns.map(keyword))})`;
    return sql`${keyword(privilege)}${on} ON ${qualified(place)}`;
  });
  const lacks = [...new Set([...missingOnSchema, ...tables])];
  if (lacks.length === 0) {
    return schemaThere
      ? ok(`${rights.name} has them all`)
      : notYet("those on the application's tables are there; those on history_cdc come with it", 'migrate');
  }
  const ours = lacks.some((right) => right.includes('history_cdc'));
  const fix: Paste[] = [
    ...tables
      .filter((right) => !right.includes(' ON history_cdc.'))
      .map((right) => sql`GRANT ${right} TO ${name};`),
    ...(ours
      ? [shell`history-cdc migrate --grant-to ${rights.name}   # as the owner of the schema history_cdc`]
      : []),
  ];
  return failed(`${rights.name} lacks: ${lacks.join('; ')}`, lines(...fix));
}

/** Reading is limited by column where a table holds secrets; writing to the runs, by table; our own schema is ours. */
function isAllowed({ place, privilege, column }: Grant): boolean {
  if (place.startsWith('history_cdc.')) return true;
  if (place.startsWith('history_cdc_source.')) return ['SELECT', 'INSERT'].includes(privilege);
  if (place === 'public.agent_compliance_runs') return ['SELECT', 'INSERT'].includes(privilege);
  if (privilege !== 'SELECT') return false;
  if (place !== 'public.agent_contexts') return true;
  return column !== null && CANONICAL_TABLES.agent_contexts.some((needed) => needed === column);
}

/** By membership in these, everything may be read or written, whatever is granted. */
const ALL_POWERFUL = new Set([
  'pg_read_all_data',
  'pg_write_all_data',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
]);

export function judgeProjectorExcess(rights: RoleRights, databaseUrl: string | undefined): Judgement {
  const application = rights.owns.filter((place) => !place.startsWith('history_cdc'));
  const grants = excessGrants({ ...rights, grants: notOfOwner(rights) }, isAllowed);
  const memberOf = rights.memberOf.filter((role) => ALL_POWERFUL.has(role));
  const found = [
    ...rights.attributes,
    ...(memberOf.length === 0 ? [] : [`member of ${memberOf.join(', ')}`]),
    ...(application.length === 0 ? [] : [`owner of ${String(application.length)} tables of the application`]),
    ...(rights.createsInPublic ? ['CREATE in the schema public'] : []),
    ...grants.map(({ text }) => text),
  ];
  if (found.length === 0) return ok(`${rights.name}: reads, inserts runs, and nothing else`);
  const fix: Paste[] = [
    ...(application.length === 0
      ? attributesFix({ ...rights, memberOf, owns: [] })
      : roleOfItsOwn(databaseUrl)),
    ...revokeFix(grants),
  ];
  return warning(`${rights.name} also has: ${found.join('; ')}`, lines(...fix));
}

/** An owner's rights on its own tables are said once, by the ownership. */
function notOfOwner({ owns, grants }: RoleRights): readonly Grant[] {
  return grants.filter(({ place }) => !owns.includes(place));
}

const OWN_ROLE = 'history_cdc_projector';

/** An owner of the application's tables keeps all its rights: a role that owns none projects in its place. */
function roleOfItsOwn(databaseUrl: string | undefined): Paste[] {
  const url = new URL(databaseUrl ?? 'postgresql://host/database');
  url.username = OWN_ROLE;
  url.password = '';
  return [
    sql`CREATE ROLE ${keyword(OWN_ROLE)} LOGIN;  -- then its password: \\password ${keyword(OWN_ROLE)}`,
    shell`history-cdc connector sql --projector ${OWN_ROLE} | psql -1 -v ON_ERROR_STOP=1 "$OWNER_URL"`,
    shell`history-cdc migrate --grant-to ${OWN_ROLE}`,
    shell`DATABASE_URL=${url.href}  # with its password`,
  ];
}
