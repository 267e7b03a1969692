import { expect } from 'vitest';
import { takeCensus, type CensusContext, type Figures } from '../../operations/census/census.ts';
import { compareCensus, type Comparison } from '../../operations/census/compare.ts';
import { UNEXPLAINED } from '../../operations/census/difference.ts';
import type { OptOutPolicy } from '../../consumers/agent-test-history/rule/classify.ts';
import type { Prediction } from '../../operations/census/prediction.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';

interface Census {
  readonly figures: Figures;
  /** Decision and reason by legacy id. */
  readonly predictions: ReadonlyMap<string, Prediction>;
}

/** A census with the settings' defaults, in chunks so small that there are many, and whatever a test has otherwise. */
export async function census(url: string, others: Partial<CensusContext> = {}): Promise<Census> {
  const pool = createPool({ url, name: 'census test', connections: 3 });
  const predictions = new Map<string, Prediction>();
  try {
    const figures = await takeCensus({
      canonical: pool,
      legacy: pool,
      optOutPolicy: 'respect',
      windowUs: 120_000_000n,
      retentionDays: undefined,
      messageBytes: 16_777_216,
      chunkRows: 3,
      predicted: (some) => {
        for (const prediction of some) {
          if (predictions.has(prediction.legacyId))
            throw new Error(`${prediction.legacyId} was predicted twice`);
          predictions.set(prediction.legacyId, prediction);
        }
        return Promise.resolve();
      },
      ...others,
    });
    return { figures, predictions };
  } finally {
    await pool.end();
  }
}

/** `decision: reason`, and the live row of a twin, by legacy id. */
export function said(predictions: ReadonlyMap<string, Prediction>): Record<string, string> {
  return Object.fromEntries(
    [...predictions].map(([id, { decision, reason, liveRunId }]) => [
      id,
      `${decision}: ${reason}${liveRunId === null ? '' : ` ${liveRunId}`}`,
    ]),
  );
}

/** The address of the database that a pool is on. */
export async function urlOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string }>('SELECT current_database() AS name');
  const address = new URL(pool.options.connectionString ?? '');
  address.pathname = `/${rows[0]?.name ?? ''}`;
  return address.href;
}

/** A census held against the ledger, in chunks so small that there are many. */
export async function compare(target: Pool, optOutPolicy: OptOutPolicy = 'respect'): Promise<Comparison> {
  const pool = createPool({ url: await urlOf(target), name: 'census test', connections: 4 });
  try {
    const { comparison } = await compareCensus({
      canonical: pool,
      legacy: pool,
      optOutPolicy,
      windowUs: 120_000_000n,
      retentionDays: undefined,
      messageBytes: 16_777_216,
      chunkRows: 2,
    });
    return comparison;
  } finally {
    await pool.end();
  }
}

/** The legacy ids by what explains their difference. */
export async function differences(target: Pool): Promise<Record<string, readonly string[]>> {
  const { differences: found, unexplained } = await compare(target);
  const ids = Object.fromEntries(Object.entries(found).map(([name, list]) => [name, list.ids]));
  expect(unexplained).toBe(Object.keys(UNEXPLAINED).reduce((sum, name) => sum + (ids[name]?.length ?? 0), 0));
  return ids;
}
