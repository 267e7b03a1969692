import { describe, expect, test } from 'vitest';
import { nextHistory, NO_HISTORY, type SnapshotHistory } from '../../operations/facts/snapshot-runs.ts';

/** Notifications in the shape that Debezium 3.7 gives them, one a second. */
function after(
  ...said: readonly (readonly [id: string, type: string, data?: Record<string, string>])[]
): SnapshotHistory {
  return said.reduce(
    (history, [id, type, additional_data = {}], second) =>
      nextHistory(
        history,
        { id, type, aggregate_type: 'Incremental Snapshot', additional_data },
        second * 1000,
      ),
    NO_HISTORY,
  );
}

const chunk = (index: number): Record<string, string> => ({
  chunk_index: String(index),
  total_chunks: '4',
  total_rows: '40',
  last_processed_key: `key ${String(index)}`,
});
const scanned = (status: string) => ({ status, total_rows: '40', total_rows_scanned: '40' });

test('a run is what its notifications say of it', () => {
  const { runs } = after(['a', 'STARTED'], ['a', 'IN_PROGRESS', chunk(1)], ['a', 'IN_PROGRESS', chunk(2)]);
  expect(runs).toEqual([
    {
      id: 'a',
      state: 'running',
      startedAtMs: 0,
      movedAtMs: 2000,
      steps: [
        { atMs: 1000, lastKey: 'key 1', share: 0.25 },
        { atMs: 2000, lastKey: 'key 2', share: 0.5 },
      ],
      last: { atMs: 2000, lastKey: 'key 2', share: 0.5 },
      rowsTotal: 40,
      scan: null,
      pauseForgotten: false,
    },
  ]);
});

describe('COMPLETED is the end, and says nothing of how:', () => {
  test.each([
    ['SUCCEEDED', 'succeeded'],
    ['EMPTY', 'succeeded'],
    ['SQL_EXCEPTION', 'failed'],
    ['UNKNOWN_SCHEMA', 'failed'],
  ])('a scan that is %s has %s', (status, state) => {
    const { runs } = after(
      ['a', 'STARTED'],
      ['a', 'TABLE_SCAN_COMPLETED', scanned(status)],
      ['a', 'COMPLETED'],
    );
    expect(runs).toMatchObject([{ id: 'a', state, scan: status }]);
  });

  test('without the end of a scan it was stopped', () => {
    const { runs } = after(
      ['a', 'STARTED'],
      ['a', 'IN_PROGRESS', chunk(1)],
      ['a', 'COMPLETED'],
      ['x', 'ABORTED'],
    );
    expect(runs).toMatchObject([{ id: 'a', state: 'stopped', scan: null }]);
  });
});

test('a pause ends with RESUMED, and the pace is measured anew', () => {
  const paused = after(['a', 'STARTED'], ['a', 'IN_PROGRESS', chunk(1)], ['a', 'PAUSED']);
  expect(paused.runs).toMatchObject([{ state: 'paused', steps: [], last: { lastKey: 'key 1' } }]);
  const resumed = after(['a', 'STARTED'], ['a', 'PAUSED'], ['a', 'RESUMED'], ['a', 'IN_PROGRESS', chunk(2)]);
  expect(resumed.runs).toMatchObject([{ state: 'running', pauseForgotten: false }]);
});

test('a chunk after PAUSED tells that the task began anew and forgot it', () => {
  const { runs } = after(['a', 'STARTED'], ['a', 'PAUSED'], ['a', 'IN_PROGRESS', chunk(1)]);
  expect(runs).toMatchObject([{ state: 'running', pauseForgotten: true }]);
});

test('runs do not mix, and the initial snapshot is none of them', () => {
  const history = after(['a', 'STARTED'], ['a', 'COMPLETED'], ['b', 'STARTED'], ['never seen', 'PAUSED']);
  expect(history.runs.map(({ id, state }) => [id, state])).toEqual([
    ['a', 'stopped'],
    ['b', 'running'],
  ]);
  const initial = { id: 'i', aggregate_type: 'Initial Snapshot', type: 'COMPLETED', additional_data: null };
  expect(nextHistory(history, initial, 9000)).toEqual({ ...history, initial: 'completed' });
});

test('a killed worker reads the signal once more: it is one run, and begins anew', () => {
  const { runs } = after(['a', 'STARTED'], ['a', 'IN_PROGRESS', chunk(3)], ['a', 'STARTED']);
  expect(runs).toMatchObject([{ id: 'a', state: 'running', startedAtMs: 2000, last: null }]);
});
