/** Which rows of a table a statement looks at: a stretch of keys, or some that are looked at again. */
export type Rows = Stretch | { readonly ids: readonly string[] };

/** Keys after one, up to another; undefined: as far as `limit` rows go. */
export interface Stretch {
  readonly after: string | null;
  readonly upTo: string | undefined;
  readonly limit: number;
}

/** No limit: what has come into a stretch since it was measured out belongs to it. */
const ALL = 2_147_483_647;

/**
 * The condition for it, on the table `t`. It takes two parameters, from `first` on. Texts of their own, so that each is
 * planned for what it is.
 */
export function rowsOf(key: string, rows: Rows, first: number): string {
  const [from, to] = [`$${String(first)}`, `$${String(first + 1)}`];
  if ('ids' in rows) return `t.${key} = ANY (${from}::uuid[]) LIMIT ${to}::integer`;
  const begin = `(${from}::uuid IS NULL OR t.${key} > ${from}::uuid)`;
  return rows.upTo === undefined
    ? `${begin} ORDER BY t.${key} LIMIT ${to}::integer`
    : `${begin} AND t.${key} <= ${to}::uuid`;
}

/** The two parameters of it. */
export function rowsParameters(rows: Rows): unknown[] {
  if ('ids' in rows) return [rows.ids, ALL];
  return [rows.after, rows.upTo ?? rows.limit];
}
