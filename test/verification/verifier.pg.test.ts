import { beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { createPool } from '../../lib/postgres.ts';
import { readVerification, verificationState } from '../../operations/facts/verification.ts';
import { showVerification } from '../../operations/verification/show.ts';
import { Verifier } from '../../operations/verification/verifier.ts';
import { verification } from '../doctor/healthy.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { cleanRows, RUNS, type Rows } from '../support/corruptions.ts';
import { ONLY_KNOWN_ROWS } from '../support/reconciled.ts';
import { startSilentProxy } from '../support/silent-proxy.ts';
import { until } from '../support/until.ts';
import { UNVERIFIED } from '../support/verified.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
let rows: Rows;
beforeEach(async () => {
  await world().pool.query(ONLY_KNOWN_ROWS);
  await world().pool.query(UNVERIFIED);
  rows = await cleanRows(world());
});

const facts = async () => (await readVerification(world().pool)) ?? null;

const NO_KAFKA = JSON.parse('{}') as KafkaCluster;

interface Running {
  readonly lines: readonly string[];
  readonly metrics: string;
}

/** A verifier beside a projector, as `project` runs it. There is no Kafka: what it cannot measure holds nothing back. */
async function running(
  settings: Record<string, string>,
  work: () => Promise<void>,
): Promise<Running & { readonly stoppedMs: number }> {
  const lines: string[] = [];
  const metrics = createMetrics();
  const verifier = new Verifier({
    config: loadConfig(
      { DATABASE_URL: world().url, VERIFY_ROWS_PER_SECOND: '10000', ...settings },
      undefined,
      ['DATABASE_URL', 'LEGACY_DATABASE_URL'],
    ),
    cluster: NO_KAFKA,
    metrics,
    timing: { passSeconds: 0, again: { suspectMs: 0, wrongMs: 0 } },
    logger: createLogger('info', (line) => lines.push(line)),
  });
  void verifier.run();
  try {
    await work();
  } finally {
    await verifier.stop();
  }
  const began = performance.now();
  await verifier.stop();
  return { lines, metrics: await metrics.registry.metrics(), stoppedMs: performance.now() - began };
}

test('a canonical row that a person changed is found by a running projector, and named without its values', async () => {
  const change = async (headline: string) => {
    await world().execute(
      `UPDATE ${RUNS} SET headline = $2 WHERE id = $1`,
      canonicalRunId(rows.other.id),
      headline,
    );
  };
  const { lines } = await running({}, async () => {
    await until('a pass has ended', async () => ((await facts())?.lastPass ?? null) !== null);
    expect(verificationState(await facts())).toMatchObject({ state: 'good' });
    await world().execute(`DELETE FROM ${RUNS} WHERE id = $1`, canonicalRunId(rows.projected.id));
    await change('a secret text');
    await until('the missing row is wrong', async () => ((await facts())?.wrong ?? 0) > 0);
    expect(await facts()).toMatchObject({ kinds: { missing: 1 }, ids: [rows.projected.id] });
    expect(verificationState(await facts())).toMatchObject({ state: 'wrong' });
  });
  expect(lines.join('')).toContain(rows.projected.id);
  expect(lines.join('')).not.toContain('a secret text');
});

test('with a share of 0 it does nothing, and nothing is good', async () => {
  await running({ VERIFY_ROWS_PER_SECOND: '0' }, async () => Promise.resolve());
  expect(await facts()).toBeNull();
  expect(verificationState(null).state).toBe('unknown');
});

test('a role from which a policy hides rows: it fails by its code, and nothing is good', async () => {
  const superuser = createPool({ url: world().superuserUrl, name: 'test', connections: 1 });
  await superuser.query(`
    ALTER TABLE ${RUNS} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${RUNS} FORCE ROW LEVEL SECURITY;
    CREATE POLICY hides ON ${RUNS} USING (false)`);
  try {
    const { lines } = await running({}, async () => {
      await until('it fails', async () => {
        const { rows: states } = await superuser.query<{ failure: string | null }>(
          'SELECT failure FROM history_cdc.verification',
        );
        return states[0]?.failure !== undefined && states[0].failure !== null;
      });
    });
    expect(lines.join('')).toContain('ROWS_HIDDEN');
    await superuser.query("UPDATE history_cdc.verification SET failed_at = failed_at - interval '2 minutes'");
    const { rows: stored } = await superuser.query<{ failure: string }>(
      'SELECT failure FROM history_cdc.verification',
    );
    expect(stored).toEqual([{ failure: 'ROWS_HIDDEN' }]);
    expect(verificationState(await facts())).toMatchObject({ state: 'unknown' });
  } finally {
    await superuser.query(`DROP POLICY hides ON ${RUNS};
      ALTER TABLE ${RUNS} NO FORCE ROW LEVEL SECURITY; ALTER TABLE ${RUNS} DISABLE ROW LEVEL SECURITY`);
    await superuser.end();
  }
});

test('a Postgres that falls silent does not hold the projector: it stops within its time', async () => {
  const proxy = await startSilentProxy(world().url);
  try {
    let began = 0;
    await running({ DATABASE_URL: proxy.url }, async () => {
      await until('it works', async () => ((await facts())?.passRows ?? 0) > 0);
      proxy.fallSilent();
      began = performance.now();
    });
    expect(performance.now() - began).toBeLessThan(30_000);
  } finally {
    await proxy.close();
  }
});

describe('the metrics', () => {
  const shown = async (...given: Parameters<typeof showVerification>[1][]) => {
    const metrics = createMetrics();
    for (const one of given) showVerification(metrics, one);
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => /^history_cdc_verification_(rows|state|timestamp)/.test(line));
  };

  test('have the three numbers, and until when', async () => {
    const lines = await shown(verification({ wrong: 2, kinds: { missing: 2 } }));
    expect(lines).toContain('history_cdc_verification_rows{rows="checked"} 2740');
    expect(lines).toContain('history_cdc_verification_rows{rows="waiting"} 3');
    expect(lines).toContain('history_cdc_verification_rows{rows="wrong"} 2');
    expect(lines).toContain('history_cdc_verification_state{state="wrong"} 1');
    expect(lines.filter((line) => line.includes('timestamp_seconds{'))).toHaveLength(2);
  });

  test.each([
    ['nothing has looked', null],
    ['the database does not answer', undefined],
    ['no projector is there', verification({ aliveSecondsAgo: 600 })],
  ])('say no 0 where %s', async (_, found) => {
    const lines = await shown(verification(), found);
    expect(lines).toContain('history_cdc_verification_state{state="unknown"} 1');
    expect(lines.filter((line) => line.includes('"wrong"} 0') && line.includes('_rows'))).toEqual([]);
  });
});
