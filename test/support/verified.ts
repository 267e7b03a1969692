import type { Pool } from '../../lib/postgres.ts';
import type { Found } from '../../operations/verification/findings.ts';
import { beginState } from '../../operations/verification/state.ts';
import { step, type Done, type StepContext } from '../../operations/verification/step.ts';
import { MATCHING } from './run-records.ts';

const PROJECTOR = { projector: 'pod:1', rowsPerSecond: 1_000_000 };

/** Steps without a rest, of two rows; the stream has passed everything; and whatever a test has otherwise. */
export function stepContext(canonical: Pool, others: Partial<StepContext> = {}): StepContext {
  return {
    ...{ canonical, legacy: canonical, elsewhere: undefined },
    windowUs: MATCHING.windowUs,
    retentionDays: undefined,
    barrier: { passedUntil: () => Promise.resolve('infinity') },
    rowsPerSecond: PROJECTOR.rowsPerSecond,
    afterSeconds: 3600,
    again: { suspectMs: 0, wrongMs: 0 },
    ...{ passSeconds: 0, maxShare: 1, mostRows: 6 },
    ...others,
  };
}

export interface Steps {
  readonly done: readonly Done[];
  /** `kind legacy-id` of what became wrong and right again, sorted. */
  readonly wrong: readonly string[];
  readonly healed: readonly string[];
}

const PASSES = 'SELECT count(*)::integer AS passes FROM history_cdc.verification_pass';

async function passesOf(canonical: Pool): Promise<number> {
  return (await canonical.query<{ passes: number }>(PASSES)).rows[0]?.passes ?? 0;
}

/** Steps until so many more passes over everything have come to their end. */
export async function verifiedPasses(context: StepContext, passes: number): Promise<Steps> {
  const { canonical } = context;
  await beginState(canonical, PROJECTOR);
  const last = (await passesOf(canonical)) + passes;
  return await stepsUntil(context, async () => (await passesOf(canonical)) >= last);
}

const MOST_STEPS = 2_000;

export async function stepsUntil(
  context: StepContext,
  isOver: (done: readonly Done[]) => boolean | Promise<boolean>,
): Promise<Steps> {
  const done: Done[] = [];
  while (!(await isOver(done))) {
    const result = await step(context);
    if (result.kind === 'done') done.push(result.done);
    if (done.length > MOST_STEPS) throw new Error('the verification does not come to its end');
  }
  const named = (found: readonly Found[]) =>
    found.map(({ kind, legacyId, canonicalRunId }) => `${kind} ${legacyId ?? canonicalRunId ?? '-'}`).sort();
  return {
    done,
    wrong: named(done.flatMap(({ wrong }) => wrong)),
    healed: named(done.flatMap(({ healed }) => healed)),
  };
}

/** No state, and no row that nobody knows. */
export const UNVERIFIED = `
  DELETE FROM history_cdc.reconcile_run; DELETE FROM history_cdc.verification_pass;
  DELETE FROM history_cdc.mark; DELETE FROM history_cdc.last_sweep; DELETE FROM history_cdc.pruned`;
