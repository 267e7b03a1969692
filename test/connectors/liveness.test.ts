import { describe, expect, test } from 'vitest';
import type { ConnectorState, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import { nextHistory, NO_HISTORY, type InitialSnapshot } from '../../operations/facts/snapshot-runs.ts';
import { judgeLiveness, summarizeTrace, type Baseline } from '../../operations/checks/liveness.ts';
import type { Observed } from '../../operations/facts/observer.ts';

const START = new Date('2026-05-01T12:00:00.000Z');
const after = new Date('2026-05-01T12:00:00.001Z');
const before = new Date('2026-05-01T11:59:59.999Z');

const status = (connector: ConnectorState, ...tasks: ConnectorState[]): ConnectorStatus => ({
  connector: { state: connector },
  tasks: tasks.map((state, id) => ({ id, state, ...(state === 'FAILED' && { trace: 'boom' }) })),
});
const proof = (
  beatAt: Date,
  more: { beats?: number; snapshot?: InitialSnapshot; streamed?: boolean } = {},
): Observed => ({
  heartbeat: { beatAt, arrivedAt: beatAt, streamed: more.streamed ?? true },
  beats: more.beats ?? 1,
  history: { initial: more.snapshot ?? 'completed', runs: [] },
});
const baseline: Baseline = { oldTrace: undefined, sourceClock: START };
const running = status('RUNNING', 'RUNNING');

describe('a connector is', () => {
  test.each([
    ['alive with task, snapshot and a new heartbeat', [running, proof(after)], 'alive'],
    ['not proved before the topics were read', [running, undefined], 'waiting'],
    ['not proved by RUNNING alone', [running, { ...proof(after), heartbeat: undefined }], 'waiting'],
    ['not proved by a heartbeat of before', [running, proof(before)], 'waiting'],
    ['not proved by the snapshot of the row', [running, proof(after, { streamed: false })], 'waiting'],
    ['not proved while a task is missing', [status('RUNNING'), proof(after)], 'waiting'],
    ['not proved while the task is unassigned', [status('RUNNING', 'UNASSIGNED'), proof(after)], 'waiting'],
    ['not proved while Connect does not know it yet', [undefined, proof(after)], 'waiting'],
    ['failed when its task failed', [status('RUNNING', 'RUNNING', 'FAILED'), proof(after)], 'failed'],
    ['failed when it failed itself', [status('FAILED'), undefined], 'failed'],
    ['suspended when it is paused', [status('PAUSED', 'PAUSED'), proof(after)], 'suspended'],
    ['suspended when it is stopped', [status('STOPPED'), proof(after)], 'suspended'],
    [
      'given time for the notification',
      [running, proof(after, { snapshot: 'running', beats: 2 })],
      'waiting',
    ],
    [
      'incomplete when that never comes',
      [running, proof(after, { snapshot: 'running', beats: 3 })],
      'incomplete',
    ],
    [
      'incomplete after a skipped snapshot',
      [running, proof(after, { snapshot: 'skipped', beats: 3 })],
      'incomplete',
    ],
    [
      'incomplete when no snapshot is known',
      [running, proof(after, { snapshot: 'unknown', beats: 3 })],
      'incomplete',
    ],
  ] as const)('%s', (_, [seen, proved], kind) => {
    expect(judgeLiveness(seen, proved, baseline).kind).toBe(kind);
  });

  test('proved by any new heartbeat where the clock of the database is not known', () => {
    expect(judgeLiveness(running, proof(before), { ...baseline, sourceClock: undefined }).kind).toBe('alive');
  });

  test('not failed by the failure that was there before it was told something new', () => {
    const seen = status('RUNNING', 'FAILED');
    expect(judgeLiveness(seen, undefined, { ...baseline, oldTrace: 'boom' }).kind).toBe('waiting');
    expect(judgeLiveness(seen, undefined, { ...baseline, oldTrace: 'other' }).kind).toBe('failed');
  });
});

describe('the initial snapshot, by its notifications,', () => {
  const initial = (type: string) => ({ aggregate_type: 'Initial Snapshot', type });
  test.each<[string, string[], InitialSnapshot]>([
    ['is unknown without any', [], 'unknown'],
    ['runs', ['STARTED', 'IN_PROGRESS'], 'running'],
    ['is completed', ['STARTED', 'TABLE_SCAN_COMPLETED', 'COMPLETED'], 'completed'],
    [
      'stays completed when later starts skip it',
      ['STARTED', 'COMPLETED', 'SKIPPED', 'SKIPPED'],
      'completed',
    ],
    ['was skipped without ever being completed', ['STARTED', 'SKIPPED'], 'skipped'],
    ['was skipped over offsets of old', ['SKIPPED'], 'skipped'],
    ['was interrupted, and completed then', ['STARTED', 'ABORTED', 'STARTED', 'COMPLETED'], 'completed'],
    ['runs again after it was completed once', ['STARTED', 'COMPLETED', 'STARTED'], 'running'],
  ])('%s', (_, types, state) => {
    const history = types.map(initial).reduce((before, value) => nextHistory(before, value, 0), NO_HISTORY);
    expect(history.initial).toBe(state);
  });

  test('is not an incremental one', () => {
    const incremental = { aggregate_type: 'Incremental Snapshot', type: 'COMPLETED' };
    expect(nextHistory({ initial: 'running', runs: [] }, incremental, 0).initial).toBe('running');
  });
});

test('a trace is told by its first line and its innermost cause', () => {
  const trace = 'a.B: outer\n\tat x\nCaused by: c.D: middle\n\tat y\nCaused by: e.F: inner\n\t... 3 more\n';
  expect(summarizeTrace(trace)).toBe('a.B: outer (caused by e.F: inner)');
  expect(summarizeTrace('a.B: alone\n\tat x')).toBe('a.B: alone');
  expect(summarizeTrace('')).toBe('');
});
