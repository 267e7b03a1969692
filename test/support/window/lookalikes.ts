import { STREAMED_FROM, type Kind } from './kinds.ts';
import type { Cast } from './run.ts';
import { close, create, dual, failed, late, legacy, live, open, stranger, type Step } from './steps.ts';
import { OUTSIDER, OWNERS_PLACES, SHARED_PLACES, type Place } from './world.ts';

const NOTHING = { headline: null, durationMs: null };
const profiles = (legacyProfile: string | null, liveProfile: string | null) => ({
  look: { ...NOTHING, legacyProfile, liveProfile },
});

/** Runs that look the same, and runs of which little can be seen. */
export const LOOKALIKES: readonly Kind[] = [
  {
    kind: 'identical',
    scenes: 24,
    from: STREAMED_FROM,
    to: 0.95,
    play: (cast, n) => {
      const first = cast.run();
      const second = cast.again(first);
      const third = cast.again(first);
      const together = [
        [...dual(first), ...dual(second)],
        [...dual(first), ...failed(second)],
        [...failed(first), ...dual(second)],
        [...failed(first), ...failed(second)],
        [...late(first), ...failed(second)],
        [...failed(first), ...late(second), ...dual(third)],
        [open(first), legacy(first), ...dual(second), close(first, 'COMMIT', 'decided')],
        [live(first), live(second), live(third)],
      ];
      return together[n % together.length] ?? [];
    },
  },
  {
    kind: 'indistinguishable',
    scenes: 3,
    from: 0.5,
    to: 0.9,
    play: (cast, n) => {
      const old = cast.run();
      const recent = cast.again(old);
      return n % 2 === 0 ? [legacy(old), live(recent)] : [live(recent), legacy(old)];
    },
  },
  {
    kind: 'same again after minutes',
    scenes: 4,
    from: 0.1,
    to: 0.9,
    play: (cast) => {
      const old = cast.run({ secondsAgo: 125 });
      return [legacy(old), live(cast.again(old, { alike: cast.dice.nextLook(), secondsAgo: 0 }))];
    },
  },
  {
    kind: 'one agent, two owners',
    scenes: 9,
    from: 0.1,
    to: 0.9,
    play: (cast, n) => {
      const [place, other] = cast.dice.pick(SHARED_PLACES);
      const namesOrganization = n % 3 !== 0;
      const ours = cast.run({ place, look: { namesOrganization } });
      // A live row that names its organisation can be told from the other owner's.
      const alike = namesOrganization ? cast.dice.nextLook() : ours.alike;
      const theirs = cast.again(ours, { place: other, alike });
      return n % 3 === 2 ? [...failed(ours), ...dual(theirs)] : [...dual(ours), ...dual(theirs)];
    },
  },
  {
    kind: 'weak, with profiles',
    scenes: 6,
    from: 0.1,
    to: 0.95,
    play: (cast, n) => {
      const profile = `{"only": ${String(n)}, "score": 1.50}`;
      const run = cast.run(profiles(profile, profile));
      return n % 2 === 0 ? dual(run) : late(run, 'at once');
    },
  },
  {
    kind: 'weak, without profiles',
    scenes: 3,
    from: 0.1,
    to: 0.9,
    play: (cast, n) => {
      const profile = `{"weak": ${String(n)}}`;
      return dual(cast.run(profiles(n === 0 ? profile : null, n === 1 ? profile : null)));
    },
  },
  {
    kind: 'weak straggler',
    scenes: 4,
    from: 0.1,
    to: 0.9,
    play: (cast) => failed(cast.run(profiles(null, null))),
  },
];

/** A merge into the context of another agent of the same owner. */
function move(cast: Cast, from: Place): Step {
  const others = OWNERS_PLACES.filter(
    ({ user, agentUrl }) => user === from.user && agentUrl !== from.agentUrl,
  );
  return { do: 'merge context', from, into: cast.dice.pick(others) };
}

/** What the application does to rows that it has written. */
export const CHANGES: readonly Kind[] = [
  {
    kind: 'merged',
    scenes: 12,
    from: STREAMED_FROM,
    to: 0.95,
    play: (cast, n) => {
      const into = cast.dice.pick(OWNERS_PLACES);
      const place = cast.passingPlace(into);
      const run = cast.run({ place });
      const straggler = failed(cast.run({ place }));
      const theirs = legacy(cast.run({ place, user: OUTSIDER, standing: 'third_party' }));
      const merge: Step = { do: 'merge context', from: place, into };
      const before = n % 2 === 0 ? dual(run) : [open(run), legacy(run)];
      const after = n % 2 === 0 ? [] : [close(run, 'COMMIT', n % 4 === 1 ? 'at once' : 'decided')];
      return [create(place), ...before, ...straggler, theirs, merge, ...after];
    },
  },
  {
    kind: 'moved',
    scenes: 5,
    from: 0.1,
    to: 0.9,
    play: (cast) => {
      const place = cast.passingPlace(cast.dice.pick(OWNERS_PLACES));
      return [create(place), ...failed(cast.run({ place })), legacy(cast.run({ place })), move(cast, place)];
    },
  },
  {
    kind: 'moved when linked',
    scenes: 4,
    from: STREAMED_FROM,
    to: 0.95,
    play: (cast) => {
      const place = cast.passingPlace(cast.dice.pick(OWNERS_PLACES));
      const run = cast.run({ place });
      return [create(place), ...dual(run), { do: 'await decision', run }, move(cast, place)];
    },
  },
  {
    kind: 'row deleted',
    scenes: 12,
    from: STREAMED_FROM,
    to: 1,
    play: (cast, n) => {
      const owners = cast.run();
      const run = n % 3 === 2 ? stranger(cast, owners) : owners;
      const written = [dual(run), failed(run), [legacy(run)]][n % 3] ?? [];
      return [...written, { do: 'delete row', run }];
    },
  },
  {
    kind: 'context deleted',
    scenes: 4,
    from: STREAMED_FROM,
    to: 1,
    play: (cast) => {
      const place = cast.passingPlace(cast.dice.pick(OWNERS_PLACES));
      const written = [...dual(cast.run({ place })), ...failed(cast.run({ place }))];
      return [create(place), ...written, { do: 'delete context', place }];
    },
  },
];
