import { describe, expect, test } from 'vitest';
import { parseAcceptRules } from '../../operations/reconcile/accepted.ts';

const rule = { owner: 'the registry team', reason: 'known', expires: '2999-12-31' };
const rulesOf = (...rules: object[]) =>
  parseAcceptRules(JSON.stringify({ version: 1, rules }), 'accepted.json', new Date('2026-06-01T12:00:00Z'));

describe('a rule of the file of accepted differences', () => {
  test('counts to the end of its last day, and not beyond', () => {
    const today = {
      id: 'a',
      kind: 'missing',
      legacy_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      ...rule,
      expires: '2026-06-01',
    };
    const { valid, expired } = rulesOf(today, { ...today, id: 'b', expires: '2026-05-31' });
    expect(valid.map(({ id }) => id)).toEqual(['a']);
    expect(expired.map(({ id }) => id)).toEqual(['b']);
  });

  test.each([
    ['an unknown kind', [{ id: 'a', kind: 'lost', field: 'headline', ...rule }]],
    ['neither row nor field', [{ id: 'a', kind: 'missing', ...rule }]],
    ['a field of a kind that has none', [{ id: 'a', kind: 'missing', field: 'headline', ...rule }]],
    ['no owner', [{ id: 'a', kind: 'different', field: 'headline', ...rule, owner: '' }]],
    ['no day', [{ id: 'a', kind: 'different', field: 'headline', ...rule, expires: 'never' }]],
    ['one id twice', [1, 2].map(() => ({ id: 'a', kind: 'different', field: 'headline', ...rule }))],
  ])('with %s is refused', (_, rules) => {
    expect(() => rulesOf(...rules)).toThrow('accepted.json');
  });
});
