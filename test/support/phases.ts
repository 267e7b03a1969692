import fc from 'fast-check';

const key = fc.oneof(fc.constantFrom('a/1', 'b/1', '__proto__/1', '/1', 'a', 'a/'), fc.string());
const anyStep = fc.oneof(fc.record({ passed: fc.boolean() }), fc.jsonValue());
/** Results of phases as they may come, and much that may not. */
export const anyPhase = fc.record(
  {
    scenario: fc.oneof({ weight: 5, arbitrary: key }, fc.jsonValue()),
    overall_passed: fc.oneof(fc.boolean(), fc.jsonValue()),
    passed: fc.oneof(fc.boolean(), fc.jsonValue()),
    steps: fc.oneof(fc.array(anyStep, { maxLength: 4 }), fc.jsonValue()),
  },
  { requiredKeys: ['scenario'] },
);
