import { describe, expect, test } from 'vitest';
import { STEPS } from '../../operations/checks/verdict.ts';
import { reportOf } from '../../operations/status/report.ts';
import { CONFIG, healthyFacts } from '../doctor/healthy.ts';
import type { Patch } from '../doctor/patched.ts';
import { AT, doneSweep, facts, failedSweep, row, SNAPSHOT, verdict } from './facts.ts';

/** What each problem says, and with what severity; `next-step.test.ts` has which comes first. */
const problems = (...changes: Parameters<typeof facts>) => reportOf(facts(...changes), CONFIG).problems;
const known = <T>(value: T) => ({ known: true, value }) as const;
const unknown = { known: false, why: 'permission denied' } as const;
const dated = <T>(answer: T) => ({ at: AT, answer });
const backlog = (records: bigint, secondsAgo: number) => ({
  dataTopic: { marks: new Map([[0, { low: 0n, high: 10n + records }]]) },
  projection: { offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo }] },
});

describe('what is not known is said of each part, with what to ask:', () => {
  test.each([
    ['quarantine', { quarantine: unknown }, 'history-cdc doctor'],
    ['verdict', { verdicts: unknown }, 'history-cdc doctor'],
    ['snapshot', { snapshot: dated(unknown) }, 'history-cdc snapshot status'],
    ['decisions', { ledger: dated(unknown) }, 'history-cdc doctor'],
    ['sweeper', { twins: unknown, sweeps: unknown }, 'history-cdc doctor'],
  ] as const)('%s', (section, changes, fix) => {
    expect(problems(changes)).toEqual([
      {
        id: `${section}-known`,
        ...{ section, severity: 'unknown', evidence: 'not known: permission denied', fix },
      },
    ]);
  });

  test('a check, by its name; but for one that would only warn', () => {
    expect(problems({ silent: { walRate: 'refused', sessions: 'refused' } })).toMatchObject([
      {
        ...{ id: 'wal-runway', section: 'slot', severity: 'unknown' },
        evidence: expect.stringMatching(/^cannot tell whether .+: .*refused/) as string,
        fix: 'history-cdc doctor --only wal-runway',
      },
    ]);
  });
});

describe('the steps of a deployment', () => {
  const areas: Patch = {
    connector: { config: undefined, status: undefined },
    dataTopic: undefined,
    proof: undefined,
    source: { slot: null },
    server: { slot: null },
    ledgerSchema: { kind: 'absent' },
    projection: { topics: [], offsets: [] },
  };

  test('are told in their order', () => {
    const steps = problems({ areas }).map(({ fix }) => fix);
    const changes = steps.filter((fix, index) => fix !== steps[index - 1]);
    expect(changes).toEqual([STEPS.migrate, STEPS.apply]);
  });

  test('come behind what is not known', () => {
    const severities = problems({ areas, verdicts: unknown }).map(({ severity }) => severity);
    expect([...new Set(severities)]).toEqual(['unknown', 'not_yet']);
    expect(severities.lastIndexOf('unknown')).toBe(0);
  });
});

test('a projector that stands is late with what waits, and never "catching up"', () => {
  expect(problems({ areas: backlog(5n, 300), oldestSeconds: known(300) })).toMatchObject([
    { id: 'projector-moves', severity: 'wrong' },
    { id: 'lag-late', severity: 'wrong', fix: 'history-cdc project' },
  ]);
});

test('records that wait for less than a minute are not late', () => {
  expect(problems({ areas: backlog(5n, 1), oldestSeconds: known(59) })).toEqual([]);
});

describe('the last verdict', () => {
  test('that is wrong names the kinds that are, with their rows', () => {
    const counted = { in_flight: 0, accepted: 0 };
    const last = verdict({
      verdict: 'wrong',
      kinds: [
        { kind: 'missing', severity: 'wrong', confirmed: 1_234, ...counted },
        { kind: 'foreign', severity: 'wrong', confirmed: 0, ...counted },
        { kind: 'weak_twin', severity: 'info', confirmed: 7, ...counted },
      ],
    });
    expect(problems({ verdicts: known({ last, before: [] }) })).toMatchObject([
      { evidence: 'the last reconcile found what is wrong: missing 1,234' },
    ]);
  });

  const finding = { severity: 'wrong', confirmed: 0, in_flight: 0, accepted: 0 } as const;
  test.each([
    ['a snapshot', [{ ...finding, kind: 'unseen', in_flight: 2 }], 'unseen 2, a snapshot'],
    [null, [{ ...finding, kind: 'parked', confirmed: 1 }], 'parked 1'],
    [null, [], 'it did not compare all rows'],
  ] as const)('that proves nothing says why: waited for %s, found %j', (waited_for, kinds, says) => {
    const last = verdict({ verdict: 'not_proven', kinds });
    const waiting = { ...last, run: { ...last.run, waited_for } };
    expect(problems({ verdicts: known({ last: waiting, before: [] }) })).toMatchObject([
      { evidence: `the last reconcile did not prove everything: ${says}` },
    ]);
  });

  test('is not missed while there is nothing to compare', () => {
    const empty = { ledger: dated(known([])), legacyRows: dated(known(0)) };
    expect(problems({ ...empty, verdicts: known({ last: undefined, before: [] }) })).toEqual([]);
  });
});

test.each([
  ['stalled', 'wrong'],
  ['unanswered', 'wrong'],
  ['lost', 'wrong'],
  ['failed', 'wrong'],
  ['paused', 'attention'],
  ['stopped', 'attention'],
] as const)('a snapshot that is %s is %s, and is looked at where nothing else is told', (state, severity) => {
  const answer = known({ ...SNAPSHOT, verdict: state, reasons: ['so it is'], next: null } as const);
  expect(problems({ snapshot: dated(answer) })).toEqual([
    {
      ...{ id: `snapshot-${state}`, section: 'snapshot', severity },
      ...{ evidence: `the snapshot is ${state}: so it is`, fix: 'history-cdc snapshot status' },
    },
  ]);
});

describe('counts that differ, on a source that is quiet for half a minute,', () => {
  test.each([
    [1_001, 'the legacy table has 1 rows more than the ledger'],
    [998, 'the ledger has 2 rows more'],
  ])('of %d legacy rows', (rows, says) => {
    expect(problems({ areas: backlog(0n, 30), legacyRows: dated(known(rows)) })).toMatchObject([
      { id: 'rows-counted', evidence: `${says}, and nothing waits to be projected` },
    ]);
  });

  test('are those of rows that are not deleted', () => {
    const ledger = dated(known([{ ...row('projected', 1_200), not_deleted: 1_000 }]));
    expect(problems({ areas: backlog(0n, 30), ledger })).toEqual([]);
  });

  test('are none without a ledger', () => {
    expect(problems({ areas: backlog(0n, 30), ledger: dated(known(undefined)) })).toEqual([]);
  });
});

describe('of the sweeper,', () => {
  test.each([
    [null, 'none has done its work yet'],
    [doneSweep(60), 'the last good one ended 60 s ago'],
  ])('a failed sweep says what was before it', (done, before) => {
    expect(problems({ sweeps: known({ done, failed: failedSweep(15) }) })).toMatchObject([
      { id: 'sweep-failed', evidence: `the last sweep failed 15 s ago (57014); ${before}` },
    ]);
  });

  test.each([
    ['postgresql://the%20role@db/app', '"the role"'],
    [undefined, '""'],
  ])('the grant names the role of %s', (DATABASE_URL, role) => {
    const report = reportOf(facts({ sweeps: unknown }), { ...CONFIG, DATABASE_URL });
    expect(report.next?.fix).toBe(`GRANT SELECT ON history_cdc.last_sweep TO ${role};`);
  });
});

test('a slot that lost its WAL is shown at the slot', () => {
  const { source } = healthyFacts();
  const slot = source.slot === null ? null : { ...source.slot, walStatus: 'lost' };
  expect(problems({ areas: { source: { slot } } })).toMatchObject([
    { id: 'slot-wal-status', section: 'slot', severity: 'wrong' },
  ]);
});
