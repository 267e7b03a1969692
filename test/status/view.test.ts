import { describe, expect, test } from 'vitest';
import { renderStatus } from '../../cli/status-view.ts';
import type { RunReport } from '../../operations/snapshot/status.ts';
import { reportOf } from '../../operations/status/report.ts';
import { AREAS, type AreaName } from '../../operations/facts/areas.ts';
import { CONFIG } from '../doctor/healthy.ts';
import { AT, doneSweep, facts, failedSweep, SNAPSHOT, verdict } from './facts.ts';

const screen = (...changes: Parameters<typeof facts>) => renderStatus(reportOf(facts(...changes), CONFIG));
const known = <T>(value: T) => ({ known: true, value }) as const;
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

test('all is well', () => {
  expect(screen().replace(/heartbeat \d+ s ago/, 'heartbeat 1 s ago')).toBe(
    `history-cdc status, 2026-11-28 03:00:00 UTC

GOOD: it runs, nothing is late, nothing waits for a person
next: nothing

services    ok       legacy database, canonical database, Kafka, Kafka Connect,
                     registry answer
connector   ok       agent-test-history RUNNING, task RUNNING; heartbeat 1 s ago
slot        ok       history_cdc active, WAL reserved, 0 bytes behind, keeps
                     1,000 bytes, room for 50 GiB (an outage may last 14 h)
lag         ok       0 records, 0 s; last commit 1 s ago
projector   ok       1 in the consumer group
decisions   ok       1,000 rows seen = projected 700 + third_party 300; not
                     deleted 1,000, the legacy table has 1,000
quarantine  ok       open 0, waived 0
sweeper     ok       last sweep 12 s ago: nothing to do; 0 twins unsettled;
                     blocked 0; weak fingerprints 0; stragglers 0
snapshot    ok       initial completed; no other
verdict     ok       proven 2 h ago over 1,000 legacy rows`,
  );
});

describe('what is wrong stands first, with its fix in lines of their own', () => {
  test('behind, with a pace', () => {
    const text = screen({
      areas: {
        dataTopic: { marks: new Map([[0, { low: 0n, high: 90_010n }]]) },
        projection: {
          offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 2 }],
        },
      },
      oldestSeconds: known(95),
      recordsPerSecond: 3_000,
    });
    expect(text).toContain(
      `
GOOD SO FAR: nothing is lost, and somebody should look
lag-late: 90,000 records wait, the oldest for 95 s: it is catching up
next: history-cdc status --watch  # shows the pace, and when it is done
`,
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'lag look 90,000 records wait, the oldest for 95 s; last commit 2 s ago; 3,000 records/s; 30 s left',
    );
  });

  test('a verdict, and what was before it', () => {
    const wrong = verdict({
      verdict: 'wrong',
      kinds: [{ kind: 'missing', severity: 'wrong', confirmed: 1_234, in_flight: 0, accepted: 0 }],
    });
    const text = screen({ verdicts: known({ last: wrong, before: [verdict().run] }) });
    expect(text).toContain(
      '\nWRONG\nverdict: the last reconcile found what is wrong: missing 1,234\nnext: history-cdc',
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'verdict WRONG wrong 2 h ago over 1,000 legacy rows; before it proven 2 h ago',
    );
  });

  test('a fix of many lines is cut, and says where the rest is', () => {
    const long = Array.from({ length: 9 }, (_, n) => ({
      pid: n,
      role: 'app',
      application: '',
      state: 'active',
      seconds: 7_200,
    }));
    const text = screen({ areas: { sessions: { long } } });
    expect(text).toContain('next: SELECT pg_terminate_backend(0);\n      SELECT pg_terminate_backend(1);');
    expect(text).toContain('      … history-cdc doctor --only long-transactions');
  });
});

test('an incremental snapshot under way, and counts that are not of now', () => {
  const run = {
    ...{
      id: 'x',
      state: 'running' as const,
      startedAt: AT.toISOString(),
      secondsSinceMoved: 1,
      condition: null,
    },
    ...{ pauseForgotten: false, rowsDone: 5_000, rowsTotal: 20_000, rowsPerSecond: 1_000, secondsLeft: 15 },
  } satisfies RunReport;
  const { ledger } = facts();
  const text = screen({
    snapshot: { at: AT, answer: known({ ...SNAPSHOT, verdict: 'running', run } as const) },
    ledger: { ...ledger, at: new Date(AT.getTime() - 40_000) },
  }).replaceAll(/\s+/g, ' ');
  expect(text).toContain('the last one running, 5,000 of 20,000 rows, 1,000 rows/s, 15 s left');
  expect(text).toContain('the legacy table has 1,000; counted 40 s ago');
});

test.each([
  [
    'and what it did',
    known({ done: doneSweep(12, { settled: 1_204, blocked: 2 }), failed: failedSweep(60) }),
    'last sweep 12 s ago: 1,204 twins settled, 2 blocked;',
  ],
  [
    'which failed',
    known({ done: doneSweep(180, { absorbed: 1 }), failed: failedSweep(7) }),
    'last sweep FAILED 7 s ago (57014), the last good one 3 min ago: 1 taken over by live rows;',
  ],
  ['which is to come', known({ done: null, failed: null }), 'no sweep has ended yet;'],
  ['which no row tells of', known(undefined), 'this ledger does not store sweeps yet (history-cdc migrate);'],
  ['which is not shown', { known: false, why: 'denied' } as const, 'when the last sweep was is not known;'],
])('the last sweep, %s', (_, sweeps, says) => {
  expect(screen({ sweeps }).replaceAll(/\s+/g, ' ')).toContain(`${says} 0 twins unsettled`);
});

test('with nothing known at all it is one screen, too', () => {
  const names = Object.keys(AREAS) as AreaName[];
  const away = { known: false, why: 'no answer within 10 s' } as const;
  const text = screen({
    silent: Object.fromEntries(names.map((name) => [name, away.why])),
    ...{ projectors: away, oldestSeconds: away, quarantine: away, twins: away, sweeps: away, verdicts: away },
    ...{
      snapshot: { at: AT, answer: away },
      ledger: { at: AT, answer: away },
      legacyRows: { at: AT, answer: away },
    },
  });
  expect(text).toContain('services    WRONG    no answer: legacy database, canonical database, Kafka');
  expect(text).toMatch(/^next: check LEGACY_DATABASE_URL/m);
  expect(text.split('\n').length).toBeLessThanOrEqual(40);
});

test('whatever is wrong at once, it stays one screen of 80 columns', () => {
  const text = screen({
    areas: {
      source: { slot: null, publication: null, signalTable: false, heartbeatTable: false },
      connector: { config: undefined, status: undefined },
      ...{ proof: undefined, dataTopic: undefined, topics: { there: [] } },
    },
    quarantine: known({ open: 12_345, waived: 678 }),
    twins: known({ unsettled: 100, due: 99, overdue: 99 }),
    sweeps: known({ done: null, failed: failedSweep(3) }),
    projectors: known(0),
    verdicts: known({ last: verdict({ verdict: 'wrong' }), before: [verdict().run, verdict().run] }),
  });
  expect(text.split('\n').length).toBeLessThanOrEqual(40);
  const commands = text.split('\n').filter((line) => line.startsWith('next: ') || line.startsWith('      '));
  const prose = text.split('\n').filter((line) => !commands.includes(line));
  expect(widest(prose.join('\n'))).toBeLessThanOrEqual(80);
});
