import { expect, test } from 'vitest';
import { reportOf, type StatusReport } from '../../operations/status/report.ts';
import { beat } from '../doctor/patched.ts';
import { CONFIG } from '../doctor/healthy.ts';
import { AT, doneSweep, facts, row, verdict } from './facts.ts';

/** The parts of the report; its problems and the next step have files of their own. */
const report = (...changes: Parameters<typeof facts>): StatusReport => reportOf(facts(...changes), CONFIG);
const known = <T>(value: T) => ({ known: true, value }) as const;
const unknown = { known: false, why: 'refused' } as const;
const after = (seconds: number) => new Date(AT.getTime() + 1_000 * seconds);

test.each([
  ['source', 'legacy database'],
  ['canonical', 'canonical database'],
  ['brokers', 'Kafka'],
  ['worker', 'Kafka Connect'],
  ['registry', 'registry'],
] as const)('where %s gives no answer, that service does not, and all others do', (area, service) => {
  const { services } = report({ silent: { [area]: 'refused' } });
  const silent = Object.entries(services).filter(([, answers]) => !answers);
  expect(silent).toEqual([[service, false]]);
  expect(Object.keys(services)).toHaveLength(5);
});

test('the connector, with the age of its last heartbeat, which is never below none', () => {
  const running = { name: 'agent-test-history', state: 'RUNNING', tasks: ['RUNNING'] };
  expect(report({ areas: beat(after(-90)) }).connector).toEqual({ ...running, heartbeatSeconds: 90 });
  expect(report({ areas: beat(after(5)) }).connector).toEqual({ ...running, heartbeatSeconds: 0 });
});

test('a connector that is not there is told from one that cannot be asked, and from one that never was', () => {
  const absent = { connector: { config: undefined, status: undefined } };
  expect(report({ areas: absent }).connector).toMatchObject({ state: 'ABSENT', tasks: [] });
  expect(report({ silent: { connector: 'refused' } }).connector).toMatchObject({ state: 'UNREACHABLE' });
  expect(report({ areas: { ...absent, proof: undefined } }).connector).toBeNull();
  const neither = report({ silent: { connector: 'refused', proof: 'refused' } }).connector;
  expect(neither).toMatchObject({ state: 'UNREACHABLE', heartbeatSeconds: null });
});

test('the slot, and how much room it has', () => {
  const slot = {
    ...{ name: 'history_cdc', active: true, walStatus: 'reserved', lagBytes: 0 },
    ...{
      retainedBytes: 1_000,
      bytesLeft: 53_687_091_200,
      walBytesPerSecond: 1_048_576,
      runwaySeconds: 51_200,
    },
  };
  expect(report().slot).toEqual(slot);
  const blind = { retainedBytes: null, bytesLeft: null, walBytesPerSecond: null, runwaySeconds: null };
  expect(report({ silent: { server: 'refused', walRate: 'refused' } }).slot).toEqual({ ...slot, ...blind });
  expect(report({ silent: { source: 'refused' } }).slot).toBeNull();
});

test('the lag: how long it takes is rounded up, and not told without a pace', () => {
  const areas = {
    dataTopic: { marks: new Map([[0, { low: 0n, high: 511n }]]) },
    projection: {
      offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 1.4 }],
    },
  };
  const lag = (recordsPerSecond: number | null) => report({ areas, recordsPerSecond }).lag;
  expect(lag(100)).toMatchObject({ records: 501, secondsSinceCommit: 1, secondsLeft: 6 });
  expect(lag(0)).toMatchObject({ recordsPerSecond: 0, secondsLeft: null });
  expect(lag(null)).toMatchObject({ recordsPerSecond: null, secondsLeft: null });
  expect(report({ silent: { projection: 'refused' } }).lag).toBeNull();
});

test('the ledger, by its sums: each of its own column', () => {
  const rows = [
    { ...row('projected', 700), not_deleted: 600, blocked: 3, weak: 5, stragglers: 6 },
    { ...row('third_party', 300), not_deleted: 290, blocked: 1, weak: 2 },
  ];
  const { ledger, sweeper } = report({ ledger: { at: AT, answer: known(rows) } });
  expect(ledger).toEqual({
    ...{
      rowsSeen: 1_000,
      notDeleted: 890,
      blocked: 4,
      weak: 7,
      stragglers: 6,
      unseen: 110,
      legacyRows: 1_000,
    },
    ...{ decisions: { projected: 700, third_party: 300 }, countedAt: AT.toISOString() },
  });
  expect(sweeper).toMatchObject({ blocked: 4, weak: 7, stragglers: 6 });
  expect(report({ legacyRows: { at: AT, answer: unknown } }).ledger).toMatchObject({ unseen: null });
  expect(report({ ledger: { at: AT, answer: unknown } }).ledger).toBeNull();
});

test('the sweeper: a sweep, none that is stored, and one that is not known', () => {
  const last = { done: doneSweep(), failed: null };
  expect(report({ sweeps: known(last) }).sweeper).toMatchObject({ unsettled: 0, last });
  expect(report({ sweeps: known(undefined) }).sweeper?.last).toBe('not_stored');
  expect(report({ sweeps: unknown }).sweeper?.last).toBeNull();
  expect(report({ twins: unknown }).sweeper).toBeNull();
});

test('the verdicts, newest first, of which only the last can be stale', () => {
  const last = verdict({ stale: 'it is old' });
  const one = { finishedAt: '2026-11-28T01:00:00.000Z', verdict: 'proven', legacyRows: 1_000 };
  expect(report({ verdicts: known({ last, before: [verdict().run] }) }).verdicts).toEqual([
    { ...one, stale: 'it is old' },
    { ...one, stale: null },
  ]);
  expect(report({ verdicts: known({ last: undefined, before: [] }) }).verdicts).toEqual([]);
  expect(report({ verdicts: unknown }).verdicts).toBeNull();
});
