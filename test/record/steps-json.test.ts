import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { storyboardsOf } from '../../consumers/agent-test-history/record/storyboards.ts';
import { anyPhase } from '../support/phases.ts';

const storyboardsIn = (json: string) => storyboardsOf(Buffer.from(json));
const steps = (...passed: unknown[]) => passed.map((verdict) => ({ passed: verdict }));
const trackOf = (...scenarios: unknown[]) => ({ scenarios });

describe('the text of a steps_json', () => {
  const rolledUp = (value: unknown) => {
    const json = storyboardsIn(JSON.stringify(value));
    return json === null ? null : (JSON.parse(json) as unknown);
  };
  const phases = [
    { scenario: 'a/1', overall_passed: true },
    { scenario: 'b/1', steps: steps(true, false) },
  ];
  const expected = [
    { storyboard_id: 'a', status: 'passing', steps_passed: 1, steps_total: 1 },
    { storyboard_id: 'b', status: 'partial', steps_passed: 1, steps_total: 2 },
  ];

  test.each([
    ['an object with tracks', { tracks: [trackOf(...phases)], scenarios: [{ scenario: 'c/1' }] }],
    ['an array of tracks', phases.map((phase) => trackOf(phase))],
    ['an array of phases', phases],
    ['an array of both', [trackOf(phases[0]), phases[1]]],
    ['an array with other things in it', [null, 3, 'a/1', [phases], phases[0], {}, trackOf(), phases[1]]],
  ])('may be %s', (_, value) => {
    expect(rolledUp(value)).toEqual(expected);
  });

  test('as the demo writes them, an entry a step, sums up', () => {
    const entry = (phase: string, step: number, passed: boolean) => ({
      scenario: `creative_sync/${phase}`,
      step: `step ${String(step)}`,
      passed,
      duration_ms: 20,
      error: passed ? null : 'expected 200, got 501',
    });
    expect(
      rolledUp([entry('discovery', 1, true), entry('discovery', 2, false), entry('brief', 1, true)]),
    ).toEqual([{ storyboard_id: 'creative_sync', status: 'partial', steps_passed: 2, steps_total: 3 }]);
  });

  test('gives a storyboard called __proto__ like any other', () => {
    const text = '[{"__proto__": {"scenario": "b/1"}, "scenario": "__proto__/1", "passed": true}]';
    expect(storyboardsIn(text)).toBe(
      '[{"status": "passing", "steps_total": 1, "steps_passed": 1, "storyboard_id": "__proto__"}]',
    );
  });

  test.each([
    ['quotation marks', '"sto\\"ry/board/1"', 'sto"ry'],
    ['escapes', '"sto\\nry/1"', 'sto\nry'],
    ['letters of other languages', '"проверка/1"', 'проверка'],
  ])('names a storyboard with %s in its id', (_, key, id) => {
    expect(JSON.parse(storyboardsIn(`[{"note": "/", "scenario": ${key}}]`) ?? '')).toMatchObject([
      { storyboard_id: id },
    ]);
  });

  test.each([
    ['null', 'null'],
    ['a number', '7'],
    ['a string', '"\\"scenario\\": \\"a/1\\""'],
    ['the text of the key', '"scenario"'],
    ['no key at all', '[{"step": 1}]'],
    ['a key without a slash', '[{"scenario": "quality_evaluation", "passed": true}]'],
    ['a key that is no string', '{"tracks": [{"scenarios": [{"scenario": 7}, {"scenario": null}]}]}'],
    ['empty lists', '{"tracks": [{"scenarios": []}], "scenario": "a/1"}'],
    ['tracks that are no list', '{"tracks": {"scenarios": [{"scenario": "a/1"}]}}'],
    ['a single phase', '{"scenario": "a/1", "passed": true}'],
    ['phases where tracks belong', '{"tracks": [{"scenario": "a/1", "passed": true}]}'],
    ['a key one level too deep', '[[{"scenario": "a/1", "passed": true}]]'],
    ['a track in a track', '[{"scenarios": [{"scenarios": [{"scenario": "a/1"}]}]}]'],
    ['a key of the prototype', '{"__proto__": {"tracks": [{"scenarios": [{"scenario": "a/1"}]}]}}'],
    ['a slash only behind the key', '[{"scenario": "quality", "note": "a/1"}]'],
    ['no JSON', '[{"scenario": "a/1"'],
    ['text that ends in a key', '[{"scenario": "a'],
    ['nothing', ''],
  ])('with %s has none', (_, text) => {
    expect(storyboardsIn(text)).toBeNull();
  });

  test('that is NULL has none', () => {
    expect(storyboardsOf(null)).toBeNull();
  });

  test.each(['[', '{"scenario":'])('nested a hundred thousand deep in %s has none', (open) => {
    const close = open === '[' ? ']' : '}';
    const text = `${open.repeat(100_000)}"scenario"${close.repeat(100_000)}`;
    expect(storyboardsIn(text)).toBeNull();
  });
});

test('how phases are spread over tracks does not matter, nor does the shape around them', () => {
  fc.assert(
    fc.property(fc.array(anyPhase), fc.nat(), (phases, at) => {
      const cut = phases.length === 0 ? 0 : at % phases.length;
      const tracks = [trackOf(...phases.slice(0, cut)), trackOf(...phases.slice(cut))];
      const together = storyboardsIn(JSON.stringify({ tracks: [trackOf(...phases)] }));
      expect(storyboardsIn(JSON.stringify({ tracks }))).toBe(together);
      expect(storyboardsIn(JSON.stringify(tracks))).toBe(together);
      expect(storyboardsIn(JSON.stringify(phases))).toBe(together);
    }),
  );
});
