/** The rows that a statement compares: a range of keys, or some ids that are checked again. */
export type Rows = Stretch | { readonly ids: readonly string[] };

/** The keys after one key, up to another; if undefined, up to `limit` rows. */
export interface Stretch {
  readonly after: string | null;
  readonly upTo: string | undefined;
  readonly limit: number;
}

/** No limit: a row that has come into a range since it was measured belongs to the range. */
const ALL = 2_147_483_647;

/**
 * The SQL condition for these rows, on the table `t`. It uses two parameters, from number `first` on. Each kind has its
 * own text, so that Postgres plans each for itself.
 */
export function rowsOf(key: string, rows: Rows, first: number): string {
  const [from, to] = [`$${String(first)}`, `$${String(first + 1)}`];
  if ('ids' in rows) return `t.${key} = ANY (${from}::uuid[]) LIMIT ${to}::integer`;
  const begin = `(${from}::uuid IS NULL OR t.${key} > ${from}::uuid)`;
  return rows.upTo === undefined
    ? `${begin} ORDER BY t.${key} LIMIT ${to}::integer`
    : `${begin} AND t.${key} <= ${to}::uuid`;
}

export function rowsParameters(rows: Rows): unknown[] {
  if ('ids' in rows) return [rows.ids, ALL];
  return [rows.after, rows.upTo ?? rows.limit];
}
