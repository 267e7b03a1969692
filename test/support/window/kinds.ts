import type { Cast } from './run.ts';
import { close, dual, failed, late, legacy, live, open, stranger, type Step } from './steps.ts';
import { LEAVING_PLACES, OPTED_OUT_PLACES, OUTSIDER, QUIET_PLACES } from './world.ts';

/** One kind of scene. */
export interface Kind {
  readonly kind: string;
  readonly scenes: number;
  /** Its scenes lie in this part of the window. */
  readonly from: number;
  readonly to: number;
  /** The steps of the scene with this number. */
  readonly play: (cast: Cast, n: number) => readonly Step[];
}

/** From here on a scene may count on the connector: its deletes are streamed, and a decision can be waited for. */
export const STREAMED_FROM = 0.4;

/** The pods of each release, and how long they are up. */
export const RELEASES: readonly Kind[] = [
  { kind: 'old pod', scenes: 110, from: 0, to: 0.5, play: (cast) => [legacy(cast.run())] },
  { kind: 'dual write', scenes: 120, from: 0.1, to: 0.9, play: (cast) => dual(cast.run()) },
  { kind: 'live write failed', scenes: 40, from: 0.1, to: 0.9, play: (cast) => failed(cast.run()) },
  { kind: 'new pod', scenes: 50, from: 0.6, to: 1, play: (cast) => [live(cast.run())] },
  {
    kind: 'quiet agent',
    scenes: 6,
    from: 0,
    to: 1,
    play: (cast) => [legacy(cast.run({ place: cast.dice.pick(QUIET_PLACES) }))],
  },
];

export const OPEN_TRANSACTIONS: readonly Kind[] = [
  {
    kind: 'live commits just after',
    scenes: 20,
    from: 0.1,
    to: 0.9,
    play: (cast) => late(cast.run(), 'at once'),
  },
  { kind: 'live commits late', scenes: 10, from: STREAMED_FROM, to: 0.95, play: (cast) => late(cast.run()) },
  {
    kind: 'live aborts',
    scenes: 8,
    from: STREAMED_FROM,
    to: 0.95,
    play: (cast, n) => {
      const run = cast.run();
      return [open(run), legacy(run), close(run, 'ROLLBACK', n % 2 === 0 ? 'at once' : 'decided')];
    },
  },
  {
    kind: 'deleted before live commits',
    scenes: 2,
    from: STREAMED_FROM,
    to: 0.9,
    play: (cast) => {
      const run = cast.run();
      return [open(run), legacy(run), { do: 'delete row', run }, close(run, 'COMMIT', 'decided')];
    },
  },
];

export const OTHERS: readonly Kind[] = [
  {
    kind: 'stranger',
    scenes: 40,
    from: 0,
    to: 1,
    play: (cast) => [legacy(stranger(cast, cast.run()))],
  },
  {
    kind: 'stranger beside owner',
    scenes: 32,
    from: 0.1,
    to: 1,
    play: (cast, n) => {
      const run = cast.run();
      const same = legacy(stranger(cast, run));
      const owners = [dual(run), [live(run)], failed(run), late(run, 'at once')][n % 4] ?? [];
      return n % 8 < 4 ? [same, ...owners] : [...owners, same];
    },
  },
  {
    kind: 'outsider in the context',
    scenes: 8,
    from: 0.1,
    to: 1,
    play: (cast) => {
      const run = cast.run();
      return [live(run), legacy(cast.again(run, { user: OUTSIDER, standing: 'third_party' }))];
    },
  },
  {
    kind: 'anonymous in the context',
    scenes: 8,
    from: 0.1,
    to: 1,
    play: (cast, n) => {
      const run = cast.run();
      return [legacy(cast.again(run, { user: n % 2 === 0 ? null : ' ', standing: 'anonymous' })), live(run)];
    },
  },
  {
    kind: 'opted out',
    scenes: 12,
    from: 0,
    to: 1,
    play: (cast) => [legacy(cast.run({ place: cast.dice.pick(OPTED_OUT_PLACES), standing: 'opted_out' }))],
  },
  {
    kind: 'opts out',
    scenes: LEAVING_PLACES.length,
    from: 0.2,
    to: 0.9,
    play: (cast, n) => {
      const place = LEAVING_PLACES[n] ?? cast.dice.pick(LEAVING_PLACES);
      const after = cast.run({ place, standing: 'opted_out' });
      return [...dual(cast.run({ place })), { do: 'opt out', place }, legacy(after)];
    },
  },
  {
    kind: 'heartbeat beside owner',
    scenes: 4,
    from: 0.1,
    to: 0.9,
    play: (cast) => {
      const run = cast.run();
      return [{ do: 'write heartbeat', run }, legacy(run)];
    },
  },
];
