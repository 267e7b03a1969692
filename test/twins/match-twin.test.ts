import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../consumers/agent-test-history/record/event.ts';
import { fingerprintOf, profileHashOf } from '../../consumers/agent-test-history/rule/fingerprint.ts';
import {
  likeness,
  matchTwins,
  type LegacyRun,
  type LiveRun,
} from '../../consumers/agent-test-history/twins/match-twin.ts';
import { pairsByDefinition } from '../support/pairs-by-definition.ts';

const SECOND = 1_000_000n;
const WINDOW = 120n * SECOND;

/** A run as either table has it. */
interface Values {
  readonly headline: string | null;
  readonly totalDurationMs: number | null;
  readonly passing: boolean;
  readonly profile: string | null;
}
const VALUES: Values = { headline: 'all good', totalDurationMs: 1200, passing: true, profile: null };

function legacy(
  legacyId: string,
  seconds: number,
  { organizationId = 'org', ...over }: Partial<Values> & { organizationId?: string } = {},
): LegacyRun {
  const values = { ...VALUES, ...over };
  return {
    legacyId,
    startedAtUs: BigInt(Math.round(seconds * 1e6)),
    fingerprint: fingerprintOf(values),
    profileHash: profileHashOf(utf8(values.profile)),
    organizationId,
  };
}

function live(
  runId: string,
  seconds: number,
  { organizationId = null, ...over }: Partial<Values> & { organizationId?: string | null } = {},
): LiveRun {
  const values = { ...VALUES, ...over };
  return {
    runId,
    testedAtUs: BigInt(Math.round(seconds * 1e6)),
    fingerprint: fingerprintOf(values),
    profileHash: profileHashOf(utf8(values.profile)),
    organizationId,
  };
}

const NOTHING_SETTLED = new Map<string, string>();
const pairsOf = (a: readonly LegacyRun[], x: readonly LiveRun[]) =>
  Object.fromEntries(matchTwins({ legacy: a, live: x, settled: NOTHING_SETTLED }, WINDOW).pairs);

describe('a live row is the twin of a legacy row', () => {
  const cases: [
    string,
    Parameters<typeof legacy>[2],
    Parameters<typeof live>[2],
    number,
    ReturnType<typeof likeness>,
  ][] = [
    ['when all that is known of both agrees', {}, {}, 0, 'twin'],
    ['on the edge of the window', {}, {}, 120, 'twin'],
    ['on the other edge', {}, {}, -120, 'twin'],
    ['not a microsecond beyond it', {}, {}, 120.000001, 'different'],
    ['not with another headline', {}, { headline: 'other' }, 0, 'different'],
    ['not with an empty headline for none', { headline: null }, { headline: '' }, 0, 'different'],
    ['not with another duration', {}, { totalDurationMs: 1201 }, 0, 'different'],
    [
      'with duration 0, which legacy stores as NULL',
      { totalDurationMs: null },
      { totalDurationMs: 0 },
      0,
      'twin',
    ],
    ['not with another verdict', {}, { passing: false }, 0, 'different'],
    ['with the same organisation', {}, { organizationId: 'org' }, 0, 'twin'],
    ['not with another organisation', {}, { organizationId: 'other' }, 0, 'different'],
    ['with a JSON null for a profile on one side', { profile: 'null' }, { profile: '{"a": 1}' }, 0, 'twin'],
    ['with equal profiles', { profile: '{"a": 1}' }, { profile: '{"a": 1}' }, 0, 'twin'],
    ['not with different profiles', { profile: '{"a": 1}' }, { profile: '{"a": 2}' }, 0, 'different'],
    ['with a profile on one side only', { profile: '{"a": 1}' }, {}, 0, 'twin'],
    [
      'only perhaps, without headline and duration',
      { headline: null, totalDurationMs: null },
      { headline: null, totalDurationMs: 0 },
      0,
      'weak',
    ],
    [
      'without both, where the profiles are equal',
      { headline: null, totalDurationMs: null, profile: '{}' },
      { headline: null, totalDurationMs: null, profile: '{}' },
      0,
      'twin',
    ],
    [
      'only perhaps, without both and with one profile',
      { headline: null, totalDurationMs: null, profile: '{}' },
      { headline: null, totalDurationMs: null },
      0,
      'weak',
    ],
  ];
  test.each(cases)('%s', (...[, left, right, seconds, expected]) => {
    expect(likeness(legacy('a', 0, left), live('x', seconds, right), WINDOW)).toBe(expected);
  });
});

describe('pairing', () => {
  test('two identical runs need two live rows: the other stays alone', () => {
    expect(pairsOf([legacy('a', 0), legacy('b', 1)], [live('x', 0.5)])).toEqual({ a: 'x' });
  });

  test('a chain a-x-b-y pairs both, though b is nearer to x', () => {
    expect(pairsOf([legacy('a', 0), legacy('b', 110)], [live('x', 100), live('y', 200)])).toEqual({
      a: 'x',
      b: 'y',
    });
  });

  test('of complete pairings the one with the least total distance wins', () => {
    expect(pairsOf([legacy('a', 0), legacy('b', 10)], [live('x', 9), live('y', 60)])).toEqual({
      a: 'x',
      b: 'y',
    });
    expect(pairsOf([legacy('a', 0), legacy('b', 10)], [live('x', 1), live('y', 9)])).toEqual({
      a: 'x',
      b: 'y',
    });
  });

  test('ties go to the earlier time, then to the smaller ids', () => {
    expect(pairsOf([legacy('b', 0), legacy('a', 0)], [live('y', 5), live('x', 5)])).toEqual({
      a: 'x',
      b: 'y',
    });
    expect(pairsOf([legacy('a', 10)], [live('late', 15), live('early', 5)])).toEqual({ a: 'early' });
  });

  test('a weak pair is suspected, not made, while nothing else explains the live row', () => {
    const bare = { headline: null, totalDurationMs: null };
    const { pairs, suspected } = matchTwins(
      {
        legacy: [legacy('a', 0, bare)],
        live: [live('x', 1, { headline: null, totalDurationMs: null })],
        settled: NOTHING_SETTLED,
      },
      WINDOW,
    );
    expect(pairs.size).toBe(0);
    expect(Object.fromEntries(suspected)).toEqual({ a: ['x'] });
  });
});

test('settled links stand: both of their rows are out of the question for any other', () => {
  const rows = {
    legacy: [legacy('a', 0), legacy('b', 10)],
    live: [live('x', 9), live('y', 12)],
    settled: new Map([['a', 'x']]),
  };
  expect(Object.fromEntries(matchTwins(rows, WINDOW).pairs)).toEqual({ b: 'y' });
});

test('a run that is settled takes no second live row, wherever its own one is', () => {
  const rows = {
    legacy: [legacy('a', 0)],
    live: [live('near', 1)],
    settled: new Map([['a', 'out of sight']]),
  };
  expect(matchTwins(rows, WINDOW).pairs.size).toBe(0);
});

test('thousands of identical runs in a row are paired in order', () => {
  const each = Array.from({ length: 4000 }, (_, index) => index);
  const pairs = pairsOf(
    each.map((index) => legacy(`g${String(index).padStart(4, '0')}`, index)),
    each.filter((index) => index % 4 !== 0).map((index) => live(`l${String(index).padStart(4, '0')}`, index)),
  );
  expect(Object.keys(pairs)).toHaveLength(3000);
  expect(Object.entries(pairs).every(([a, x]) => a.slice(1) === x.slice(1))).toBe(true);
});

test('of thousands of runs around one live row, the nearest has it', () => {
  const crowd = Array.from({ length: 5000 }, (_, index) => legacy(`g${String(index)}`, index / 100));
  expect(pairsOf(crowd, [live('x', 25)])).toEqual({ g2500: 'x' });
});

function bestByDefinition(a: readonly LegacyRun[], x: readonly LiveRun[]): Record<string, string> {
  return pairsByDefinition(
    a.map((run) => ({ id: run.legacyId, atUs: Number(run.startedAtUs), run })),
    x.map((run) => ({ id: run.runId, atUs: Number(run.testedAtUs), run })),
    (left, right) => likeness(left.run, right.run, WINDOW) === 'twin',
  );
}

const profile = fc.constantFrom(null, null, '{"a": 1}', '{"a": 2}');
const headline = fc.constantFrom('all good', 'all good', null);
const duration = fc.constantFrom(1200, null, 0);
const seconds = fc.integer({ min: 0, max: 12 }).map((step) => step * 40);
const someLegacy = fc
  .array(fc.record({ seconds, headline, totalDurationMs: duration, profile }), {
    maxLength: 4,
  })
  .map((rows) => rows.map(({ seconds: at, ...over }, index) => legacy(`g${String(index)}`, at, over)));
const someLive = fc
  .array(
    fc.record({
      seconds,
      headline,
      totalDurationMs: duration,
      profile,
      organizationId: fc.constantFrom(null, 'org', 'other'),
    }),
    { maxLength: 4 },
  )
  .map((rows) => rows.map(({ seconds: at, ...over }, index) => live(`l${String(index)}`, at, over)));

test('the pairing is the one that the definition names, in whatever order the rows come', () => {
  fc.assert(
    fc.property(someLegacy, someLive, (a, x) => {
      const expected = bestByDefinition(a, x);
      expect(pairsOf(a, x)).toEqual(expected);
      expect(pairsOf([...a].reverse(), [...x].reverse())).toEqual(expected);
    }),
    { numRuns: 3000 },
  );
});
