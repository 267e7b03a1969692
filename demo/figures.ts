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

/** Call this before anything writes to the ledger again, because it uses the last transaction of each row. */
export async function measureLatency(pool: Pool): Promise<Latency> {
  const { rows } = await pool.query<Latency>(demoSql('latency'));
  const [latency] = rows;
  if (latency === undefined) throw new Error('an aggregate gave no row');
  return latency;
}

/** Seconds between the first and the last decision on a snapshot row. */
export async function measureProjection(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ seconds: number | null }>(
    'SELECT extract(epoch FROM max(decided_at) - min(decided_at))::float8 AS seconds FROM history_cdc.ledger WHERE snapshot',
  );
  return rows[0]?.seconds ?? 0;
}

/** The figures of the cutover window. Call this after the checks, because it counts their table of verdicts. */
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
