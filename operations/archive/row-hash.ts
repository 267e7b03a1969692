import { createHash } from 'node:crypto';
import { list, sql, type Sql } from '../../lib/quoting.ts';

/** A value's text in UTF-8; null is NULL. */
export type Value = Buffer | null;

/** The hash of a row (manifest.ts says how it is made). */
export function rowHash(values: readonly Value[]): Buffer {
  const lengths = values.map((value) => value?.length ?? -1).join(',');
  const hash = createHash('sha256').update(`${lengths}:`);
  const total = values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
  // One call for a small row: the calls cost more than the copy.
  if (total < 65_536) return hash.update(Buffer.concat(values.filter((value) => value !== null))).digest();
  for (const value of values) if (value !== null) hash.update(value);
  return hash.digest();
}

/** Postgres takes at most 100 arguments. */
const ARGUMENTS = 90;

/** The same in Postgres, over expressions of the type text. The server's encoding must be UTF8. */
export function rowHashSql(texts: readonly Sql[]): Sql {
  const groups = Array.from({ length: Math.ceil(texts.length / ARGUMENTS) }, (_, group) =>
    texts.slice(group * ARGUMENTS, (group + 1) * ARGUMENTS),
  );
  const joined = (parts: readonly Sql[], by: Sql) => parts.join(` || ${by}`) as Sql;
  const lengths = groups.map(
    (group) => sql`concat_ws(',', ${list(group.map((text) => sql`coalesce(octet_length(${text}), -1)`))})`,
  );
  const values = groups.map((group) => sql`concat(${list(group)})`);
  return sql`sha256(convert_to(${joined(lengths, sql`',' || `)} || ':' || ${joined(values, sql``)}, 'UTF8'))`;
}
