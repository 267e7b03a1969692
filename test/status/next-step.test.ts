import { describe, expect, test } from 'vitest';
import { reportOf } from '../../operations/status/report.ts';
import { CONFIG } from '../doctor/healthy.ts';
import { AT, doneSweep, facts, failedSweep, row, SNAPSHOT, verdict } from './facts.ts';

const report = (...changes: Parameters<typeof facts>) => reportOf(facts(...changes), CONFIG);
const known = <T>(value: T) => ({ known: true, value }) as const;
const unknown = (why: string) => ({ known: false, why }) as const;

/** Records behind in the one partition, and how long ago the last commit was. */
const behind = (records: bigint, secondsAgo = 1) => ({
  dataTopic: { marks: new Map([[0, { low: 0n, high: 10n + records }]]) },
  projection: { offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo }] },
});
const paused = {
  connector: { status: { connector: { state: 'PAUSED' }, tasks: [{ id: 0, state: 'PAUSED' }] } },
} as const;
const noSlot = { source: { slot: null }, server: { slot: null } };

test('where all is well there is nothing to do', () => {
  expect(report()).toMatchObject({ state: 'good', next: null, problems: [] });
});

describe('the one thing to do next:', () => {
  test.each([
    ['a paused connector', { areas: paused }, ['wrong', 'connector-tasks', 'history-cdc connector resume']],
    [
      'rows that nobody projects',
      { areas: behind(5n), projectors: known(0), oldestSeconds: known(7) },
      ['wrong', 'projector-runs', 'history-cdc project'],
    ],
    [
      'no projector, and nothing waits',
      { projectors: known(0) },
      ['attention', 'projector-runs', 'history-cdc project'],
    ],
    [
      'a projector that stands',
      { areas: behind(5n, 300), oldestSeconds: known(300) },
      [
        'wrong',
        'projector-moves',
        'history-cdc project  # is one running? its log and /readyz say why it stands',
      ],
    ],
    [
      'a projector that catches up',
      { areas: behind(5n), oldestSeconds: known(60) },
      ['attention', 'lag-late', 'history-cdc status --watch  # shows the pace, and when it is done'],
    ],
    [
      'an open record',
      { quarantine: known({ open: 1, waived: 2 }) },
      ['wrong', 'quarantine-open', 'history-cdc quarantine list'],
    ],
    [
      'a wrong verdict',
      { verdicts: known({ last: verdict({ verdict: 'wrong' }), before: [] }) },
      ['wrong', 'verdict', 'history-cdc reconcile --last'],
    ],
    [
      'a verdict that proves nothing',
      { verdicts: known({ last: verdict({ verdict: 'not_proven' }), before: [] }) },
      ['attention', 'verdict', 'history-cdc reconcile'],
    ],
    [
      'a verdict of the day before yesterday',
      { verdicts: known({ last: verdict({ stale: 'it is older than 24 hours' }), before: [] }) },
      ['attention', 'verdict', 'history-cdc reconcile'],
    ],
    [
      'no verdict at all',
      { verdicts: known({ last: undefined, before: [] }) },
      ['attention', 'verdict', 'history-cdc reconcile'],
    ],
    [
      'a snapshot that stalls',
      {
        snapshot: {
          at: AT,
          answer: known({ ...SNAPSHOT, verdict: 'stalled', next: 'history-cdc connector status' } as const),
        },
      },
      ['wrong', 'snapshot-stalled', 'history-cdc connector status'],
    ],
    [
      'a snapshot that somebody paused',
      {
        snapshot: {
          at: AT,
          answer: known({ ...SNAPSHOT, verdict: 'paused', next: 'history-cdc snapshot resume' } as const),
        },
      },
      ['attention', 'snapshot-paused', 'history-cdc snapshot resume'],
    ],
    [
      'twins that no sweep settled',
      { twins: known({ unsettled: 3, due: 2, overdue: 1 }) },
      ['attention', 'sweeper-late', 'history-cdc sweep'],
    ],
    [
      'a sweeper that stands, as soon as a twin waits for it',
      {
        twins: known({ unsettled: 3, due: 1, overdue: 0 }),
        sweeps: known({ done: doneSweep(122), failed: null }),
      },
      ['attention', 'sweeper-late', 'history-cdc sweep'],
    ],
    [
      'a sweep that failed',
      { sweeps: known({ done: doneSweep(30), failed: failedSweep(15) }) },
      ['attention', 'sweep-failed', 'history-cdc sweep  # says why, as the log of the projector does'],
    ],
    [
      'a role that may not see when the last sweep was',
      { sweeps: unknown('permission denied for table last_sweep') },
      ['attention', 'sweeps-known', 'GRANT SELECT ON history_cdc.last_sweep TO "projector";'],
    ],
    [
      'live rows that cannot take over',
      { ledger: { at: AT, answer: known([{ ...row('projected', 1000), blocked: 2 }]) } },
      ['attention', 'twins-blocked', 'history-cdc sweep'],
    ],
    [
      'runs that the live path did not record',
      { ledger: { at: AT, answer: known([{ ...row('projected', 1000), stragglers: 2 }]) } },
      [
        'attention',
        'stragglers',
        "SELECT legacy_id, agent_url, started_at FROM history_cdc.ledger WHERE reason = 'straggler' ORDER BY started_at DESC LIMIT 20;",
      ],
    ],
    [
      'a legacy row that the ledger lacks, on a quiet source',
      { areas: behind(0n, 30), legacyRows: { at: AT, answer: known(1001) } },
      ['attention', 'rows-counted', 'history-cdc reconcile'],
    ],
  ] as const)('%s', (_, changes, [state, id, fix]) => {
    expect(report(changes)).toMatchObject({ state, next: { id, fix } });
  });

  test.each([
    ['rows are on their way', { areas: behind(1n, 31), oldestSeconds: known(1) }],
    ['one was committed just now', { areas: behind(0n, 29) }],
  ] as const)('counts that differ mean nothing while %s', (_, changes) => {
    const counted = { ...changes, legacyRows: { at: AT, answer: known(1001) } };
    expect(report(counted)).toMatchObject({ state: 'good', ledger: { unseen: 1 } });
  });
});

describe('the sweeper is well where', () => {
  const due = known({ unsettled: 3, due: 1, overdue: 0 });
  test.each([
    ['nothing waits for it', { sweeps: known({ done: doneSweep(86_400), failed: null }) }],
    ['it has time left', { twins: due, sweeps: known({ done: doneSweep(120), failed: null }) }],
    [
      'one that takes long rests long',
      { twins: due, sweeps: known({ done: { ...doneSweep(2_000), seconds: 60 }, failed: null }) },
    ],
    ['none has ended yet', { twins: due, sweeps: known({ done: null, failed: null }) }],
    ['the ledger does not store sweeps', { twins: due, sweeps: known(undefined) }],
    ['the next one was good', { sweeps: known({ done: doneSweep(12), failed: failedSweep(30) }) }],
  ] as const)('%s', (_, changes) => {
    expect(report(changes)).toMatchObject({ state: 'good', problems: [] });
  });

  test('nobody is told to sweep, or to project, so often', () => {
    const stands = { twins: due, sweeps: known({ done: doneSweep(3_600), failed: null }) };
    const off = { ...CONFIG, SWEEP_INTERVAL_SECONDS: 0 };
    expect(reportOf(facts(stands), off).problems).toEqual([]);
    const { problems } = report({ ...stands, projectors: known(0) });
    expect(problems.map(({ id }) => id)).toEqual(['projector-runs']);
  });

  test.each([
    ['and the last sweep ended 40 min ago', { done: doneSweep(2_400), failed: null }],
    ['and no sweep has ended yet', { done: null, failed: null }],
    ['and when a sweep last ended is not known', undefined],
  ])('but not with twins of half an hour ago, %s', (says, sweeps) => {
    const late = known({ unsettled: 3, due: 2, overdue: 1 });
    expect(report({ twins: late, sweeps: known(sweeps) }).problems).toMatchObject([
      { id: 'sweeper-late', evidence: `1 twins should have been settled half an hour ago, ${says}` },
    ]);
  });
});

describe('of several things', () => {
  test('rows that wait for long are wrong where nobody projects, and never "catching up"', () => {
    const { problems } = report({ areas: behind(5n, 300), projectors: known(0), oldestSeconds: known(300) });
    expect(problems).toMatchObject([
      { id: 'projector-runs', severity: 'wrong' },
      { id: 'lag-late', section: 'lag', severity: 'wrong', evidence: '5 records wait, the oldest for 5 min' },
    ]);
  });

  test('a cause comes before what follows from it, and that before what was wrong all the time', () => {
    const { next, problems } = report({
      areas: { ...paused, heartbeatRow: { kind: 'row', secondsAgo: 300 } },
      quarantine: known({ open: 1, waived: 0 }),
    });
    expect(next?.id).toBe('connector-tasks');
    expect(problems.map(({ id }) => id)).toEqual([
      'connector-tasks',
      'heartbeat-written',
      'quarantine-open',
      'task-moves',
    ]);
  });

  test('a service that gives no answer comes first, and what is not known for its sake last of what is wrong', () => {
    const { state, problems } = report({
      silent: { worker: 'refused', connector: 'refused', slotPosition: 'refused' },
      verdicts: known({ last: verdict({ verdict: 'wrong' }), before: [] }),
    });
    expect(state).toBe('wrong');
    const [first, second, ...others] = problems;
    expect([first?.id, second?.id]).toEqual(['connect-reachable', 'verdict']);
    expect(others.map(({ severity }) => severity)).toEqual(others.map(() => 'unknown'));
  });

  test('what is wrong comes before a step of the deployment, and that before what should be looked at', () => {
    const areas = { ...noSlot, connector: { config: undefined, status: undefined }, dataTopic: undefined };
    const undeployed = { topics: [], offsets: [] };
    const before = report({
      areas: { ...areas, projection: undeployed },
      verdicts: known({ last: undefined, before: [] }),
    });
    expect(before).toMatchObject({ state: 'not_yet', next: { fix: 'history-cdc connector apply' } });
    expect(before.problems.at(-1)).toMatchObject({ id: 'verdict', severity: 'attention' });
    // With the ledger's memory of a topic, the same is a loss.
    expect(report({ areas })).toMatchObject({ state: 'wrong', next: { id: 'slot-exists' } });
  });
});

test('what is not known is not good, and says what to ask', () => {
  expect(report({ quarantine: unknown('permission denied') })).toMatchObject({
    state: 'unknown',
    next: { id: 'quarantine-known', fix: 'history-cdc doctor' },
    quarantine: null,
  });
});

test('nothing waits, however long ago the last record came: no lag', () => {
  expect(report({ areas: behind(0n, 86_400) })).toMatchObject({
    state: 'good',
    lag: { records: 0, seconds: 0, secondsLeft: 0, secondsSinceCommit: 86_400 },
  });
});

test('with a pace, the time is told that it takes', () => {
  expect(report({ areas: behind(500n), oldestSeconds: known(3), recordsPerSecond: 100.4 }).lag).toMatchObject(
    {
      records: 500,
      seconds: 3,
      recordsPerSecond: 100,
      secondsLeft: 5,
    },
  );
});
