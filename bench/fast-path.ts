/**
 * How fast the projector takes a snapshot from Kafka into the canonical tables: real servers, generated rows. The same
 * topic is projected again and again, because one run says little on a shared machine; each run gets a fresh copy of
 * the database as it was before history-cdc came, because what an earlier run left would slow the later ones down.
 *
 *   npx tsx bench/fast-path.ts --rows 100000 --runs 5
 *   npx tsx bench/fast-path.ts --against ../before
 *
 * The history holds no live rows, so no row has a twin: the fast path. `--window` leaves the demo's in: about one row in
 * eleven then lies in the dual-write window.
 *
 * `--against` names another checkout: its runs take turns with this one's. Exit code 1: the median of this one is more
 * than 5 % below the other's.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { applyConnector } from '../connectors/deploy/apply.ts';
import { runSourceSql } from '../connectors/deploy/run-sql.ts';
import { sourceSql } from '../connectors/deploy/source-sql.ts';
import { loadConfig, type Environment } from '../consumers/lib/config.ts';
import { createPool } from '../consumers/lib/postgres.ts';
import { createApplication, generateHistory, ORGANISATIONS } from '../demo/generate.ts';
import { environmentWithoutSettings } from '../demo/local-stack.ts';
import { stopOnSignal } from '../cli/stop-signal.ts';
import { startStack, stopStack } from '../stack/stack.ts';
import { localStackEnvironment } from '../stack/state.ts';
import { Databases, withDatabase } from './databases.ts';
import { measure, type Figures } from './measure.ts';

const INSTANCE = 'bench';
const ALLOWED_DROP = 0.05;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '5' },
    against: { type: 'string' },
    window: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const runs = Number(values.runs);
const checkouts = [
  { name: 'this checkout', folder: fileURLToPath(new URL('..', import.meta.url)) },
  ...(values.against === undefined ? [] : [{ name: values.against, folder: path.resolve(values.against) }]),
];

const FORGET_LIVE_ROWS = `
  DELETE FROM agent_compliance_runs
  WHERE triggered_by = 'owner_test' AND observations_json ->> 'backfill_source' IS NULL`;

const note = (line: string) => void process.stderr.write(`${line}\n`);
const print = (line: string) => void process.stdout.write(`${line}\n`);
const signal = stopOnSignal();
const environment = { ...process.env, HISTORY_CDC_STACK: INSTANCE };
const options = { environment, name: INSTANCE, onProgress: note };

// A run that was killed has left its stack, with the rows in it.
await stopStack({ ...options, purge: true });
const stack = await startStack({ ...options, owned: true });
try {
  const databases = new Databases(stack.addresses.superuserUrl);
  const written = await fillTopic(databases);
  report(await takeTurns(databases, written), written);
} finally {
  await stack.stop({ purge: true });
}
process.exit();

async function takeTurns(databases: Databases, written: number): Promise<Map<string, Figures[]>> {
  const figures = new Map<string, Figures[]>(checkouts.map(({ name }) => [name, []]));
  for (let run = 1; run <= runs; run++) {
    // First the one, then the other: neither always meets the machine as the other has left it.
    for (const { name, folder } of run % 2 === 1 ? checkouts : checkouts.toReversed()) {
      signal.throwIfAborted();
      const figure = await databases.withCopy((copy) => {
        const settings = {
          ...settingsOfStack(),
          DATABASE_URL: withDatabase(stack.addresses.databaseUrl, copy.name),
        };
        return measure({ folder, rows: written, copy, signal, environment: settings });
      });
      figures.get(name)?.push(figure);
      print(`run ${String(run)}, ${name}: ${textOf(figure)}`);
    }
  }
  return figures;
}

/** In full, so that the other checkout finds this one's stack, and nobody's DATABASE_URL leads to a real database. */
function settingsOfStack(): Environment {
  return { ...environmentWithoutSettings(environment, INSTANCE), ...localStackEnvironment(environment) };
}

/** Rows in the application's database, a copy of it put aside, and the rows in Kafka; gives their number. */
async function fillTopic(databases: Databases): Promise<number> {
  const config = loadConfig({}, localStackEnvironment(environment), [
    'DATABASE_URL',
    'LEGACY_DATABASE_URL',
    'CONNECTOR_DATABASE_URL',
    'KAFKA_BROKERS',
    'CONNECT_URL',
  ]);
  const pool = createPool({ url: config.DATABASE_URL, name: 'history-cdc bench', connections: 2 });
  let written: number;
  try {
    await createApplication(pool);
    const plan = { rows, seed: 1, organisations: ORGANISATIONS, endsAt: new Date('2026-11-01') };
    await generateHistory(pool, plan, () => {
      signal.throwIfAborted();
    });
    if (!values.window) await pool.query(FORGET_LIVE_ROWS);
    written = (await pool.query('SELECT FROM agent_test_history')).rowCount ?? 0;
  } finally {
    await pool.end();
  }
  await databases.putAside();
  await runSourceSql(databases.superuserUrl, sourceSql(config));
  await applyConnector(config, { note });
  return written;
}

function textOf({ rowsPerSecond, postgresSeconds }: Figures): string {
  return `${Math.round(rowsPerSecond).toLocaleString('en')} rows/s, ${postgresSeconds.toFixed(1)} s in Postgres`;
}

function report(figures: ReadonlyMap<string, readonly Figures[]>, written: number): void {
  print(
    `${written.toLocaleString('en')} rows, ${String(runs)} runs; from the start of the process to its end, \`migrate\` not counted`,
  );
  const medians = [...figures].map(([name, all]) => {
    const rates = all.map(({ rowsPerSecond }) => Math.round(rowsPerSecond));
    const typical = {
      rowsPerSecond: median(rates),
      postgresSeconds: median(all.map(({ postgresSeconds }) => postgresSeconds)),
    };
    const range = `from ${Math.min(...rates).toLocaleString('en')} to ${Math.max(...rates).toLocaleString('en')}`;
    print(`${name}: median ${textOf(typical)}; ${range} rows/s`);
    return typical;
  });
  const [own, other] = medians;
  if (own === undefined || other === undefined) return;
  print(
    `against it: ${change(own.rowsPerSecond, other.rowsPerSecond)} rows/s, ${change(own.postgresSeconds, other.postgresSeconds)} time in Postgres`,
  );
  if (own.rowsPerSecond < other.rowsPerSecond * (1 - ALLOWED_DROP)) process.exitCode = 1;
}

function change(now: number, before: number): string {
  return `${now < before ? '' : '+'}${((now / before - 1) * 100).toFixed(1)} %`;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
