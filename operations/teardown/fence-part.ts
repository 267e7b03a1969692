import { inTransaction } from '../../lib/postgres.ts';
import { sql } from '../../lib/quoting.ts';
import { REMOVE_SCHEMA } from '../fence/script.ts';
import { NOTHING, type Part } from './part.ts';
import { byOwner } from './source-parts.ts';

/** By the catalog: to_regclass would demand USAGE on the schema. */
const FENCE = `
  SELECT pg_get_userbyid(n.nspowner)::text AS owner, pg_has_role(n.nspowner, 'USAGE') AS may,
         to_regclass('public.agent_test_history') IS NOT NULL AS stands
  FROM pg_namespace n WHERE n.nspname = 'history_cdc_fence'`;
const DROP = sql`DROP SCHEMA history_cdc_fence CASCADE;`;

interface FenceSchema {
  readonly owner: string;
  readonly may: boolean;
  /** The table is there, so nobody can write to it. */
  readonly stands: boolean;
}

/** What a drop that was killed right after it has left of the fence. A fence that stands is for `retire unfence` to open. */
export const FENCE_PART: Part = {
  after: [],
  togetherWith: [],
  look: async ({ services }) => {
    const [schema] = (await services.legacy().query<FenceSchema>(FENCE)).rows;
    if (schema === undefined) return NOTHING;
    const things = ['history_cdc_fence'];
    if (schema.stands)
      return {
        things,
        obstacle: {
          why: 'the fence stands around agent_test_history: `history-cdc retire unfence` opens the table',
        },
      };
    return {
      things,
      obstacle: schema.may ? undefined : { why: `its owner is ${schema.owner}`, byHand: DROP },
    };
  },
  remove: async ({ services }) => {
    await byOwner(
      inTransaction(services.legacy(), (client) => client.query(REMOVE_SCHEMA)),
      DROP,
    );
  },
};
