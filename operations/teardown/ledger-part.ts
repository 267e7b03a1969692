import { inTransaction, type Client } from '../../lib/postgres.ts';
import { sql } from '../../lib/quoting.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { Blocked, NOTHING, PART_IDS, type Found, type Part } from './part.ts';
import { byOwner } from './source-parts.ts';

const LEDGER = sqlFile(import.meta.url, './sql/ledger.sql');
const DROP = sql`DROP SCHEMA history_cdc CASCADE;`;

interface LedgerFacts {
  readonly may: boolean;
  readonly owner: string;
  /** What refers to it from another schema. */
  readonly outside: readonly string[];
}

/** The evidence of everything. It goes last, and only where somebody asked for that by its name. */
export const LEDGER_PART: Part = {
  after: PART_IDS.filter((id) => id !== 'ledger'),
  togetherWith: [],
  look: async ({ services }) => await found(services.canonical()),
  remove: async ({ services }) => {
    const work = inTransaction(services.canonical(), async (client) => {
      const { obstacle } = await found(client);
      if (obstacle !== undefined) throw new Blocked(obstacle);
      await client.query(DROP);
    });
    await byOwner(work, DROP);
  },
};

async function found(client: Client): Promise<Found> {
  const [schema] = (await client.query<LedgerFacts>(LEDGER)).rows;
  if (schema === undefined) return NOTHING;
  const things = ['schema history_cdc'];
  if (schema.outside.length > 0)
    return { things, obstacle: { why: `${schema.outside.join(', ')} would go with it` } };
  return { things, obstacle: schema.may ? undefined : { why: `its owner is ${schema.owner}`, byHand: DROP } };
}
