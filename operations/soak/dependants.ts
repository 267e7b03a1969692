import type { Config } from '../../lib/config.ts';
import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from '../facts/postgres.ts';

/** Something in the catalogs that depends on the legacy table, or names it. */
export interface Dependant {
  /** `view`, `foreign key to the table`, `function` … */
  readonly kind: string;
  readonly name: string;
  /** False for what is the table's own and ends with it, as its foreign key to agent_contexts. */
  readonly blocks: boolean;
}

const DEPENDANTS = sqlFile(import.meta.url, './sql/dependants.sql');

/** Throws where there is no such table: no dependants of a table that is not there would look like none at all. */
export async function readDependants(legacy: Client, config: Config): Promise<readonly Dependant[]> {
  const { rows } = await legacy.query<{ tables: number; named: Dependant[] }>(DEPENDANTS, [
    config.PUBLICATION_NAME,
    config.SLOT_NAME,
  ]);
  const { tables, named } = certain(rows[0]);
  if (tables !== 1) throw new Error('there is no table public.agent_test_history');
  return named;
}
