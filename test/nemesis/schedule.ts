import { mulberry32 } from '../support/shuffle.ts';

/**
 * What the nemesis breaks, one at a time. The first word of a name says what happens: `kill` is SIGKILL, `freeze` is
 * SIGSTOP and later SIGCONT, `end` is a graceful stop. `cut`, `silence` and `slow down` happen to the connections to
 * Postgres, in a proxy; `wrong clock` starts a projector that is an hour ahead or behind.
 */
export const FAULTS = [
  'kill projector',
  'freeze projector',
  'end projector',
  'wrong clock projector',
  'cut projector',
  'silence projector',
  'slow down projector',
  'kill connect',
  'freeze connect',
  'cut connect',
  'silence connect',
  'slow down connect',
  'kill kafka',
  'freeze kafka',
  'kill postgres',
  'end postgres',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What happens beside the faults, because people and other programs do not wait until all is well. */
export const ERRANDS = [
  'one projector more',
  'one projector less',
  'restart connector',
  'snapshot by signal',
  'archive export',
  'one column more',
  'one column less',
  'refuse rows, then retry',
] as const;
export type Errand = (typeof ERRANDS)[number];

/** Somebody asks whether all is well, and the answers are held against the truth. */
export const LOOKS = ['reconcile', 'status'] as const;
export type Look = (typeof LOOKS)[number];

/** One entry of the schedule. Times are relative to the beginning of the storm. */
export interface Planned {
  readonly lane: 'fault' | 'errand' | 'look';
  readonly kind: Fault | Errand | Look;
  readonly atSeconds: number;
  /** How long the fault lasts. Errands and looks last as long as they take. */
  readonly forSeconds: number;
}

export interface StormPlan {
  readonly seed: number;
  readonly seconds: number;
}

interface Lane {
  readonly lane: Planned['lane'];
  readonly kinds: readonly Planned['kind'][];
  /** Bounds of the pause before an entry, and of its duration, in seconds. */
  readonly pause: readonly [number, number];
  readonly duration: readonly [number, number];
}

const LANES: readonly Lane[] = [
  { lane: 'fault', kinds: FAULTS, pause: [3, 12], duration: [1, 15] },
  { lane: 'errand', kinds: ERRANDS, pause: [4, 16], duration: [0, 0] },
  { lane: 'look', kinds: LOOKS, pause: [5, 25], duration: [0, 0] },
];

/**
 * Plans a storm. The same plan gives the same schedule. Each lane draws its kinds from a bag, so that every kind comes
 * once before one comes twice; only a storm that is too short misses kinds.
 */
export function planStorm({ seed, seconds }: StormPlan): readonly Planned[] {
  return LANES.flatMap((lane, n) => planLane(lane, seconds, mulberry32(seed * LANES.length + n))).toSorted(
    (one, other) => one.atSeconds - other.atSeconds,
  );
}

function planLane({ lane, kinds, pause, duration }: Lane, seconds: number, random: () => number): Planned[] {
  const between = ([least, most]: readonly [number, number]) => least + Math.floor(random() * (most - least));
  const planned: Planned[] = [];
  let bag: Planned['kind'][] = [];
  for (let atSeconds = between(pause); atSeconds < seconds;) {
    if (bag.length === 0) bag = [...kinds];
    const [kind] = bag.splice(Math.floor(random() * bag.length), 1);
    if (kind === undefined) break;
    const forSeconds = between(duration);
    planned.push({ lane, kind, atSeconds, forSeconds });
    atSeconds += forSeconds + between(pause);
  }
  return planned;
}
