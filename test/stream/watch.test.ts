import { expect, test } from 'vitest';
import { bothReady } from '../../consumers/agent-test-history/stream/watch.ts';
import type { Readiness } from '../../lib/http.ts';

const ready: Readiness = () => ({ ready: true });
const unready =
  (reason: string): Readiness =>
  () => ({ ready: false, reason });

test.each<[string, [Readiness, Readiness | undefined], ReturnType<Readiness>]>([
  ['both', [ready, ready], { ready: true }],
  ['the first, and there is no second', [ready, undefined], { ready: true }],
  ['none, and there is no second', [unready('a'), undefined], { ready: false, reason: 'a' }],
  ['the second only', [unready('a'), ready], { ready: false, reason: 'a' }],
  ['the first only', [ready, unready('b')], { ready: false, reason: 'b' }],
  ['neither, and the first says why', [unready('a'), unready('b')], { ready: false, reason: 'a' }],
])('ready is %s', (_, [first, second], answer) => {
  expect(bothReady(first, second)()).toEqual(answer);
});

test('what is not ready now may be later', () => {
  let answer = unready('not yet');
  const both = bothReady(ready, () => answer());
  expect(both()).toMatchObject({ ready: false });
  answer = ready;
  expect(both()).toEqual({ ready: true });
});
