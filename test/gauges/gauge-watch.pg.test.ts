import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { GaugeWatch } from '../../operations/gauges/gauge-watch.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { startSilentProxy } from '../support/silent-proxy.ts';
import { until } from '../support/until.ts';

let opened: OpenDatabase;
beforeAll(async () => {
  opened = await openMigratedDatabase();
});
afterAll(async () => {
  await opened.close();
});

const NO_KAFKA = JSON.parse('{}') as KafkaCluster;
const MINUTES_MS = 60_000;

/** A watch beside a projector without Kafka: what lies there cannot be read. */
async function watching(
  url: string,
  work: (shown: () => Promise<string[]>, forward: (ms: number) => void) => Promise<void>,
) {
  const metrics = createMetrics();
  let aheadMs = 0;
  const watch = new GaugeWatch({
    config: loadConfig({ DATABASE_URL: url, WATCHDOG_SECONDS: '1' }, undefined, ['DATABASE_URL']),
    ...{ metrics, cluster: NO_KAFKA, logger: createLogger('silent') },
    now: () => performance.now() + aheadMs,
  });
  void watch.run();
  try {
    await work(
      async () => (await metrics.scrape()).split('\n').filter((line) => line.startsWith('history_cdc_')),
      (ms) => (aheadMs += ms),
    );
  } finally {
    await watch.stop();
  }
}

test('what Postgres knows is shown, and what Kafka and Connect know is not, and that is said', async () => {
  await watching(opened.database.url, async (shown) => {
    await until('it has looked', async () =>
      (await shown()).includes('history_cdc_fact_known{fact="soak"} 1'),
    );
    const lines = await shown();
    expect(lines.filter((line) => line.startsWith('history_cdc_fact_known')).sort()).toEqual([
      'history_cdc_fact_known{fact="decisions"} 1',
      'history_cdc_fact_known{fact="lag"} 0',
      'history_cdc_fact_known{fact="slot"} 1',
      'history_cdc_fact_known{fact="soak"} 1',
      'history_cdc_fact_known{fact="verdicts"} 1',
      'history_cdc_fact_known{fact="verification"} 1',
    ]);
    expect(lines).toContain('history_cdc_slot_state{state="missing"} 1');
    expect(lines).toContain('history_cdc_retirement_stage{stage="soaking"} 1');
    expect(lines.filter((line) => line.includes('lag_seconds'))).toEqual([]);
  });
});

test('a Postgres that falls silent leaves no old value, also if no look ever ends again', async () => {
  const proxy = await startSilentProxy(opened.database.url);
  try {
    await watching(proxy.url, async (shown, forward) => {
      const known = async () => (await shown()).filter((line) => /fact_known\{.*\} 1/.test(line));
      await until('it has looked', async () => (await known()).length === 5);
      proxy.fallSilent();
      expect((await shown()).some((line) => line.startsWith('history_cdc_verdict'))).toBe(true);
      forward(5 * MINUTES_MS);
      expect(await known()).toEqual([]);
      expect((await shown()).filter((line) => /verdict|slot|soak|incidents/.test(line))).toHaveLength(3);
    });
  } finally {
    await proxy.close();
  }
});
