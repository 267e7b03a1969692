import { describe, expect, test } from 'vitest';
import { reportOf } from '../../operations/connector/connector-report.ts';
import type { FactName } from '../../operations/facts/facts.ts';
import { CONFIG, gathered } from '../doctor/healthy.ts';
import { beat, patched, type Patch } from '../doctor/patched.ts';

const now = new Date('2026-05-01T12:00:30.000Z');
const report = (facts: Patch = {}, silent: Partial<Record<FactName, string>> = {}) => {
  const well = beat(new Date('2026-05-01T12:00:28Z'));
  return reportOf(gathered(patched({ ...well, ...facts }), silent), CONFIG, now);
};
const tasks = (...states: ('RUNNING' | 'FAILED')[]): Patch => ({
  connector: {
    status: {
      connector: { state: 'RUNNING' },
      tasks: states.map((state, id) => ({
        id,
        state,
        ...(state === 'FAILED' && { trace: 'x.Y: no\n\tat z' }),
      })),
    },
  },
});

test('a connector with a task that runs and a fresh heartbeat is healthy', () => {
  expect(report()).toMatchObject({
    ...{ healthy: true, problems: [], initialSnapshot: 'completed', slotUnknown: null },
    heartbeat: { ageSeconds: 2 },
    slot: { active: true, plugin: 'pgoutput', lagBytes: 0 },
  });
});

describe('not healthy is a connector', () => {
  test.each<[string, Patch, string[]]>([
    [
      'that Connect does not have',
      { connector: { config: undefined, status: undefined } },
      ['connector-exists', 'connector-tasks'],
    ],
    ['without a task', tasks(), ['connector-tasks']],
    ['with a failed task', tasks('FAILED'), ['connector-tasks']],
    ['whose heartbeat is old', beat(new Date('2026-05-01T11:59:59Z')), ['heartbeat-arrives']],
    ['whose topics are missing', { observed: undefined }, ['heartbeat-arrives', 'initial-snapshot']],
    [
      'whose snapshot was skipped',
      { observed: { ...(beat(now).observed as object), history: { initial: 'skipped', runs: [] } } },
      ['initial-snapshot'],
    ],
    [
      'in its initial snapshot',
      { observed: { heartbeat: undefined, history: { initial: 'running', runs: [] } } },
      ['initial-snapshot'],
    ],
    ['whose database has lost the publication', { publication: null }, ['publication']],
  ])('%s', (_, facts, ids) => {
    const { healthy, problems } = report(facts);
    expect(healthy).toBe(false);
    expect(problems.map(({ id }) => id)).toEqual(ids);
  });
});

test('a legacy database that gives no answer is one problem, and the slot is not known', () => {
  const silent = { server: 'refused', slot: 'refused', publication: 'refused', legacyTable: 'refused' };
  const found = report({}, silent);
  expect(found).toMatchObject({ healthy: false, slot: null, slotUnknown: 'refused' });
  expect(found.problems.map(({ id }) => id)).toEqual(['legacy-reachable']);
});

test.each(['connector', 'observed'] as const)('without an answer to %s there is no report', (fact) => {
  expect(() => report({}, { [fact]: 'refused' })).toThrow('refused');
});
