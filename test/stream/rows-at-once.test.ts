import { expect, test } from 'vitest';
import { RowsAtOnce } from '../../consumers/agent-test-history/stream/rows-at-once.ts';

test('the size grows back to the bound, and stays there', () => {
  const at = new RowsAtOnce(5_000);
  expect([at.rows, at.isReduced]).toEqual([Number.POSITIVE_INFINITY, false]);
  at.ranOutOfTime(5_000);
  at.ranOutOfTime(at.rows);
  expect(at.rows).toBe(1_250);
  let transactions = 0;
  for (; at.isReduced; transactions++) at.passed();
  expect(transactions).toBe(12);
  at.ranOutOfTime(1);
  expect(at.rows).toBe(1);
});
