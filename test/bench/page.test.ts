import { describe, expect, test } from 'vitest';
import type { Measurement } from '../../bench/measurement.ts';
import { renderPage } from '../../bench/report/page.ts';
import { targetsOf } from '../../bench/report/targets.ts';
import type { Results } from '../../bench/results.ts';

const NOTHING: Results = {
  startedAt: '2026-11-28T04:00:00.000Z',
  minutes: 20,
  machine: { cores: 2, processor: 'a processor', memoryGiB: 8, system: 'Linux 6' },
  versions: { Postgres: '18' },
  options: { rows: 1_000, manyRows: 10_000, runs: 3 },
  parts: {},
};

function run(peer: string, rowsPerSecond: number, others: Partial<Measurement> = {}): Measurement {
  return {
    peer,
    rows: 1_000,
    rowsPerSecond,
    wallSeconds: 1,
    cpu: {},
    peakMiB: null,
    foreignCores: 0.01,
    ...others,
  };
}

/** Three rounds in which the projector makes 40, 36 and 20 thousand rows/s, and the other peers the same each time. */
function withRuns(foreignCores: number): Results {
  const runs = [40_000, 36_000, 20_000].flatMap((rate) => [
    run('bulk insert', 60_000),
    run('earlier script', 2_000),
    run('JDBC sink, 2 tasks', 38_000, { cpu: { sink: 30 }, peakMiB: 900 }),
    run('projector, 1 process, Avro', rate, { cpu: { projector: 20 }, peakMiB: 200, foreignCores }),
    run('projector, 2 processes, Avro', 10_000, { cpu: { projector: 25 } }),
  ]);
  const shape = { rows: 1_000, bytesARow: 800, runs, failures: ['a sink died'] };
  return {
    ...NOTHING,
    parts: {
      throughput: { kind: 'measured', seconds: 10, figures: { small: shape, large: shape } },
      latency: { kind: 'failed', seconds: 3, error: 'the connector failed' },
    },
  };
}

describe('targets', () => {
  test('are judged by the median, ratios round by round', () => {
    const judged = targetsOf(withRuns(0)).slice(0, 5);
    expect(judged.map(({ measured, met }) => [measured, met])).toEqual([
      ['36,000 rows/s (20,000 to 40,000; projector, 1 process, Avro)', true],
      ['18.00 (10.00 to 20.00)', false],
      ['0.60 (0.33 to 0.67)', true],
      ['0.95 (0.53 to 1.05)', false],
      ["20 s, the sink's 30 s: 0.67", false],
    ]);
  });

  test('of which nothing is known are neither met nor missed', () => {
    for (const { met } of targetsOf(NOTHING)) expect(met).toBeUndefined();
  });
});

describe('the page', () => {
  test('says which target is not met, which part has no figures, and that others disturbed a run', () => {
    const page = renderPage(withRuns(0.9));
    expect(page).toContain('| 18.00 (10.00 to 20.00) | **not met** |');
    expect(page).toContain('**No figures:** commit to visible: the connector failed.');
    expect(page).toContain('**Failed runs:** a sink died.');
    expect(page).toContain('**Disturbed:** in 6 of 30 runs');
  });

  test('says that nothing disturbed it', () => {
    expect(renderPage(withRuns(0.01))).toContain('Undisturbed: in none of 30 runs');
  });
});
