import { expect, test } from 'vitest';
import { decidePace, whyHeld } from '../../operations/snapshot/pace.ts';
import { idsIn, progressOf } from '../../operations/facts/snapshot-progress.ts';
import type { SnapshotRun } from '../../operations/facts/snapshot-runs.ts';
import { paceSettings, scopeOf, startAgain, type PaceOptions } from '../../cli/snapshot-options.ts';
import { conditionOf, IDS_A_SIGNAL, parseIds, portionsOf } from '../../operations/snapshot/scope.ts';
import { conditionIn } from '../../operations/facts/signals.ts';
import { executeData } from '../../operations/snapshot/signal.ts';

const LIMITS = { slot_lag_bytes: 1_048_576 * 100, active_sessions: 50 };

test.each([
  ['at its limits it reads', { slot_lag_bytes: 104_857_600, active_sessions: 50 }, false, 'go'],
  ['above one it is held', { slot_lag_bytes: 0, active_sessions: 51 }, false, 'hold'],
  ['held, it waits until it is well below', { slot_lag_bytes: 0, active_sessions: 41 }, true, 'hold'],
  ['held, it goes on at 80 %', { slot_lag_bytes: 0, active_sessions: 40 }, true, 'go'],
  ['what cannot be measured holds nothing', { slot_lag_bytes: null, active_sessions: null }, false, 'go'],
  ['what has no limit holds nothing', { replication_lag_seconds: 1e9 }, false, 'go'],
] as const)('%s', (...[, readings, held, kind]) => {
  expect(decidePace(readings, LIMITS, held).kind).toBe(kind);
});

test('it says which limits hold it', () => {
  const decision = decidePace({ slot_lag_bytes: 209_715_200, active_sessions: 99 }, LIMITS, false);
  expect(decision.kind === 'hold' && whyHeld(decision.because)).toBe(
    'slot lag 200 MiB (limit 100), active sessions 99 (limit 50)',
  );
});

const OPTIONS: PaceOptions = {
  maxSlotLag: 1,
  maxReplicationLag: 0,
  maxActiveSessions: 0,
  interval: 2,
  stalledAfter: 600,
};

test('0 is no limit, and a query needs its limit', () => {
  expect(paceSettings(OPTIONS)).toEqual({ limits: { slot_lag_bytes: 1_048_576 } });
  expect(paceSettings({ ...OPTIONS, paceQuery: 'SELECT 1', maxPaceQuery: 0 })).toMatchObject({
    limits: { query: 0 },
    query: 'SELECT 1',
  });
  expect(() => paceSettings({ ...OPTIONS, paceQuery: 'SELECT 1' })).toThrow('go together');
});

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

test('ids are read from a list with remarks, each once, and only UUIDs', () => {
  expect(parseIds(`# lost\n${id(1)}, ${id(2).toUpperCase()}\n\n${id(1)} # again\n`)).toEqual([id(1), id(2)]);
  expect(() => parseIds(`${id(1)},') OR true --`)).toThrow('4 of 5 ids');
  expect(() => parseIds(' # none\n')).toThrow('no ids were given');
});

test('a signal carries so many ids at most, and says which', () => {
  const ids = Array.from({ length: IDS_A_SIGNAL + 1 }, (_, n) => id(n));
  const portions = portionsOf({ kind: 'ids', ids });
  expect(portions.map((portion) => portion.kind === 'ids' && portion.ids.length)).toEqual([IDS_A_SIGNAL, 1]);
  const [first] = portions;
  const condition = first === undefined ? null : conditionOf(first);
  expect(idsIn(condition ?? '')).toEqual(ids.slice(0, IDS_A_SIGNAL));
  expect(idsIn(`(id IN ('${id(1)}') OR true)`)).toBeUndefined();
});

test('the condition is in the signal as it is, and the whole table has none', () => {
  const signal = (data: string) => ({ id: 'x', type: 'execute-snapshot', data }) as const;
  const where = { kind: 'where', condition: `summary = 'it''s "so"' -- remark` } as const;
  expect(conditionIn(signal(executeData(where)))).toBe(`(\n${where.condition}\n)`);
  expect(conditionIn(signal(executeData({ kind: 'table' })))).toBeNull();
});

test('one choice of rows, and the command to give again can be pasted', () => {
  expect(scopeOf({})).toEqual({ kind: 'table' });
  expect(scopeOf({ ids: id(1) })).toEqual({ kind: 'ids', ids: [id(1)] });
  expect(() => scopeOf({ where: 'true', missing: true })).toThrow('exclude each other');
  expect(startAgain({ where: "a = 'b'" })).toBe(
    String.raw`${'`'}history-cdc snapshot start --where 'a = '\''b'\'''${'`'}`,
  );
});

test('the pace is that of the last chunks, and falls while none comes', () => {
  const run: SnapshotRun = {
    id: 'a',
    state: 'running',
    startedAtMs: 0,
    movedAtMs: 2000,
    steps: [0, 1000, 2000].map((atMs) => ({ atMs, lastKey: id(atMs), share: 0 })),
    last: null,
    rowsTotal: 1000,
    scan: null,
    pauseForgotten: false,
  };
  const counted = { done: 400, lately: 200 };
  expect(progressOf(run, counted, 2500)).toEqual({
    rowsDone: 400,
    rowsTotal: 1000,
    rowsPerSecond: 100,
    secondsLeft: 6,
  });
  expect(progressOf(run, counted, 20_000)).toMatchObject({ rowsPerSecond: 10, secondsLeft: 60 });
  expect(progressOf({ ...run, state: 'paused' }, counted, 2500)).toMatchObject({
    rowsDone: 400,
    secondsLeft: null,
  });
  expect(progressOf({ ...run, state: 'succeeded' }, undefined, 2500)).toMatchObject({ rowsDone: 1000 });
});
