import type { Condition } from '../soak/condition.ts';
import { newestStage, type EnteredStage, type Stage } from '../soak/stages.ts';
import { recordRefusedWrites, type RefusedWrites } from '../fence/refused-writes.ts';
import { dependentsOf, lockHolders, readFence, type FenceState, type LockHolder } from '../fence/state.ts';
import type { RetireContext } from './context.ts';
import { fenceRefusals, type Refusals } from './fence.ts';
import { closingProof } from './close.ts';
import { dropRefusals, dropStatements } from './drop.ts';
import { FENCE_SQL } from '../fence/script.ts';

/** The next step of the retirement, and whether it may be taken now. */
export interface RetireCheck {
  readonly stage: Stage;
  /** Null: no stage was ever entered. */
  readonly entered: EnteredStage | null;
  readonly next: 'fence' | 'close' | 'drop' | 'teardown';
  /** What keeps the next step from being taken; empty if nothing does. */
  readonly refusals: Refusals;
  readonly conditions: readonly Condition[];
  readonly state: FenceState;
  /** Statements of the legacy database that the next step would run, as the owner; null if it runs none there. */
  readonly statements: string | null;
  readonly locks: readonly LockHolder[];
  /** Null where there is no fence. */
  readonly refused: readonly RefusedWrites[] | null;
  /** What DROP TABLE … RESTRICT would be refused for. */
  readonly dependents: readonly string[];
}

const NEXT: Readonly<Record<Stage, RetireCheck['next']>> = {
  soaking: 'fence',
  ready: 'fence',
  fenced: 'close',
  archived: 'drop',
  dropped: 'teardown',
};

/** Looks at everything that the next step depends on. Changes nothing, but records which writes the fence has refused. */
export async function retireCheck(context: RetireContext): Promise<RetireCheck> {
  const { canonical, legacy } = context;
  const entered = (await newestStage(canonical)) ?? null;
  const stage = entered?.stage ?? 'soaking';
  const next = NEXT[stage];
  const { conditions } = await context.gate();
  return {
    stage,
    entered,
    next,
    refusals: await refusalsOf(context, next),
    conditions,
    state: await readFence(legacy),
    statements: next === 'fence' ? FENCE_SQL : next === 'drop' ? dropStatements() : null,
    locks: await lockHolders(legacy),
    refused: (await recordRefusedWrites(canonical, legacy)) ?? null,
    dependents: await dependentsOf(legacy),
  };
}

async function refusalsOf(context: RetireContext, next: RetireCheck['next']): Promise<Refusals> {
  switch (next) {
    case 'fence':
      return await fenceRefusals(context);
    case 'close':
      return (await closingProof(context, await newestStage(context.canonical))).refusals;
    case 'drop':
      return await dropRefusals(context);
    case 'teardown':
      return [];
  }
}
