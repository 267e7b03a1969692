import { OPEN_TRANSACTIONS, OTHERS, RELEASES } from './kinds.ts';
import { CHANGES, LOOKALIKES } from './lookalikes.ts';
import { Cast, type Dice } from './run.ts';
import type { Step } from './steps.ts';

/** Some steps that one pod of the application takes, one after the other. */
export interface Scene {
  readonly kind: string;
  /** When, in [0, 1): the roll-outs of both releases, from old pods only to new pods only. */
  readonly at: number;
  readonly steps: readonly Step[];
}

/** Every scene of the window in the order in which pods begin them: the same for the same seed. */
export function windowScenes(dice: Dice): Scene[] {
  const kinds = [...RELEASES, ...OPEN_TRANSACTIONS, ...OTHERS, ...LOOKALIKES, ...CHANGES];
  const scenes = kinds.flatMap(({ kind, scenes: count, from, to, play }) =>
    Array.from({ length: count }, (_, n) => ({
      kind,
      at: from + dice.roll() * (to - from),
      steps: play(new Cast(dice, kind), n),
    })),
  );
  return scenes.sort((a, b) => a.at - b.at);
}
