/** Which rows of a table a statement looks at: the next ones by key, or some that are looked at again. */
export type Rows =
  { readonly after: string | null; readonly limit: number } | { readonly ids: readonly string[] };

/**
 * The condition for it, on the table `t`. It takes two parameters, from `first` on: where to start and how many rows, or
 * the ids and how many those are. Two texts, so that each is planned for what it is.
 */
export function rowsOf(key: string, kind: 'after' | 'ids', first: number): string {
  const [from, limit] = [`$${String(first)}`, `$${String(first + 1)}`];
  return kind === 'after'
    ? `(${from}::uuid IS NULL OR t.${key} > ${from}::uuid) ORDER BY t.${key} LIMIT ${limit}::integer`
    : `t.${key} = ANY (${from}::uuid[]) LIMIT ${limit}::integer`;
}

/** The two parameters of it. */
export function rowsParameters(rows: Rows): unknown[] {
  return 'ids' in rows ? [rows.ids, rows.ids.length] : [rows.after, rows.limit];
}
