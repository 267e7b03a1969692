import { describe, expect, test } from 'vitest';
import { judgeStatus } from '../../operations/connector/connector-report.ts';

const now = new Date('2026-05-01T12:00:30.000Z');
const facts = {
  name: 'c',
  now,
  status: { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state: 'RUNNING' }] },
  proof: {
    heartbeat: {
      beatAt: new Date('2026-05-01T12:00:27Z'),
      arrivedAt: new Date('2026-05-01T12:00:28Z'),
      streamed: true,
    },
    beats: 1,
    snapshot: 'completed',
  },
  slot: { plugin: 'pgoutput', database: 'd', active: true, walStatus: 'reserved', lagBytes: 10 },
  slotUnknown: null,
  sourceProblems: [],
  redact: (text: string) => text.replaceAll('hunter2', '***'),
} as const;

test('a connector with a task that runs and a fresh heartbeat is healthy', () => {
  const report = judgeStatus(facts);
  expect(report).toMatchObject({ healthy: true, problems: [], initialSnapshot: 'completed' });
  expect(report.heartbeat?.ageSeconds).toBe(2);
});

describe('not healthy is a connector', () => {
  test.each([
    ['that Connect does not have', { status: undefined }, ['Kafka Connect has no such connector']],
    ['without a task', { status: { connector: { state: 'RUNNING' }, tasks: [] } }, ['it has no task']],
    [
      'with a failed task, whose reason is told without secrets',
      {
        status: {
          connector: { state: 'RUNNING' },
          tasks: [{ id: 0, state: 'FAILED', trace: 'x.Y: no hunter2\n\tat z' }],
        },
      },
      ['task 0 is FAILED: x.Y: no ***'],
    ],
    [
      'whose heartbeat is old',
      { now: new Date('2026-05-01T12:01:00Z') },
      ['the last heartbeat came through 32 s ago'],
    ],
    [
      'whose topics are missing',
      { proof: undefined },
      ['no heartbeat has come through its topic: it is still in its snapshot, or stands still'],
    ],
    [
      'whose snapshot was skipped',
      { proof: { ...facts.proof, snapshot: 'skipped' } },
      ['nothing says that the initial snapshot was ever completed: `history-cdc connector apply` tells more'],
    ],
    [
      'whose database has lost the publication',
      { sourceProblems: ['the publication p does not exist'] },
      ['the publication p does not exist'],
    ],
  ] as const)('%s', (_, difference, problems) => {
    const report = judgeStatus({ ...facts, ...difference });
    expect(report.healthy).toBe(false);
    expect(report.problems).toEqual(problems);
    expect(JSON.stringify(report)).not.toContain('hunter2');
  });
});
