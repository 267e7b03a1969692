/**
 * How long the pages of the console and the searches of `history-cdc find` take on a large ledger:
 * `npx tsx bench/find.ts [rows] [questions]`, on a Postgres of its own. For each of them it prints p50 and p95,
 * the CPU time of its sessions in Postgres, and how often a large table was read from end to end. It ends with 1 if any p95 is over the limit of 300 ms. The figures stand in bench/FIND.md.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../consumers/agent-test-history/schema/migrate.ts';
import { createApplication } from '../demo/generate.ts';
import { loadConfig } from '../lib/config.ts';
import { listSettings } from '../lib/listed-settings.ts';
import { createLogger } from '../lib/log.ts';
import { createPool, type Pool } from '../lib/postgres.ts';
import { sqlFile } from '../lib/sql-file.ts';
import { PAGE_BOUNDS, startConsole } from '../operations/console/server.ts';
import { findById } from '../operations/find/by-id.ts';
import { placeOf } from '../operations/find/rows.ts';
import { findRows, type Wanted } from '../operations/find/search.ts';
import { startStack } from '../stack/stack.ts';
import { percentile } from './statistics.ts';

const LIMIT_MS = 300;
const PAGE = 50;
const rows = Number(process.argv[2] ?? '1000000');
const questions = Number(process.argv[3] ?? '20');
const stack = await startStack({
  environment: process.env,
  name: `bench-find-${String(process.pid)}`,
  components: ['postgres'],
  unsafeFast: true,
  owned: true,
  onProgress: () => undefined,
});
const environment = { DATABASE_URL: stack.addresses.databaseUrl, CONSOLE_PORT: '0', LOG_LEVEL: 'silent' };
const pool = createPool({ url: stack.addresses.databaseUrl, name: 'bench', connections: 2 });
let over = 0;

/** Reads of whole tables so far. A session reports its reads when it ends, so only those of closed pools are in it. */
async function wholeReads(): Promise<number> {
  const { rows: found } = await pool.query<{ scans: number }>(`
    SELECT coalesce(sum(seq_scan), 0)::float8 AS scans FROM pg_stat_user_tables
    WHERE relname IN ('ledger', 'agent_test_history', 'agent_compliance_runs')`);
  return found[0]?.scans ?? 0;
}

/** CPU time that the open sessions of the database have used, in ms. Other work on the machine hardly changes it. */
async function sessionsCpu(): Promise<number> {
  const { rows: sessions } = await pool.query<{ pid: number }>(`
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'bench' AND backend_type = 'client backend'`);
  const used = sessions.map(({ pid }) => {
    try {
      return Number(readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    } catch {
      return 0;
    }
  });
  return used.reduce((sum, ms) => sum + ms, 0);
}

/** Asks a question again and again, and prints its times. The first is left out: it opens the connections. */
async function measure(
  what: string,
  ask: (n: number) => Promise<unknown>,
  close: () => Promise<void>,
): Promise<void> {
  const readsBefore = await wholeReads();
  await ask(0);
  const times: number[] = [];
  const cpuBefore = await sessionsCpu();
  for (let n = 1; n <= questions; n++) {
    const begun = performance.now();
    await ask(n);
    times.push(performance.now() - begun);
  }
  const cpu = ((await sessionsCpu()) - cpuBefore) / questions;
  await close();
  await delay(200);
  const reads = (await wholeReads()) - readsBefore;
  const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
  if (p95 > LIMIT_MS) over++;
  const figures = [p50.toFixed(0), p95.toFixed(0), cpu.toFixed(0), String(reads)];
  console.log(`| ${[what, ...figures, p95 > LIMIT_MS ? '**over**' : 'yes'].join(' | ')} |`);
}

async function asked(what: string, ask: (pool: Pool, n: number) => Promise<unknown>): Promise<void> {
  const own = createPool({
    url: environment.DATABASE_URL,
    name: 'bench question',
    connections: 2,
    bounds: PAGE_BOUNDS,
  });
  await measure(
    what,
    (n) => ask(own, n),
    () => own.end(),
  );
}

async function search(what: string, wanted: (n: number) => Wanted, after?: string): Promise<void> {
  const place = after === undefined ? undefined : placeOf(after);
  await asked(`find: ${what}`, (own, n) => findRows(own, wanted(n), { limit: PAGE, after: place }));
}

async function pages(): Promise<void> {
  const { rows: some } = await pool.query<{ run: string; agent: string; parked: string }>(`
    SELECT (SELECT legacy_id::text FROM history_cdc.ledger WHERE decision = 'projected' LIMIT 1) AS run,
           (SELECT agent_url FROM history_cdc.ledger LIMIT 1) AS agent,
           (SELECT id::text FROM history_cdc.quarantine LIMIT 1) AS parked`);
  const [one] = some;
  if (one === undefined) throw new Error('there is no row');
  const paths = [
    '/',
    '/agents',
    '/agents?q=agent-12',
    `/agents/history?url=${encodeURIComponent(one.agent)}`,
    `/runs/${one.run}`,
    '/quarantine',
    `/quarantine/${one.parked}`,
    '/findings',
    '/snapshots',
    '/soak',
    '/requests',
    '/settings',
  ];
  for (const path of paths) {
    const shown = await startConsole({
      config: loadConfig(environment, undefined, ['DATABASE_URL']),
      settings: listSettings(environment, undefined),
      actions: false,
      logger: createLogger('silent'),
      stop: new AbortController().signal,
    });
    await measure(
      `page ${path}`,
      async () => {
        const answer = await fetch(shown.url + path);
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${path}: ${String(answer.status)} ${text.slice(0, 200)}`);
      },
      () => shown.close(),
    );
  }
}

const begun = performance.now();
try {
  await createApplication(pool);
  await migrate(pool, undefined);
  await pool.query(sqlFile(import.meta.url, './sql/find.sql').replaceAll('$1', String(rows)));
  console.log(`${String(rows)} rows after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  console.log(
    '| question | p50, ms | p95, ms | CPU in Postgres, ms | whole reads | under 300 ms |\n| --- | --- | --- | --- | --- | --- |',
  );
  await search('newest', () => ({}));
  const deep = await findRows(pool, { to: new Date('2025-06-01') }, { limit: PAGE });
  await search('newest, an old page', () => ({}), deep.next ?? undefined);
  const agent = (n: number) => `https://agent-${String((n * 37) % 1500)}.example/mcp`;
  await search('an agent', (n) => ({ agent: agent(n) }));
  await search('an agent, an old page', (n) => ({ agent: agent(n) }), deep.next ?? undefined);
  await search('an agent that no row has', () => ({ agent: 'https://nobody.example/mcp' }));
  await search('a part of one URL', () => ({ agentPart: 'agent-1234.' }));
  await search('a part of eleven URLs', () => ({ agentPart: 'agent-77' }));
  await search('a part of all URLs', () => ({ agentPart: 'example' }));
  await search('three rare agents', () => ({ agentPart: 'rare-1' }));
  await search('twelve rare agents', () => ({ agentPart: 'rare-' }));
  await search('an organisation', (n) => ({ organization: `org_${String((n * 31) % 500)}` }));
  await search('a user', (n) => ({ user: `user_${String((n * 31) % 2000)}` }));
  await search('a user that no row has', () => ({ user: 'nobody' }));
  await search('a user with three rows', () => ({ user: 'user_rare' }));
  for (const decision of ['projected', 'third_party', 'anonymous', 'orphaned', 'adopted'] as const)
    await search(`the decision ${decision}`, () => ({ decision }));
  await search('a common decision, old rows only', () => ({ decision: 'opted_out' }));
  await search('a reason', () => ({ reason: 'not_listed' }));
  await search('a reason that no row has', () => ({ reason: 'nothing' }));
  await search('parked', () => ({ parked: true }));
  await search('a month', () => ({ from: new Date('2025-03-01'), to: new Date('2025-04-01') }));
  await search('a user in a month', (n) => ({
    user: `user_${String((n * 31) % 2000)}`,
    from: new Date('2025-03-01'),
    to: new Date('2025-04-01'),
  }));
  const ids = await pool.query<{ id: string }>(
    'SELECT legacy_id::text AS id FROM history_cdc.ledger LIMIT 50',
  );
  await asked('find: a short id', (own, n) =>
    findById({ canonical: own, legacy: own }, ids.rows[n % 50]?.id.slice(0, 8) ?? '', PAGE),
  );
  await pages();
} finally {
  await pool.end();
  await stack.stop({ purge: true });
}
process.exit(over > 0 ? 1 : 0);
