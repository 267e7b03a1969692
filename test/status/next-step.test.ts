import { describe, expect, test } from 'vitest';
import { reportOf } from '../../operations/status/report.ts';
import { CONFIG, decided, doneSweep, failedSweep, verdict } from '../doctor/healthy.ts';
import type { Patch } from '../doctor/patched.ts';
import { FAILED_RUN, runs } from '../doctor/red-service-facts.ts';
import { looked } from './facts.ts';

const report = (facts: Patch = {}, more: Parameters<typeof looked>[0] = {}) =>
  reportOf(looked({ facts, ...more }), CONFIG);

/** Records behind in the one partition, and how long ago the last commit was. */
const behind = (records: bigint, secondsAgo = 1): Patch => {
  const offset = { topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo };
  return {
    dataTopic: { marks: new Map([[0, { low: 0n, high: 10n + records }]]) },
    projection: { offsets: [offset] },
    laterOffsets: [offset],
  };
};
const paused: Patch = {
  connector: { status: { connector: { state: 'PAUSED' }, tasks: [{ id: 0, state: 'PAUSED' }] } },
};
const PROJECT = 'history-cdc project';

test('where all is well there is nothing to do', () => {
  expect(report()).toMatchObject({ state: 'good', next: null, problems: [] });
});

test.each<[string, Patch, string[]]>([
  ['a paused connector', paused, ['wrong', 'connector-tasks', 'history-cdc connector resume']],
  [
    'rows that nobody projects',
    { ...behind(5n), projectors: 0, oldestSeconds: 7 },
    ['wrong', 'projector-runs', PROJECT],
  ],
  ['no projector, and nothing waits', { projectors: 0 }, ['attention', 'projector-runs', PROJECT]],
  [
    'a projector that stands',
    { ...behind(5n, 300), oldestSeconds: 300 },
    ['wrong', 'projector-moves', PROJECT],
  ],
  [
    'a projector that catches up',
    { ...behind(5n), oldestSeconds: 60 },
    ['attention', 'lag-late', 'history-cdc status --watch'],
  ],
  [
    'an open record',
    { quarantine: { open: 1, waived: 2 } },
    ['wrong', 'quarantine-empty', 'history-cdc quarantine list'],
  ],
  [
    'a wrong verdict',
    { verdicts: { last: verdict({ verdict: 'wrong' }) } },
    ['wrong', 'verdict', 'history-cdc reconcile --last'],
  ],
  [
    'a verdict that proves nothing',
    { verdicts: { last: verdict({ verdict: 'not_proven' }) } },
    ['attention', 'verdict', 'history-cdc reconcile'],
  ],
  [
    'a verdict of the day before yesterday',
    { verdicts: { last: verdict({ stale: 'it is older than 24 hours' }) } },
    ['attention', 'verdict', 'history-cdc reconcile'],
  ],
  ['no verdict at all', { verdicts: { last: undefined } }, ['attention', 'verdict', 'history-cdc reconcile']],
  ['a snapshot that failed', runs(FAILED_RUN), ['wrong', 'snapshot', 'history-cdc snapshot start']],
  [
    'a snapshot that somebody paused',
    { ...runs({ ...FAILED_RUN, state: 'paused' }), storedOffset: { snapshot: { id: 'a', condition: null } } },
    ['attention', 'snapshot', 'history-cdc snapshot resume'],
  ],
  [
    'twins that no sweep settled',
    { twins: { unsettled: 3, due: 2, overdue: 1 } },
    ['attention', 'sweeper-late', 'history-cdc sweep'],
  ],
  [
    'a sweeper that stands, as soon as a twin waits for it',
    { twins: { unsettled: 3, due: 1 }, sweeps: { done: doneSweep(122) } },
    ['attention', 'sweeper-late', 'history-cdc sweep'],
  ],
  [
    'a sweep that failed',
    { sweeps: { done: doneSweep(30), failed: failedSweep(15) } },
    ['attention', 'sweep-failed', 'history-cdc sweep'],
  ],
  [
    'live rows that cannot take over',
    { decisions: [{ ...decided('projected', 1000), blocked: 2 }] },
    ['attention', 'twins-blocked', 'history-cdc sweep'],
  ],
  [
    'runs that the live path did not record',
    { decisions: [{ ...decided('projected', 1000), stragglers: 2 }] },
    ['attention', 'stragglers', 'SELECT legacy_id'],
  ],
  [
    'a legacy row that the ledger lacks, on a quiet source',
    { ...behind(0n, 30), legacyRows: 1001 },
    ['attention', 'rows-counted', 'history-cdc reconcile'],
  ],
])('the one thing to do next: %s', (_, facts, [state, id, fix]) => {
  expect(report(facts)).toMatchObject({
    state,
    next: { id, fix: expect.stringMatching(new RegExp(`^${fix ?? ''}`)) as string },
  });
});

test('a role that may not see when the last sweep was is told the grant, for whichever role it is', () => {
  const silent = { sweeps: 'permission denied for table last_sweep' };
  const config = { ...CONFIG, DATABASE_URL: 'postgresql://the%20role@db/app' };
  expect(reportOf(looked({ silent }), config)).toMatchObject({
    state: 'attention',
    next: { id: 'sweep-failed', fix: 'GRANT SELECT ON history_cdc.last_sweep TO "the role";' },
  });
});

test.each<[string, Patch]>([
  ['rows are on their way', { ...behind(1n, 31), oldestSeconds: 1 }],
  ['one was committed just now', behind(0n, 29)],
])('counts that differ mean nothing while %s', (_, facts) => {
  expect(report({ ...facts, legacyRows: 1001 })).toMatchObject({ state: 'good', ledger: { unseen: 1 } });
});

test('counts compare rows that are not deleted, and nothing without a ledger', () => {
  const deleted = [{ ...decided('projected', 1_200), not_deleted: 1_000 }];
  expect(report({ ...behind(0n, 30), decisions: deleted }).problems).toEqual([]);
  const { problems } = report({ ...behind(0n, 30), decisions: undefined });
  expect(problems.map(({ severity }) => severity)).toEqual(['not_yet', 'not_yet', 'not_yet']);
});

describe('of several things', () => {
  test.each<[string, Patch, string]>([
    ['nobody projects', { projectors: 0 }, 'projector-runs'],
    ['the projector stands', {}, 'projector-moves'],
  ])('rows that wait for long are wrong where %s, and never "catching up"', (_, facts, id) => {
    expect(report({ ...behind(5n, 300), oldestSeconds: 300, ...facts }).problems).toMatchObject([
      { id, severity: 'wrong' },
      { id: 'lag-late', section: 'lag', severity: 'wrong', fix: PROJECT },
    ]);
  });

  test('records that wait for less than a minute are not late', () => {
    expect(report({ ...behind(5n), oldestSeconds: 59 }).problems).toEqual([]);
  });

  test('a cause comes before what follows from it, and that before what was wrong all the time', () => {
    const { problems } = report({
      ...paused,
      heartbeatRow: { kind: 'row', secondsAgo: 300 },
      quarantine: { open: 1 },
    });
    expect(problems.map(({ id }) => id)).toEqual([
      'connector-tasks',
      'heartbeat-written',
      'quarantine-empty',
    ]);
  });

  test('a service that gives no answer comes first, and what is not known for its sake last of what is wrong', () => {
    const silent = { worker: 'refused', connector: 'refused', storedOffset: 'refused' };
    const { state, problems } = report({ verdicts: { last: verdict({ verdict: 'wrong' }) } }, { silent });
    expect(state).toBe('wrong');
    const [first, second, ...others] = problems;
    expect([first?.id, second?.id]).toEqual(['connect-reachable', 'verdict']);
    expect(others.map(({ severity }) => severity)).toEqual(others.map(() => 'unknown'));
  });

  const undeployed: Patch = {
    slot: null,
    connector: { config: undefined, status: undefined },
    storedOffset: { lsn: null },
    dataTopic: undefined,
    verdicts: { last: undefined },
  };
  test('what is wrong comes before a step of the deployment, and that before what should be looked at', () => {
    const before = report({ ...undeployed, projection: { topics: [], offsets: [] } });
    expect(before).toMatchObject({ state: 'not_yet', next: { fix: 'history-cdc connector apply' } });
    expect(before.problems.at(-1)).toMatchObject({ id: 'verdict', severity: 'attention' });
    // With the ledger's memory of a topic, the same is a loss.
    expect(report(undeployed)).toMatchObject({ state: 'wrong', next: { id: 'slot-exists' } });
  });

  test('the steps of a deployment are told in their order, behind what is not known', () => {
    const facts: Patch = {
      ...undeployed,
      observed: undefined,
      ledgerSchema: { kind: 'absent' },
      projection: { topics: [], offsets: [] },
    };
    const { problems } = report(facts, { silent: { verdicts: 'refused' } });
    expect(problems[0]).toMatchObject({ id: 'verdict', severity: 'unknown' });
    const steps = problems.slice(1).map(({ severity, fix }) => `${severity} ${fix}`);
    expect(steps.filter((step, index) => step !== steps[index - 1])).toEqual([
      'not_yet history-cdc migrate',
      'not_yet history-cdc connector apply',
      'not_yet history-cdc project',
    ]);
  });
});

test.each(['quarantine', 'verdicts', 'decisions', 'twins', 'observed'] as const)(
  'what is not known is not good, and says what to ask: %s',
  (fact) => {
    const { state, next } = report({}, { silent: { [fact]: 'permission denied' } });
    expect(state).toBe('unknown');
    expect(next?.fix).toBe(`history-cdc doctor --only ${next?.id ?? ''}`);
  },
);

test('but for what would only warn', () => {
  expect(report({}, { silent: { sessions: 'refused' } }).state).toBe('good');
});

describe('the last verdict', () => {
  const of = (last: ReturnType<typeof verdict>) => report({ verdicts: { last } }).problems;
  const counted = { in_flight: 0, accepted: 0 };
  const finding = { severity: 'wrong', confirmed: 0, ...counted } as const;

  test('that is wrong names the kinds that are, with their rows', () => {
    const last = verdict({
      verdict: 'wrong',
      kinds: [
        { ...finding, kind: 'missing', confirmed: 1_234 },
        { ...finding, kind: 'foreign' },
        { ...finding, kind: 'weak_twin', severity: 'info', confirmed: 7 },
      ],
    });
    expect(of(last)).toMatchObject([{ evidence: expect.stringMatching(/: missing 1,234$/) as string }]);
  });

  test.each([
    ['a snapshot', [{ ...finding, kind: 'unseen', in_flight: 2 }], /: unseen 2, a snapshot$/],
    [null, [{ ...finding, kind: 'parked', confirmed: 1 }], /: parked 1$/],
    [null, [], /: \D+$/],
  ] as const)('that proves nothing says why: waited for %s, found %j', (waited_for, kinds, says) => {
    const last = verdict({ verdict: 'not_proven', kinds });
    const [problem] = of({ ...last, run: { ...last.run, waited_for } });
    expect(problem?.evidence).toMatch(says);
  });

  test('is not missed while there is nothing to compare', () => {
    expect(report({ decisions: [], legacyRows: 0, verdicts: { last: undefined } }).problems).toEqual([]);
  });
});

test('nothing waits, however long ago the last record came: no lag', () => {
  expect(report(behind(0n, 86_400))).toMatchObject({
    state: 'good',
    lag: { records: 0, seconds: 0, secondsLeft: 0, secondsSinceCommit: 86_400 },
  });
});

test('with a pace, the time is told that it takes', () => {
  const { lag } = report({ ...behind(500n), oldestSeconds: 3 }, { recordsPerSecond: 100.4 });
  expect(lag).toMatchObject({ records: 500, seconds: 3, recordsPerSecond: 100, secondsLeft: 5 });
});
