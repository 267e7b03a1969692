/**
 * What may happen around the projector, as fast-check makes it up: a small world in which few values are possible, so
 * that chains, ties and edges of the match window are the rule and not the exception.
 */
import fc from 'fast-check';

const SECOND_US = 1_000_000;
export const WINDOW_US = 120 * SECOND_US;

/** Times of runs, around the edges of the window; in microseconds behind the first. */
export const TIMES = [0, 60, 119.999999, 120, 120.000001, 240].map((seconds) =>
  Math.round(seconds * SECOND_US),
);

/** What is compared of a run: few, and one of them too weak to tell two runs apart. */
export const LOOKS = [
  { headline: 'seven of nine', durationMs: 1234, passing: true },
  { headline: 'seven of nine', durationMs: 1234, passing: false },
  { headline: null, durationMs: null, passing: true },
] as const;
export const PROFILES = [null, '{"a": 1}', '{"a": 2}'] as const;

/** Contexts: two agents that the owner owns, and one that is somebody else's. */
export const AGENTS = [0, 1, 2] as const;
export type AgentIndex = (typeof AGENTS)[number];
export const FOREIGN = 2;
/** `late` is a member of the owner's organisations from the step `join` on. */
export type User = 'owner' | 'stranger' | 'nobody' | 'late';

/** A state of a legacy row. */
export interface Image {
  readonly agent: AgentIndex;
  readonly user: User;
  readonly time: number;
  readonly look: number;
  readonly profile: number;
  readonly steps: number;
}

export const LEAVABLE = ['scenario', 'summary', 'user_id', 'agent_profile_json'] as const;

/** What happens to a legacy row after its insert; a row that is gone is inserted again by its next update. */
export type RowStep =
  | { readonly step: 'update'; readonly values: Partial<Image>; readonly leavesOut: boolean }
  | { readonly step: 'delete' | 'read' | 'prune own' | 'refer' };

export interface RowScript {
  readonly image: Image;
  readonly partition: 0 | 1;
  /** False for a row from before the slot: only a snapshot read brings it. */
  readonly isStreamed: boolean;
  readonly steps: readonly RowStep[];
}

export interface LiveScript {
  readonly agent: 0 | 1;
  readonly time: number;
  readonly look: number;
  readonly profile: number;
  readonly organization: 'none' | 'same' | 'other';
  readonly end: 'commit' | 'abort';
  readonly isPruned: boolean;
}

/** What happens to the projectors, and to the source's clock and members. */
export type Operation =
  | { readonly step: 'sweep' | 'join' | 'an hour later' }
  | { readonly step: 'crash' | 'crash after commit' | 'take over' | 'replay'; readonly partition: 0 | 1 }
  | { readonly step: 'redeliver'; readonly events: number };

export interface History {
  /** Of the owner's two agents. */
  readonly optedOut: readonly [boolean, boolean];
  /** Every row takes part in matching; else those from before the first live row that a projector knows of do not. */
  readonly isFloorOpen: boolean;
  readonly rows: readonly RowScript[];
  readonly lives: readonly LiveScript[];
  readonly operations: readonly Operation[];
  /** Who goes next, each time; used again from the start when they are used up. */
  readonly choices: readonly number[];
}

/** Each value as often as its weight says. */
function weighted<T>(...values: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> {
  return fc.constantFrom(...values.flatMap(([weight, value]) => Array.from({ length: weight }, () => value)));
}

const time = fc.constantFrom(...TIMES.keys());
const look = weighted([8, 0], [1, 1], [2, 2]);
const profile = weighted([4, 0], [4, 1], [1, 2]);
const partition = fc.constantFrom<0 | 1>(0, 1);
const agent = weighted<0 | 1>([6, 0], [1, 1]);
const steps = fc.nat(9);

/** One thing changes at a time, or nothing. */
const change: fc.Arbitrary<Partial<Image>> = fc.oneof(
  fc.record({ steps }),
  fc.record({ look }),
  fc.record({ profile }),
  fc.record({ time }),
  fc.record({ agent: fc.constantFrom(...AGENTS) }),
  fc.record({ user: fc.constantFrom<User>('owner', 'stranger', 'nobody') }),
);

const rowStep: fc.Arbitrary<RowStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ step: fc.constant('update' as const), values: change, leavesOut: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant({ step: 'read' as const }) },
  { weight: 1, arbitrary: fc.constant({ step: 'delete' as const }) },
  { weight: 1, arbitrary: fc.constant({ step: 'prune own' as const }) },
  { weight: 1, arbitrary: fc.constant({ step: 'refer' as const }) },
);

const rowScript = (user: fc.Arbitrary<User>, maxSteps: number): fc.Arbitrary<RowScript> =>
  fc.record({
    image: fc.record({ agent, user, time, look, profile, steps }),
    partition,
    isStreamed: weighted([6, true], [1, false]),
    steps: fc.array(rowStep, { maxLength: maxSteps }),
  });

const anOwner = weighted<User>([12, 'owner'], [1, 'late']);
const noOwner = weighted<User>([2, 'stranger'], [1, 'nobody']);

const liveScript: fc.Arbitrary<LiveScript> = fc.record({
  agent,
  time,
  look,
  profile,
  organization: weighted<LiveScript['organization']>([5, 'none'], [3, 'same'], [1, 'other']),
  end: weighted<LiveScript['end']>([5, 'commit'], [1, 'abort']),
  isPruned: weighted([8, false], [1, true]),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ step: fc.constantFrom('sweep' as const, 'sweep', 'join', 'an hour later') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constantFrom('crash' as const, 'crash after commit', 'take over', 'replay'),
      partition,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('redeliver' as const), events: fc.integer({ min: 1, max: 4 }) }),
  },
);

const CHOICES = { minLength: 40, maxLength: 120, size: 'max' } as const;

export const anyHistory: fc.Arbitrary<History> = fc.record({
  optedOut: fc.tuple(weighted([9, false], [1, true]), weighted([2, false], [1, true])),
  isFloorOpen: weighted([5, true], [1, false]),
  rows: fc
    .tuple(
      fc.array(rowScript(anOwner, 3), { minLength: 1, maxLength: 3, size: 'max' }),
      fc.array(rowScript(noOwner, 1), { maxLength: 1 }),
    )
    .map(([owners, noise]) => [...owners, ...noise]),
  lives: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 9, arbitrary: fc.array(liveScript, { minLength: 1, maxLength: 3, size: 'max' }) },
  ),
  operations: fc.array(operation, { maxLength: 4 }),
  choices: fc.array(fc.nat(9999), CHOICES),
});
