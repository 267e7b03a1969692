import {
  sweep,
  type SweepContext,
  type SweepResult,
} from '../../consumers/agent-test-history/sweep/sweep.ts';
import type { Pool } from '../../lib/postgres.ts';
import { MATCHING } from './run-records.ts';

/** One sweep with the settings' defaults, and whatever a test has otherwise. */
export async function swept(canonical: Pool, others: Partial<SweepContext> = {}): Promise<SweepResult> {
  return await sweep({ ...sweepContext(canonical), ...others });
}

export function sweepContext(canonical: Pool): SweepContext {
  return {
    canonical,
    legacy: canonical,
    optOutPolicy: 'respect',
    matching: MATCHING,
    graceSeconds: 24 * 3600,
    meter: { lower: () => undefined },
  };
}
