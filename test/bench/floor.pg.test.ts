import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillTables } from '../../bench/dataset.ts';
import { copyInChunks } from '../../bench/peers/earlier-script.ts';
import { treeSeconds } from '../../bench/processes.ts';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver, type Claim } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { TopicRecord } from '../../lib/kafka-consumer.ts';
import { avroKey, avroValue, RECORDED, registryOf } from '../support/avro-records.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { PLACEHOLDER, type RowValues } from '../support/records.ts';
import { MATCHING, asRecords, runRecords, TOPIC_ID } from '../support/run-records.ts';

/**
 * The earlier script's CPU time by the projector's, for as many rows. On two cores it was 0.92 to 0.96 with a load of 15; a
 * projector that takes twice the CPU has half of that.
 */
const FLOOR = 0.6;
const ROUNDS = 5;
const WARM_UP = 2;
const ROWS_A_ROUND = 3_000;
/** Rows of others in the canonical table: the script reads all of them in every chunk, the projector none. */
const OTHERS = `
  INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, triggered_by, dry_run, tested_at, observations_json)
  SELECT 'https://agent-' || n % 1500 || '.example/mcp', 'production', 'passing', 'heartbeat', false,
         '2026-10-01Z'::timestamptz - n * interval '1 minute', '{"note": "heartbeat"}'
  FROM generate_series(1, 100000) AS n`;
const ROWS = `
  SELECT id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, brief,
         triggered_by, user_id, steps_json::text, agent_profile_json::text,
         to_char(started_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started_at,
         to_char(completed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS completed_at
  FROM agent_test_history ORDER BY id`;
const SESSIONS = 'SELECT pid FROM pg_stat_activity WHERE datname = current_database()';

let open: OpenDatabase;
beforeAll(async () => {
  open = await openMigratedDatabase();
  await fillTables(open.pool, { shape: 'small', rows: 2 * ROUNDS * ROWS_A_ROUND });
  await open.pool.query(OTHERS);
  await open.pool.query('ANALYZE agent_compliance_runs');
});
afterAll(async () => {
  await open.close();
});

// CPU time, not time: what else runs on the machine takes time from both, and not alike.
test.skipIf(process.platform !== 'linux')(
  'the projector takes no more CPU time than it may, beside the earlier script',
  async () => {
    const { rows } = await open.pool.query<RowValues>(ROWS);
    await registerTopic(open.pool, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
    const { claim } = await takeOver(open.pool, { topicId: TOPIC_ID, partition: 0, offset: 0n }, 'one');
    const spent: { projector: number; script: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // In turns, each with rows that nobody has had yet.
      const from = 2 * round * ROWS_A_ROUND;
      const records = recordsOf(rows.slice(from, from + ROWS_A_ROUND), BigInt(round * ROWS_A_ROUND));
      const others = rows.slice(from + ROWS_A_ROUND, from + 2 * ROWS_A_ROUND).map(({ id }) => id);
      spent.push({
        projector: await cpuSeconds(() => project(claim, records)),
        script: await cpuSeconds(() => copyInChunks(open.pool, others)),
      });
    }
    expect(await countOf('history_cdc.ledger')).toBe(ROUNDS * ROWS_A_ROUND);
    // The first rounds also compile.
    const sum = (of: 'projector' | 'script') =>
      spent.slice(WARM_UP).reduce((total, round) => total + round[of], 0);
    const ratio = sum('script') / sum('projector');
    expect(ratio, JSON.stringify(spent)).toBeGreaterThan(FLOOR);
  },
);

function recordsOf(rows: readonly RowValues[], firstOffset: bigint): TopicRecord[] {
  const messages = rows.map((row) => {
    return { id: row.id, key: avroKey(row.id), value: avroValue('r', { after: row }) };
  });
  return asRecords(messages, firstOffset);
}

/** From bytes to COMMIT, as history, of which no live row can exist. */
async function project(claim: Claim, records: readonly TopicRecord[]): Promise<void> {
  const matching = { ...MATCHING, floorUs: () => 2n ** 62n };
  const { records: outcomes } = await runRecords({
    context: { canonical: open.pool, legacy: open.pool, optOutPolicy: 'respect', matching },
    decode: createDecoder(registryOf(RECORDED), PLACEHOLDER),
    mode: { kind: 'commit', claim },
    records,
    rows: ROWS_A_ROUND,
  });
  expect(outcomes.applied).toBe(records.length);
}

/** Of this process and of the sessions of its database. */
async function cpuSeconds(work: () => Promise<void>): Promise<number> {
  const before = await sessionSeconds();
  const own = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(own);
  const after = await sessionSeconds();
  const inPostgres = [...after].reduce((sum, [pid, seconds]) => sum + seconds - (before.get(pid) ?? 0), 0);
  return inPostgres + (user + system) / 1e6;
}

async function sessionSeconds(): Promise<ReadonlyMap<number, number>> {
  const { rows } = await open.pool.query<{ pid: number }>(SESSIONS);
  return new Map(rows.map(({ pid }) => [pid, treeSeconds(pid) ?? 0]));
}

async function countOf(table: string): Promise<number> {
  const { rows } = await open.pool.query<{ n: number }>(`SELECT count(*)::integer AS n FROM ${table}`);
  return rows[0]?.n ?? 0;
}
