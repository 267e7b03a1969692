import { describe, expect, test } from 'vitest';
import { renderStatus } from '../../cli/status-view.ts';
import { reportOf } from '../../operations/status/report.ts';
import { FACTS, type FactName } from '../../operations/facts/facts.ts';
import type { SnapshotRun } from '../../operations/facts/snapshot-runs.ts';
import { AT, CONFIG, doneSweep, failedSweep, verdict } from '../doctor/healthy.ts';
import { drawScreen } from '../../lib/screen.ts';
import { looked } from './facts.ts';

const screen = (changes?: Parameters<typeof looked>[0]) =>
  drawScreen(renderStatus(reportOf(looked(changes), CONFIG)), { columns: 80 });
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

test('all is well', () => {
  expect(screen().replace(/heartbeat \d+ s ago/, 'heartbeat 1 s ago')).toBe(
    `GOOD: everything runs, nothing is late, nothing waits for a person
next: nothing
history-cdc status, 2026-11-28 03:00:00 UTC

services    ok  legacy database, canonical database, Kafka, Kafka Connect,
                registry answer
connector   ok  agent-test-history RUNNING, task RUNNING; heartbeat 1 s ago
slot        ok  history_cdc active, WAL reserved, 0 bytes behind, keeps 1,000
                bytes, room for 50 GiB (an outage may last 14 h)
lag         ok  0 records, 0 s; last commit 1 s ago
projector   ok  1 in the consumer group
decisions   ok  1,000 rows seen = projected 700 + third_party 300; not deleted
                1,000, the legacy table has 1,000
quarantine  ok  open 0, waived 0
sweeper     ok  last sweep 12 s ago: nothing to do; 0 twins unsettled; blocked
                0; weak fingerprints 0; stragglers 0
snapshot    ok  initial completed; no other
verdict     ok  proven 2 h ago over 1,000 legacy rows
verified    ok  checked 2,740, waiting 3, wrong 0; oldest check 5 min ago`,
  );
});

describe('what is wrong stands first, with its fix in lines of their own', () => {
  test('behind, with a pace', () => {
    const text = screen({
      facts: {
        dataTopic: { marks: new Map([[0, { low: 0n, high: 90_010n }]]) },
        oldestSeconds: 95,
        projection: {
          offsets: [{ topicId: 't', partition: 0, nextOffset: '10', projector: 'pod:7', secondsAgo: 2 }],
        },
      },
      recordsPerSecond: 3_000,
    });
    expect(text).toContain(
      `GOOD SO FAR: nothing is lost, and somebody should look
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
    const text = screen({ facts: { verdicts: { last: wrong, before: [verdict().run] } } });
    expect(text).toContain(
      'WRONG\nverdict: the last reconcile found what is wrong: missing 1,234\nnext: history-cdc',
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'verdict WRONG wrong 2 h ago over 1,000 legacy rows; before it proven 2 h ago',
    );
  });

  test('a fix of many lines is printed whole', () => {
    const long = Array.from({ length: 9 }, (_, n) => ({
      ...{ pid: n, role: 'app', application: '', state: 'active', seconds: 7_200 },
    }));
    const text = screen({ facts: { sessions: { long } } });
    expect(text).toContain('next: SELECT pg_terminate_backend(0);\n      SELECT pg_terminate_backend(1);');
    expect(text).toContain('\n      SELECT pg_terminate_backend(8);');
  });
});

test('an incremental snapshot under way, and counts that are not of now', () => {
  const at = (seconds: number) => AT.getTime() + 1_000 * seconds;
  const step = (seconds: number) => ({ atMs: at(seconds), lastKey: 'k', share: 0.25 });
  const run: SnapshotRun = {
    ...{ id: 'x', state: 'running', startedAtMs: at(-10), movedAtMs: at(-1), scan: null, rowsTotal: 20_000 },
    ...{ steps: [step(-6), step(-1)], last: step(-1), pauseForgotten: false },
  };
  const text = screen({
    facts: {
      observed: { history: { initial: 'completed', runs: [run] } },
      snapshotProgress: { done: 5_000, lately: 5_000 },
    },
    since: { decisions: new Date(at(-40)) },
  }).replaceAll(/\s+/g, ' ');
  expect(text).toContain('the last one running, 5,000 of 20,000 rows, 1,000 rows/s, 15 s left');
  expect(text).toContain('the legacy table has 1,000; counted 40 s ago');
});

test.each([
  [
    'and what it did',
    { facts: { sweeps: { done: doneSweep(12, { settled: 1_204, blocked: 2 }), failed: failedSweep(60) } } },
    'last sweep 12 s ago: 1,204 twins settled, 2 blocked;',
  ],
  [
    'which failed',
    { facts: { sweeps: { done: doneSweep(180, { absorbed: 1 }), failed: failedSweep(7) } } },
    'last sweep FAILED 7 s ago (57014), the last good one 3 min ago: 1 replaced by live rows;',
  ],
  ['which is to come', { facts: { sweeps: { done: null, failed: null } } }, 'no sweep has ended yet;'],
  [
    'which no row tells of',
    { facts: { sweeps: undefined } },
    'this ledger does not store sweeps yet (history-cdc migrate);',
  ],
  ['which is not shown', { silent: { sweeps: 'denied' } }, 'the time of the last sweep is not known;'],
])('the last sweep, %s', (_, changes, says) => {
  expect(screen(changes).replaceAll(/\s+/g, ' ')).toContain(`${says} 0 twins unsettled`);
});

test('with nothing known at all it is one screen, too', () => {
  const names = Object.keys(FACTS) as FactName[];
  const text = screen({ silent: Object.fromEntries(names.map((name) => [name, 'no answer within 10 s'])) });
  expect(text).toContain('services    WRONG  no answer: legacy database, canonical database, Kafka');
  expect(text).toMatch(/^next: check LEGACY_DATABASE_URL/m);
  expect(text.split('\n').length).toBeLessThanOrEqual(40);
});

test('whatever is wrong at once, it stays one screen of 80 columns', () => {
  const text = screen({
    facts: {
      ...{ slot: null, publication: null, observed: undefined, dataTopic: undefined, projectors: 0 },
      ourTables: { signal: { there: false, missing: [] }, heartbeat: { there: false, missing: [] } },
      connector: { config: undefined, status: undefined },
      topics: { there: [] },
      quarantine: { open: 12_345, waived: 678 },
      twins: { unsettled: 100, due: 99, overdue: 99 },
      sweeps: { done: null, failed: failedSweep(3) },
      verdicts: { last: verdict({ verdict: 'wrong' }), before: [verdict().run, verdict().run] },
    },
  });
  expect(text.split('\n').length).toBeLessThanOrEqual(45);
  const commands = text.split('\n').filter((line) => line.startsWith('next: ') || line.startsWith('      '));
  const prose = text.split('\n').filter((line) => !commands.includes(line));
  expect(widest(prose.join('\n'))).toBeLessThanOrEqual(80);
});
