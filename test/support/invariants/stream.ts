import { connectClient } from '../../../connectors/deploy/target.ts';
import { readStoredOffset } from '../../../operations/facts/connect.ts';
import { createValueDecoder } from '../../../operations/facts/record-value.ts';
import { lsnOf } from '../../../operations/facts/wal.ts';
import { topicNames } from '../../../lib/names.ts';
import { schemaLookupOf } from '../../../lib/registry.ts';
import type { Pipeline } from '../pipeline.ts';
import { readRecords, readTopic } from '../topic-records.ts';
import { until } from '../until.ts';
import type { Violation } from './names.ts';

const NEXT = `
  SELECT partition, next_offset::text AS next FROM history_cdc.consumer_offset
  JOIN history_cdc.topic t USING (topic_id) WHERE t.first_seen = (SELECT max(first_seen) FROM history_cdc.topic)`;

export async function nextOffsets(pipeline: Pipeline): Promise<Map<number, bigint>> {
  const rows = await pipeline.query<{ partition: number; next: string }>(NEXT);
  return new Map(rows.map(({ partition, next }) => [partition, BigInt(next)]));
}

/**
 * I7: the groups' offsets are read before those of Postgres, so that a projector which commits meanwhile is no
 * violation. Every group whose name begins with the one of this pipeline counts.
 */
export async function groupViolations(
  pipeline: Pipeline,
): Promise<{ readonly groups: number; readonly violations: Violation[] }> {
  const { admin, config, topic } = pipeline;
  const { groups } = await admin.listGroups();
  const ours = groups
    .map(({ groupId }) => groupId)
    .filter((id) => id.startsWith(config.CONSUMER_GROUP) && !id.endsWith('-reader'));
  const committed: { group: string; partition: number; offset: bigint }[] = [];
  for (const group of ours) {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    for (const { partition, offset } of found?.partitions ?? [])
      committed.push({ group, partition, offset: BigInt(offset) });
  }
  const stored = await nextOffsets(pipeline);
  const beyond = committed.filter(({ partition, offset }) => offset > (stored.get(partition) ?? 0n));
  return {
    groups: ours.length,
    violations: beyond.map(({ group, partition, offset }) => ({
      invariant: 'I7',
      what: `${group} has committed ${String(offset)} of partition ${String(partition)}, Postgres has ${String(stored.get(partition))}`,
    })),
  };
}

const COUNTER = 'SELECT counter::text FROM history_cdc_source.heartbeat';

/**
 * I14, the heartbeat: waits for the value that the source holds when it is asked, and then looks for a hole in what
 * came before it. A record that came twice is none, because Debezium delivers at least once.
 */
export async function heartbeatViolations(
  pipeline: Pipeline,
): Promise<{ readonly beats: number; readonly violations: Violation[] }> {
  const decode = createValueDecoder(schemaLookupOf(pipeline.config));
  const [written] = await until('the connector writes its heartbeat', async () => {
    const rows = await pipeline.asDba<{ counter: string }>(COUNTER);
    return rows.length > 0 && rows;
  });
  const last = BigInt(written?.counter ?? 0);
  const counters = await until(`heartbeat ${String(last)} arrives`, async () => {
    const records = await readRecords(pipeline, topicNames(pipeline.config).heartbeatTable);
    const seen = new Set<bigint>();
    for (const { value } of records) {
      if (value === null) continue;
      const { after } = (await decode(value)) as { after: { counter: number | bigint | string } | null };
      if (after !== null) seen.add(BigInt(after.counter));
    }
    return seen.has(last) && [...seen].sort((a, b) => (a < b ? -1 : 1));
  });
  const holes = counters.filter((counter, n) => n > 0 && counter !== (counters[n - 1] ?? 0n) + 1n);
  return {
    beats: counters.length,
    violations: holes.map((counter) => ({
      invariant: 'I14',
      what: `no heartbeat came between its counter ${String(counter)} and the one before`,
    })),
  };
}

const SLOT = `
  SELECT confirmed_flush_lsn::text AS confirmed, wal_status AS status,
         pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint::text AS retained
  FROM pg_replication_slots WHERE slot_name = $1`;
/** Far above what a test writes, far below what a slot that nobody reads would hold back in a long run. */
const MOST_WAL = 128n * 1024n * 1024n;

/** I14 and I17 of the slot. The slot is read before what Connect has stored, because that one is written first. */
export async function slotViolations(
  pipeline: Pipeline,
  connectUrl: string,
): Promise<{ readonly walBytes: bigint; readonly violations: Violation[] }> {
  const { SLOT_NAME: name, CONNECTOR_NAME: connector } = pipeline.config;
  const [slot] = await pipeline.asDba<{ confirmed: string; status: string; retained: string }>(SLOT, [name]);
  if (slot === undefined)
    return { walBytes: 0n, violations: [{ invariant: 'I14', what: 'there is no slot' }] };
  const connect = connectClient({ ...pipeline.config, CONNECT_URL: connectUrl });
  const { lsn } = await readStoredOffset(connect, connector);
  const violations: Violation[] = [];
  if (lsn !== null && lsnOf(slot.confirmed) > lsn)
    violations.push({ invariant: 'I14', what: `the slot is confirmed beyond what Kafka Connect has stored` });
  const walBytes = BigInt(slot.retained);
  if (walBytes > MOST_WAL || slot.status !== 'reserved')
    violations.push({
      invariant: 'I17',
      what: `the slot holds ${slot.retained} bytes of WAL, ${slot.status}`,
    });
  return { walBytes, violations };
}

const OPEN_GAPS = 'SELECT kind FROM history_cdc.gap WHERE closed_at IS NULL ORDER BY kind';

export async function gapViolations(pipeline: Pipeline, expected: readonly string[]): Promise<Violation[]> {
  const open = (await pipeline.query<{ kind: string }>(OPEN_GAPS)).map(({ kind }) => kind);
  if (open.join() === expected.toSorted().join()) return [];
  return [{ invariant: 'I14', what: `open gaps: ${open.join()}; the test made ${expected.join()}` }];
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
const POSITIONS = `
  SELECT legacy_id AS id, partition || ':' || "offset" AS at FROM history_cdc.ledger
  UNION ALL SELECT legacy_id, partition || ':' || "offset" FROM history_cdc.quarantine WHERE healed_at IS NULL`;

/**
 * I1 and I4 from the topic's side: the ledger stands at the newest event of each key, or that event is parked. The key
 * is looked for in the bytes of the record, so that no decoder of ours has a part in it.
 */
export async function keyViolations(
  pipeline: Pipeline,
): Promise<{ readonly keys: number; readonly violations: Violation[] }> {
  const newest = new Map<string, string>();
  for (const { key, value, partition, offset } of await readTopic(pipeline)) {
    const id = UUID.exec(key?.toString('latin1') ?? '')?.[0].toLowerCase();
    if (id !== undefined && value !== null) newest.set(id, `${String(partition)}:${String(offset)}`);
  }
  const rows = await pipeline.query<{ id: string | null; at: string }>(POSITIONS);
  const known = new Set(rows.map(({ id, at }) => `${id ?? ''} ${at}`));
  const ids = new Set(rows.map(({ id }) => id));
  const missing = [...newest].filter(([id, at]) => !known.has(`${id} ${at}`));
  return {
    keys: newest.size,
    violations: missing.map(([id, at]) => ({
      invariant: ids.has(id) ? 'I4' : 'I1',
      what: `the newest event of ${id}, at ${at}, is neither in the ledger nor parked`,
    })),
  };
}
