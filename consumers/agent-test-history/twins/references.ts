import type { Client } from '../../lib/postgres.ts';

/**
 * Foreign keys to `agent_compliance_runs.id`, whatever table they are of: the application has more tables than this
 * project knows. A partition's key is that of its parent. Names come quoted.
 */
const FOREIGN_KEYS = `
  SELECT con.conrelid::regclass::text AS table_name, quote_ident(col.attname) AS column_name,
         has_column_privilege(con.conrelid, col.attnum, 'SELECT') AS readable
  FROM pg_constraint con
  CROSS JOIN LATERAL unnest(con.conkey, con.confkey) AS key (referring, referred)
  JOIN pg_attribute id ON id.attrelid = con.confrelid AND id.attnum = key.referred AND id.attname = 'id'
  JOIN pg_attribute col ON col.attrelid = con.conrelid AND col.attnum = key.referring
  WHERE con.contype = 'f' AND con.conparentid = 0
    AND con.confrelid = 'public.agent_compliance_runs'::regclass
  ORDER BY 1, 2`;

/** Whoever wants to refer to one of these rows waits for us, and then sees that it is gone. */
const LOCK_RUNS =
  'SELECT FROM public.agent_compliance_runs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE';

interface ForeignKey {
  readonly table_name: string;
  readonly column_name: string;
  readonly readable: boolean;
}

/**
 * Which of these canonical rows something refers to, and the table that does. Deleting one would take the rows of that
 * table with it, or break them. A table that our role may not read is taken to refer to all of them.
 */
export async function referencesTo(
  client: Client,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  await client.query(LOCK_RUNS, [runIds]);
  const { rows: foreignKeys } = await client.query<ForeignKey>(FOREIGN_KEYS);
  const referred = new Map<string, string>();
  for (const foreignKey of foreignKeys) {
    const { table_name: table } = foreignKey;
    const found = foreignKey.readable ? await referredBy(client, foreignKey, runIds) : runIds;
    for (const runId of found) referred.set(runId, table);
  }
  return referred;
}

async function referredBy(
  client: Client,
  { table_name: table, column_name: column }: ForeignKey,
  runIds: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT ours.id FROM unnest($1::uuid[]) AS ours (id) WHERE EXISTS (SELECT FROM ${table} t WHERE t.${column} = ours.id)`,
    [runIds],
  );
  return rows.map(({ id }) => id);
}
