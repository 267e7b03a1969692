import { expect, test } from 'vitest';
import type { FactName } from '../../operations/facts/facts.ts';
import { reportOf, type StatusReport } from '../../operations/status/report.ts';
import { beat } from '../doctor/patched.ts';
import { AT, CONFIG, decided as row, doneSweep, verdict } from '../doctor/healthy.ts';
import { looked } from './facts.ts';

/** The parts of the report; its problems and the next step have files of their own. */
const report = (changes?: Parameters<typeof looked>[0]): StatusReport => reportOf(looked(changes), CONFIG);
const refused = (fact: FactName) => ({ silent: { [fact]: 'refused' } });
const after = (seconds: number) => new Date(AT.getTime() + 1_000 * seconds);

test.each([
  ['server', 'legacy database'],
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
  expect(report({ facts: beat(after(-90)) }).connector).toEqual({ ...running, heartbeatSeconds: 90 });
  expect(report({ facts: beat(after(5)) }).connector).toEqual({ ...running, heartbeatSeconds: 0 });
});

test('a connector that is not there is told from one that cannot be asked, and from one that never was', () => {
  const absent = { connector: { config: undefined, status: undefined } };
  expect(report({ facts: absent }).connector).toMatchObject({ state: 'ABSENT', tasks: [] });
  expect(report({ silent: { connector: 'refused' } }).connector).toMatchObject({ state: 'UNREACHABLE' });
  expect(report({ facts: { ...absent, observed: undefined } }).connector).toBeNull();
  const neither = report({ silent: { connector: 'refused', observed: 'refused' } }).connector;
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
  const blind = { walBytesPerSecond: null, runwaySeconds: null };
  expect(report({ silent: { server: 'refused', walRate: 'refused' } }).slot).toEqual({ ...slot, ...blind });
  expect(report(refused('slot')).slot).toBeNull();
});

test('the lag: how long it takes is rounded up, and not told without a pace', () => {
  const behind = {
    dataTopic: { marks: new Map([[0, { low: 0n, high: 511n }]]) },
    projection: {
      offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 1.4 }],
    },
  };
  const lag = (recordsPerSecond: number | null) =>
    report({ facts: behind, ...(recordsPerSecond !== null && { recordsPerSecond }) }).lag;
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
  const { ledger, sweeper } = report({ facts: { decisions: rows } });
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
  expect(report(refused('legacyRows')).ledger).toMatchObject({ unseen: null });
  expect(report(refused('decisions')).ledger).toBeNull();
});

test('the sweeper: a sweep, none that is stored, and one that is not known', () => {
  const last = { done: doneSweep(), failed: null };
  expect(report({ facts: { sweeps: last } }).sweeper).toMatchObject({ unsettled: 0, last });
  expect(report({ facts: { sweeps: undefined } }).sweeper?.last).toBe('not_stored');
  expect(report(refused('sweeps')).sweeper?.last).toBeNull();
  expect(report(refused('twins')).sweeper).toBeNull();
});

test('the verdicts, newest first, of which only the last can be stale', () => {
  const last = verdict({ stale: 'it is old' });
  const one = { finishedAt: '2026-11-28T01:00:00.000Z', verdict: 'proven', legacyRows: 1_000 };
  expect(report({ facts: { verdicts: { last, before: [verdict().run] } } }).verdicts).toEqual([
    { ...one, stale: 'it is old' },
    { ...one, stale: null },
  ]);
  expect(report({ facts: { verdicts: { last: undefined, before: [] } } }).verdicts).toEqual([]);
  expect(report(refused('verdicts')).verdicts).toBeNull();
});
