/**
 * How fast the projector takes a snapshot from Kafka into the canonical tables. Real servers, generated rows; the
 * same topic is projected several times into an emptied ledger, because one run says little on a shared machine.
 *
 *   npx tsx bench/fast-path.ts --rows 100000 --runs 5
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { migrate } from '../consumers/agent-test-history/migrate.ts';
import { loadConfig } from '../consumers/lib/config.ts';
import { createPool, type Pool } from '../consumers/lib/postgres.ts';
import { applyConnector } from '../connectors/deploy/apply.ts';
import { runSourceSql } from '../connectors/deploy/run-sql.ts';
import { sourceSql } from '../connectors/deploy/source-sql.ts';
import { createApplication, generateHistory, ORGANISATIONS } from '../demo/generate.ts';
import { startStack } from '../stack/stack.ts';
import { localStackEnvironment } from '../stack/state.ts';

const INSTANCE = 'bench';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '5' },
  },
});
const rows = Number(values.rows);
const runs = Number(values.runs);
const note = (line: string) => void process.stderr.write(`${line}\n`);

const environment = { ...process.env, HISTORY_CDC_STACK: INSTANCE };
const stack = await startStack({ environment, name: INSTANCE, onProgress: note });
try {
  const config = loadConfig({}, localStackEnvironment(environment), [
    'DATABASE_URL',
    'LEGACY_DATABASE_URL',
    'CONNECTOR_DATABASE_URL',
    'KAFKA_BROKERS',
    'CONNECT_URL',
  ]);
  const pool = createPool({ url: config.DATABASE_URL, name: 'history-cdc bench', connections: 2 });
  try {
    await createApplication(pool);
    await generateHistory(pool, {
      rows,
      seed: 1,
      organisations: ORGANISATIONS,
      endsAt: new Date('2026-11-01'),
    });
    await runSourceSql(superuserUrlOf(config.DATABASE_URL), sourceSql(config));
    await migrate(pool, undefined);
    await applyConnector(config, { note });
    const rates: number[] = [];
    for (let run = 1; run <= runs; run++) {
      await forget(pool);
      const rate = rows / projectOnce();
      rates.push(rate);
      note(`run ${String(run)}: ${Math.round(rate).toLocaleString('en')} rows/s`);
    }
    report(rates);
  } finally {
    await pool.end();
  }
} finally {
  await stack.stop({ purge: true });
}

/** Seconds from the start of the command to its end: what a person waits. */
function projectOnce(): number {
  const start = performance.now();
  const child = spawnSync(
    process.execPath,
    ['bin/history-cdc.mjs', 'project', '--until-caught-up', '--json'],
    {
      env: { ...environment, LOG_LEVEL: 'warn' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const result = JSON.parse(child.stdout) as { records: { applied: number } };
  if (child.status !== 0 || result.records.applied !== rows)
    throw new Error('the run did not apply every row');
  return (performance.now() - start) / 1000;
}

/** The database as it was before the first run, with statistics as autovacuum would have made them. */
async function forget(pool: Pool): Promise<void> {
  await pool.query('TRUNCATE history_cdc.ledger, history_cdc.consumer_offset, history_cdc.topic');
  await pool.query(
    "DELETE FROM agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc'",
  );
  await pool.query('VACUUM ANALYZE agent_compliance_runs');
  await pool.query('CHECKPOINT').catch(() => undefined);
}

function superuserUrlOf(databaseUrl: string): string {
  const url = new URL(stack.addresses.superuserUrl);
  url.pathname = new URL(databaseUrl).pathname;
  return url.href;
}

function report(rates: readonly number[]): void {
  const sorted = [...rates].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const show = (rate: number | undefined) => Math.round(rate ?? 0).toLocaleString('en');
  process.stdout.write(
    `${rows.toLocaleString('en')} rows, ${String(runs)} runs: median ${show(median)} rows/s, from ${show(sorted[0])} to ${show(sorted.at(-1))}, start of the process included\n`,
  );
}
