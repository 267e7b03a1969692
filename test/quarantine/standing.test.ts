import { expect, test } from 'vitest';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import { standingOf } from '../../operations/quarantine/standing.ts';

const at = (offset: number, topicId = 'topic', partition = 0) => ({
  topicId,
  partition,
  offset: BigInt(offset),
});
const entry = (decision: Decision, op: string, position = at(5)) => ({
  decision,
  op,
  position,
  lsn: null,
  snapshot: false,
  deletedAtMs: null,
});

test.each([
  ['parked under a key that the ledger does not know', 5, 5, true, undefined, 'apply'],
  ['behind the decision of an owner’s row', 6, 7, true, entry('projected', 'c'), 'apply'],
  ['where the key was quarantined', 5, 5, true, entry('quarantined', '?'), 'rewind'],
  ['before a later parked record of the key', 4, 5, true, entry('quarantined', '?'), 'rewind'],
  ['before the delete of an owner’s row', 4, 4, true, entry('projected', 'd'), 'rewind'],
  ['before an image of a linked row that changed nothing', 4, 4, true, entry('twin', 'u'), 'superseded'],
  ['on both sides of such an image', 4, 6, true, entry('twin', 'u'), 'apply'],
  [
    'in a topic that was followed by another',
    9,
    9,
    true,
    entry('projected', 'r', at(5, 'next')),
    'superseded',
  ],
  ['in one whose follower parked the key', 9, 9, true, entry('quarantined', '?', at(5, 'next')), 'waiting'],
  [
    'in another partition, which the pipeline refuses',
    4,
    4,
    true,
    entry('projected', 'c', at(5, 'topic', 1)),
    'apply',
  ],
  ['without a key, behind all of its row', 6, 6, false, entry('third_party', 'c'), 'apply'],
  ['without a key, before an event of its row', 4, 4, false, entry('third_party', 'c'), 'superseded'],
  [
    'without a key, before a delete of a row that was known',
    4,
    4,
    false,
    entry('projected', 'd'),
    'superseded',
  ],
  ['without a key, before a delete of a row that was never seen', 4, 4, false, entry('gone', 'd'), 'rewind'],
  ['without a key, before a parked record of its row', 4, 4, false, entry('quarantined', '?'), 'waiting'],
] as const)('%s', (...[, first, last, parkedWithKey, known, standing]) => {
  expect(standingOf({ first: at(first), last: at(last), parkedWithKey }, known)).toBe(standing);
});
