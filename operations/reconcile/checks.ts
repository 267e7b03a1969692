/**
 * The comparisons. Each is a statement that finds differences and records them, so that what differs never leaves
 * Postgres. If both tables are in one database, nothing else leaves it either. The statements state mapping and
 * ownership themselves; otherwise a fault in the projector's own SQL would hide itself.
 */
import type { Client, Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { absentElsewhere, readElsewhere, readParked } from './legacy-source.ts';
import { rowsOf, rowsParameters, type Rows } from './rows.ts';

export type WalkedPhase = 'legacy' | 'ledger' | 'canonical';
export type ComparedPhase = WalkedPhase | 'pairs';

export interface CheckContext {
  /** Undefined if the legacy table is in the canonical database. */
  readonly elsewhere: Pool | undefined;
  readonly windowUs: bigint;
  readonly retentionDays: number | undefined;
}

/** How many rows a statement compared, and the last of their keys. */
export interface Compared {
  readonly rows: number;
  readonly last_id: string | null;
}

const RECORD = sqlFile(import.meta.url, './sql/record.sql');
const statementOf = (phase: ComparedPhase, sql: string) => sql + RECORD.replace('{{phase}}', phase);

const LEGACY = statementOf('legacy', sqlFile(import.meta.url, './sql/legacy.sql'));
const LEGACY_HERE = LEGACY.replace('{{legacy}}', sqlFile(import.meta.url, './sql/legacy-here.sql'));
const LEGACY_THERE = LEGACY.replace('{{legacy}}', sqlFile(import.meta.url, './sql/legacy-there.sql'));
const LEDGER = statementOf('ledger', sqlFile(import.meta.url, './sql/ledger.sql'));
const LEDGER_HERE = LEDGER.replace(
  '{{is_gone}}',
  'NOT EXISTS (SELECT FROM public.agent_test_history t WHERE t.id = e.legacy_id)',
);
const LEDGER_THERE = LEDGER.replace('{{is_gone}}', 'e.legacy_id = ANY ($6::uuid[])');
const CANONICAL = statementOf('canonical', sqlFile(import.meta.url, './sql/canonical.sql'));
const PAIRS = statementOf('pairs', sqlFile(import.meta.url, './sql/pairs.sql'));
const PRESENT_IDS =
  'SELECT t.legacy_id FROM history_cdc.ledger t WHERE t.source_deleted_at IS NULL AND {{rows}}';

/** Fetched before any lock is taken, because the other database may be slow. */
export type Fetched = readonly unknown[];

/** Fetches what a comparison needs from the other database, if there is one. */
export async function fetchFor(
  { elsewhere }: CheckContext,
  canonical: Pool,
  { phase, rows }: { readonly phase: ComparedPhase; readonly rows: Rows },
): Promise<Fetched> {
  if (phase === 'pairs') return await readParked(elsewhere ?? canonical, canonical);
  if (elsewhere === undefined) return [];
  if (phase === 'legacy') return await readElsewhere(elsewhere, rows);
  if (phase !== 'ledger') return [];
  const { rows: present } = await canonical.query<{ legacy_id: string }>(
    PRESENT_IDS.replace('{{rows}}', rowsOf('legacy_id', rows, 1)),
    rowsParameters(rows),
  );
  const ids = present.map(({ legacy_id }) => legacy_id);
  return [await absentElsewhere(elsewhere, ids)];
}

interface Chunk {
  readonly runId: string;
  readonly phase: ComparedPhase;
  readonly rows: Rows;
  readonly fetched: Fetched;
}

/** Compares rows, and records what it finds under the run. */
export async function compare(context: CheckContext, client: Client, chunk: Chunk): Promise<Compared> {
  const { sql, values } = statementFor(context, chunk);
  const { rows } = await client.query<Compared>(sql, [chunk.runId, ...values]);
  return rows[0] ?? { rows: 0, last_id: null };
}

function statementFor(context: CheckContext, { phase, rows, fetched }: Chunk) {
  const { elsewhere, retentionDays, windowUs } = context;
  const parameters = rowsParameters(rows);
  switch (phase) {
    case 'legacy':
      return elsewhere === undefined
        ? { sql: LEGACY_HERE.replace('{{rows}}', rowsOf('id', rows, 2)), values: parameters }
        : { sql: LEGACY_THERE, values: fetched };
    case 'ledger': {
      const sql = elsewhere === undefined ? LEDGER_HERE : LEDGER_THERE;
      return {
        sql: sql.replace('{{rows}}', rowsOf('legacy_id', rows, 2)),
        values: [...parameters, retentionDays ?? null, windowUs, ...fetched],
      };
    }
    case 'canonical':
      return { sql: CANONICAL.replace('{{rows}}', rowsOf('id', rows, 2)), values: parameters };
    case 'pairs':
      return { sql: PAIRS, values: [windowUs, ...fetched] };
  }
}
