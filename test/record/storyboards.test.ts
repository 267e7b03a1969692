import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rollUpStoryboards } from '../../consumers/agent-test-history/record/storyboards.ts';
import { anyPhase } from '../support/phases.ts';

const steps = (...passed: unknown[]) => passed.map((verdict) => ({ passed: verdict }));
const trackOf = (...scenarios: unknown[]) => ({ scenarios });

/** The verdicts as `id status passed/total`. */
const shown = (tracks: unknown, askedFor?: readonly string[]) =>
  rollUpStoryboards(tracks, askedFor).map(
    ({ storyboard_id, status, steps_passed, steps_total }) =>
      `${storyboard_id} ${status} ${String(steps_passed)}/${String(steps_total)}`,
  );
const ofPhase = (phase: object) => shown([trackOf({ scenario: 'a/1', ...phase })]);

describe('a storyboard', () => {
  test.each([
    ['all of whose steps passed is passing', [steps(true, true)], 'a passing 2/2'],
    ['none of whose steps passed is failing', [steps(false, false)], 'a failing 0/2'],
    ['some of whose steps passed is partial', [steps(true, false, true)], 'a partial 2/3'],
    [
      'is the sum of the steps of its phases',
      [steps(true), steps(false, false), steps(true, true)],
      'a partial 3/5',
    ],
  ])('%s', (_, phases, expected) => {
    const scenarios = phases.map((listed, n) => ({ scenario: `a/${String(n)}`, steps: listed }));
    expect(shown([trackOf(...scenarios)])).toEqual([expected]);
  });

  test('is rolled up over all tracks, and comes where it first occurs', () => {
    const tracks = [
      trackOf({ scenario: 'b/1', steps: steps(true) }, { scenario: 'a/1', steps: steps(false) }),
      trackOf({ scenario: 'c/1', steps: steps(true) }, { scenario: 'b/2', steps: steps(false) }),
    ];
    expect(shown(tracks)).toEqual(['b partial 1/2', 'a failing 0/1', 'c passing 1/1']);
  });

  test('whose phase occurs several times has all of them', () => {
    const phase = { scenario: 'a/1', passed: true };
    expect(shown([trackOf(phase, phase, { ...phase, passed: false })])).toEqual(['a partial 2/3']);
  });

  test.each([['__proto__'], ['constructor'], ['toString'], [' '], ['é 🚀'], ['storyboard:a']])(
    'may be called %j',
    (id) => {
      const scenarios = [
        { scenario: `${id}/1`, passed: true },
        { scenario: `${id}/2`, passed: false },
      ];
      expect(shown([trackOf(...scenarios)])).toEqual([`${id} partial 1/2`]);
    },
  );
});

describe('a phase that lists no steps is one itself', () => {
  test.each([
    [{ overall_passed: true }, 'a passing 1/1'],
    [{ overall_passed: false }, 'a failing 0/1'],
    [{ passed: true }, 'a passing 1/1'],
    [{ passed: false }, 'a failing 0/1'],
    [{ overall_passed: false, passed: true }, 'a failing 0/1'],
    [{ overall_passed: true, passed: false }, 'a passing 1/1'],
    [{ overall_passed: null, passed: true }, 'a passing 1/1'],
    [{ overall_passed: true, steps: [] }, 'a passing 1/1'],
    [{ overall_passed: true, steps: null }, 'a passing 1/1'],
    [{ overall_passed: true, steps: 3 }, 'a passing 1/1'],
    [{ overall_passed: true, steps: 'passed' }, 'a passing 1/1'],
    [{ overall_passed: false, steps: { passed: true } }, 'a failing 0/1'],
    [{ overall_passed: false, steps: [null, 1, 'x', true, [{ passed: true }]] }, 'a failing 0/1'],
  ])('%j: %s', (phase, expected) => {
    expect(ofPhase(phase)).toEqual([expected]);
  });

  test('and one that does is not: its own verdict does not count', () => {
    expect(ofPhase({ overall_passed: false, steps: steps(true, true) })).toEqual(['a passing 2/2']);
  });
});

describe('only true is passed', () => {
  test.each(['true', 1, 'yes', {}, [], [true], null, undefined])('not %j', (verdict) => {
    expect(ofPhase({ steps: steps(verdict, true) })).toEqual(['a partial 1/2']);
    expect(ofPhase({ overall_passed: verdict, passed: verdict })).toEqual(['a failing 0/1']);
  });

  test('and a step among things that are none is the only one', () => {
    expect(ofPhase({ steps: [null, 7, { passed: true }, [], 'x'] })).toEqual(['a passing 1/1']);
  });
});

describe('a key', () => {
  test.each([[null], [undefined], [7], [true], [{}], [['a/1']], ['a'], [''], ['/'], ['/1'], ['//1']])(
    '%j names no storyboard, and is skipped',
    (scenario) => {
      const other = { scenario: 'b/1', passed: true };
      expect(shown([trackOf({ scenario, passed: false }, other)])).toEqual(['b passing 1/1']);
    },
  );

  test.each(['a/', 'a//', 'a/1/2', 'a//1'])('%j is of the storyboard a', (scenario) => {
    expect(shown([trackOf({ scenario, passed: true })])).toEqual(['a passing 1/1']);
  });
});

describe('storyboards that were asked for', () => {
  const tracks = [trackOf({ scenario: 'a/1', passed: true }, { scenario: 'b/1', passed: false })];

  test('come in the order asked, no others do, and one that was not run is untested', () => {
    expect(shown(tracks, ['c', 'b'])).toEqual(['c untested 0/0', 'b failing 0/1']);
  });

  test('come once, however often they were asked for', () => {
    expect(shown(tracks, ['a', 'c', 'a', 'c'])).toEqual(['a passing 1/1', 'c untested 0/0']);
  });

  test('are all untested where nothing was run, whatever they are called', () => {
    expect(shown([], ['a', '__proto__'])).toEqual(['a untested 0/0', '__proto__ untested 0/0']);
    expect(shown(tracks, [])).toEqual([]);
  });
});

test.each([
  [undefined],
  [null],
  [7],
  ['a/1'],
  [true],
  [{}],
  [[]],
  [{ scenarios: [{ scenario: 'a/1' }] }],
  [[null, 7, 'a/1', [], [[trackOf({ scenario: 'a/1' })]], { scenarios: null }]],
  [[trackOf(null, 7, 'a/1', [], [{ scenario: 'a/1' }])]],
  [[trackOf({ scenarios: [{ scenario: 'a/1' }] })]],
])('no tracks, no verdicts: %j', (tracks) => {
  expect(rollUpStoryboards(tracks)).toEqual([]);
});

const anyTracks = fc.array(
  fc.oneof(fc.record({ scenarios: fc.array(fc.oneof(anyPhase, fc.jsonValue())) }), fc.jsonValue()),
);

test('whatever it is given, a verdict agrees with its own counts, and has an id of its own', () => {
  fc.assert(
    fc.property(fc.oneof(anyTracks, fc.anything()), (tracks) => {
      const verdicts = rollUpStoryboards(tracks);
      for (const { storyboard_id, status, steps_passed, steps_total } of verdicts) {
        expect(storyboard_id).not.toBe('');
        expect(storyboard_id).not.toContain('/');
        expect(steps_total).toBeGreaterThan(0);
        expect(status).toBe(
          steps_passed === steps_total ? 'passing' : steps_passed === 0 ? 'failing' : 'partial',
        );
      }
      expect(new Set(verdicts.map(({ storyboard_id }) => storyboard_id)).size).toBe(verdicts.length);
    }),
  );
});
