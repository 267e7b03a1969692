import type { Pool } from '../lib/postgres.ts';
import { demoSql } from './generate.ts';
import type { DecisionCount, Latency, WindowFacts } from './report.ts';

export async function countDecisions(pool: Pool): Promise<DecisionCount[]> {
  const { rows } = await pool.query<DecisionCount>(
    'SELECT decision, count(*)::integer AS rows FROM history_cdc.ledger GROUP BY decision ORDER BY 2 DESC, 1',
  );
  return rows;
}

export async function countRowsWritten(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>('SELECT count(*)::integer AS rows FROM demo.expected');
  return rows[0]?.rows ?? 0;
}

/** Must be read before anything touches the ledger again: it goes by the transaction that wrote each row last. */
export async function measureLatency(pool: Pool): Promise<Latency> {
  const { rows } = await pool.query<Latency>(demoSql('latency'));
  const [latency] = rows;
  if (latency === undefined) throw new Error('an aggregate gave no row');
  return latency;
}

/** Seconds from the first decision on a snapshot row to the last. */
export async function measureProjection(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ seconds: number | null }>(
    'SELECT extract(epoch FROM max(decided_at) - min(decided_at))::float8 AS seconds FROM history_cdc.ledger WHERE snapshot',
  );
  return rows[0]?.seconds ?? 0;
}

/** The cutover window; must be read after the checks, whose table of verdicts it counts. */
export async function measureWindow(pool: Pool): Promise<WindowFacts> {
  const { rows } = await pool.query<{
    first_live_at: Date;
    last_live_at: Date;
    figures: WindowFacts['figures'];
  }>(demoSql('window'));
  const [window] = rows;
  if (window === undefined) throw new Error('an aggregate gave no row');
  return {
    firstLiveAt: window.first_live_at.toISOString(),
    lastLiveAt: window.last_live_at.toISOString(),
    figures: window.figures,
  };
}
