import { identifier, keyword, list, sql, type Sql } from '../../lib/quoting.ts';
import type { Grant, RoleRights } from '../facts/role.ts';

/** The grants of one table to one grantee that are more than is needed. */
export interface Excess {
  readonly place: Sql;
  readonly grantee: Sql;
  readonly privileges: readonly Sql[];
  /** `SELECT, DELETE on public.x (by PUBLIC)` */
  readonly text: string;
}

/** Gathers what is not allowed, by table and grantee; grants on columns count as their table's. */
export function excessGrants(
  rights: Pick<RoleRights, 'name' | 'grants'>,
  allowed: (grant: Grant) => boolean,
): readonly Excess[] {
  const byPlace = new Map<string, { place: Sql; grantee: Sql; privileges: Set<Sql> }>();
  for (const grant of rights.grants.filter((each) => !allowed(each))) {
    const { place, grantee, column, privilege } = grant;
    const key = `${place} ${grantee}`;
    const entry = byPlace.get(key) ?? { place, grantee, privileges: new Set<Sql>() };
    const right = keyword(privilege);
    entry.privileges.add(column === null ? right : sql`${right} (${identifier(column)})`);
    byPlace.set(key, entry);
  }
  return [...byPlace.values()].map(({ place, grantee, privileges }) => {
    const by = grantee === rights.name || grantee === identifier(rights.name) ? '' : ` (by ${grantee})`;
    const rightsThere = [...privileges];
    return { place, grantee, privileges: rightsThere, text: `${list(rightsThere)} on ${place}${by}` };
  });
}

export function revokeFix(grants: readonly Excess[]): Sql[] {
  return grants.map(
    ({ place, grantee, privileges }) => sql`REVOKE ${list(privileges)} ON ${place} FROM ${grantee};`,
  );
}

/** What takes attributes, memberships and ownership away. */
export function attributesFix(rights: Omit<RoleRights, 'grants'>): Sql[] {
  const name = identifier(rights.name);
  const { attributes, memberOf, owns, createsInPublic } = rights;
  const taken = keyword(attributes.map((attribute) => `NO${attribute}`).join(' ') || 'NOTHING');
  return [
    ...(attributes.length === 0 ? [] : [sql`ALTER ROLE ${name} ${taken};`]),
    ...memberOf.map((role) => sql`REVOKE ${identifier(role)} FROM ${name};`),
    ...owns.map(
      (place) => sql`ALTER TABLE ${place} OWNER TO CURRENT_USER;  -- run by the role that shall own it`,
    ),
    ...(createsInPublic && attributes.length + owns.length === 0
      ? [sql`REVOKE CREATE ON SCHEMA public FROM PUBLIC, ${name};`]
      : []),
  ];
}
