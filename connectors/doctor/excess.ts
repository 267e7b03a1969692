import pg from 'pg';
import type { Grant, RoleRights } from './role-facts.ts';

/** The grants of one table to one grantee that are more than is needed. */
export interface Excess {
  readonly place: string;
  readonly grantee: string;
  readonly privileges: readonly string[];
  /** `SELECT, DELETE on public.x (by PUBLIC)` */
  readonly text: string;
}

/** Gathers what is not allowed, by table and grantee; grants on columns count as their table's. */
export function excessGrants(
  rights: Pick<RoleRights, 'name' | 'grants'>,
  allowed: (grant: Grant) => boolean,
): readonly Excess[] {
  const byPlace = new Map<string, { place: string; grantee: string; privileges: Set<string> }>();
  for (const grant of rights.grants.filter((each) => !allowed(each))) {
    const { place, grantee, column, privilege } = grant;
    const key = `${place} ${grantee}`;
    const entry = byPlace.get(key) ?? { place, grantee, privileges: new Set<string>() };
    entry.privileges.add(column === null ? privilege : `${privilege} (${pg.escapeIdentifier(column)})`);
    byPlace.set(key, entry);
  }
  return [...byPlace.values()].map(({ place, grantee, privileges }) => {
    const by =
      grantee === rights.name || grantee === pg.escapeIdentifier(rights.name) ? '' : ` (by ${grantee})`;
    const list = [...privileges];
    return { place, grantee, privileges: list, text: `${list.join(', ')} on ${place}${by}` };
  });
}

export function revokeFix(grants: readonly Excess[]): string[] {
  return grants.map(
    ({ place, grantee, privileges }) => `REVOKE ${privileges.join(', ')} ON ${place} FROM ${grantee};`,
  );
}

/** What takes attributes, memberships and ownership away. */
export function attributesFix(rights: Omit<RoleRights, 'grants'>): string[] {
  const name = pg.escapeIdentifier(rights.name);
  const { attributes, memberOf, owns, createsInPublic } = rights;
  return [
    ...(attributes.length === 0
      ? []
      : [`ALTER ROLE ${name} ${attributes.map((attribute) => `NO${attribute}`).join(' ')};`]),
    ...memberOf.map((role) => `REVOKE ${pg.escapeIdentifier(role)} FROM ${name};`),
    ...owns.map(
      (place) => `ALTER TABLE ${place} OWNER TO CURRENT_USER;  -- run by the role that shall own it`,
    ),
    ...(createsInPublic && attributes.length + owns.length === 0
      ? [`REVOKE CREATE ON SCHEMA public FROM PUBLIC, ${name};`]
      : []),
  ];
}
