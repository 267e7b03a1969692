/**
 * How fast `archive export` and `archive verify` are beside reading the same rows and throwing them away, and their memory:
 * `npx tsx bench/archive.ts [rows] [rounds]`, on a Postgres of its own. Rows have about 3 kB. The figures stand in bench/ARCHIVE.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrate } from '../consumers/agent-test-history/schema/migrate.ts';
import { createApplication } from '../demo/generate.ts';
import { createPool, inTransaction } from '../lib/postgres.ts';
import { exportArchive } from '../operations/archive/export.ts';
import { folderTarget } from '../operations/archive/folder-target.ts';
import { readLegacyRows } from '../operations/archive/legacy-rows.ts';
import { readMonths } from '../operations/archive/months.ts';
import { readTableDefinition } from '../operations/archive/table-definition.ts';
import { verifyArchive } from '../operations/archive/verify.ts';
import { startStack } from '../stack/stack.ts';

const ROWS = `
  WITH context AS (INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES (gen_random_uuid(), 'o', 'u') RETURNING id)
  INSERT INTO public.agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, summary, steps_json, started_at)
  SELECT context.id, 'quality_evaluation', true, 1, 0, md5(n::text),
         (SELECT jsonb_agg(jsonb_build_object('step', m, 'hash', md5((n * 60 + m)::text), 'passed', m % 3 = 0)) FROM generate_series(1, 45) m),
         '2026-01-01'::timestamptz + n * interval '20 s'
  FROM context, generate_series(1, $1::integer) n`;
const DECISIONS = `
  INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot)
  SELECT id, 'third_party', 'a bench', 2, gen_random_uuid(), 0, 1, 'c', false FROM public.agent_test_history`;

const rows = Number(process.argv[2] ?? '100000');
const rounds = Number(process.argv[3] ?? '3');
const stack = await startStack({
  environment: process.env,
  name: `bench-archive-${String(process.pid)}`,
  components: ['postgres'],
  unsafeFast: true,
  owned: true,
  onProgress: () => undefined,
});
const folder = mkdtempSync(path.join(tmpdir(), 'bench-archive-'));
const pool = (copies: boolean) =>
  createPool({ url: stack.addresses.databaseUrl, name: 'bench', connections: 4, copies });
const [canonical, legacy] = [pool(false), pool(true)];
let peak = 0;
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  peak = 0;
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${what}: ${seconds.toFixed(1)} s, ${String(Math.round(rows / seconds))} rows/s, CPU ${((user + system) / 1e6).toFixed(1)} s, peak ${String(Math.round(peak / 1_048_576))} MiB`,
  );
}

let seen = 0;
const readAndThrowAway = () =>
  inTransaction(
    legacy,
    async (client) => {
      const { columns } = await readTableDefinition(client);
      for (const month of await readMonths(client))
        for await (const portion of readLegacyRows(client, columns, { month, wanted: 'content' }))
          seen += portion.length;
    },
    { snapshot: true },
  );
const context = () => ({
  canonical,
  legacy,
  signal: new AbortController().signal,
  progress: () => undefined,
});

try {
  await createApplication(canonical);
  await migrate(canonical, undefined);
  await canonical.query(ROWS, [rows]);
  await canonical.query(DECISIONS);
  await canonical.query('ANALYZE');
  for (let round = 1; round <= rounds; round++) {
    const target = folderTarget(path.join(folder, String(round)));
    await timed('read and throw away', readAndThrowAway);
    await timed('export', () => exportArchive({ ...context(), target }));
    await timed('verify', () => verifyArchive({ ...context(), target }));
  }
  console.log(`${String(seen)} rows read`);
} finally {
  clearInterval(watch);
  await Promise.all([canonical.end(), legacy.end()]);
  await stack.stop({ purge: true });
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
