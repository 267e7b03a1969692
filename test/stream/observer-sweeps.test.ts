import { pino } from 'pino';
import { expect, test } from 'vitest';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { RunObserver } from '../../consumers/agent-test-history/stream/observer.ts';
import { createMetrics } from '../../lib/metrics.ts';

test('what sweeps did is counted, each repair by its kind', async () => {
  const metrics = createMetrics();
  const observer = new RunObserver(
    { metrics, logger: pino({ level: 'silent' }), now: () => 0 },
    () => undefined,
  );
  observer.swept(
    {
      ...{ absorbed: ['a', 'b', 'c'], relinked: ['d'], settled: 0, erased: 0, movedKeys: [], stragglers: 6 },
      blocked: new Map([['e', 'table']]),
      lateOwners: {
        flipped: new Map([
          ['f', 'projected'],
          ['g', 'projected'],
        ]),
        ...{ reported: ['h', 'i', 'j', 'k'], changes: NO_CHANGES },
      },
      changes: NO_CHANGES,
    },
    0.5,
  );
  observer.sweepFailed();
  const text = await metrics.registry.metrics();
  for (const line of [
    'history_cdc_sweep_duration_seconds_sum 0.5',
    'history_cdc_sweep_repairs_total{repair="absorbed"} 3',
    'history_cdc_sweep_repairs_total{repair="relinked"} 1',
    'history_cdc_sweep_repairs_total{repair="late_owner"} 2',
    'history_cdc_sweep_failures_total 1',
    'history_cdc_late_owners_reported 4',
  ])
    expect(text.split('\n')).toContain(line);
});
