import { inspect } from 'node:util';
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { RunObserver } from '../../consumers/agent-test-history/stream/observer.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { createPool } from '../../lib/postgres.ts';
import { avroKey, avroValue, framed, RECORDED, registryOf, VALUE_ID } from '../support/avro-records.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { usePartitions } from '../support/partitions.ts';
import {
  envelopeOf,
  inserted,
  rawRecord,
  updated,
  type Message,
  type RowValues,
} from '../support/records.ts';
import { runRecords, type SessionRun } from '../support/run-records.ts';

/** A value of a row: if it turns up where people look, somebody's data has. */
const MARKER = 'needleInARow';
const NUMBER = 77_123_456_789;

const topic = usePartitions();

let log: string[];
let observer: RunObserver;
beforeEach(() => {
  log = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => log.push(line) });
  observer = new RunObserver({ metrics: createMetrics(), logger, now: () => 0 }, () => undefined);
  observer.assigned([{ partition: 0, nextOffset: 0n, highWatermark: 0n }]);
});

const observed = (run: SessionRun): SessionRun => ({
  ...run,
  committed: (result, nextOffset) => {
    observer.committed({ offsets: new Map([[0, nextOffset]]), result, seconds: 0 });
  },
  retrying: (error) => {
    observer.retrying(0, error);
  },
});

/** A row of the owner full of markers. */
const marked = (): RowValues => ({
  ...topic().ownersRow(),
  scenario: `scenario ${MARKER}`,
  summary: `summary ${MARKER}`,
  brief: `brief ${MARKER}`,
  agent_profile_json: `{"note": "${MARKER}"}`,
});
const bent = (values: object): Message => {
  const row = marked();
  return rawRecord(row.id, envelopeOf('c', { after: { ...row, ...values } }));
};

function hasValue(text: string): boolean {
  return text.includes(MARKER) || text.includes(String(NUMBER));
}

/** Parks the records, and returns what people see of it: details, reasons, the log. */
async function seenOf(run: SessionRun, parked: number): Promise<string[]> {
  const result = await runRecords(observed(run));
  expect(result.records.quarantined).toBe(parked);
  const rows = await topic().quarantined();
  expect(rows).toHaveLength(parked);
  // The values did come this far: they are in the bytes, and nowhere else.
  const bytes = rows.map(({ record_value }) =>
    Buffer.from(String(record_value).slice(2), 'hex').toString('utf8'),
  );
  expect(bytes.filter(hasValue)).toHaveLength(parked);
  const { rows: entries } = await topic().pool.query<{ text: string }>(
    `SELECT concat_ws(' ', reason, decision, op) AS text FROM history_cdc.ledger`,
  );
  expect(log.join()).toContain('records quarantined');
  return [
    ...rows.flatMap(({ reason, detail }) => [String(reason), String(detail)]),
    ...entries.map(({ text }) => text),
    ...log,
  ];
}

describe('no value of a row is in a detail, a reason or the log', () => {
  test('of records that cannot be decoded or mapped', async () => {
    const { id } = marked();
    const messages = [
      rawRecord(id, Buffer.from(`{"op": "c", "after": {"summary": "${MARKER}" ${MARKER}`)),
      rawRecord(id, MARKER),
      rawRecord(id, { op: MARKER, source: {} }),
      rawRecord(id, { op: 'c', source: MARKER }),
      rawRecord(id, { ...envelopeOf('c', {}), after: MARKER }),
      rawRecord(id, { ...envelopeOf('d', {}), source: { ts_ms: MARKER } }),
      rawRecord(id, { ...envelopeOf('c', {}), source: { lsn: MARKER } }),
      bent({ agent_context_id: MARKER }),
      bent({ scenario: { text: MARKER } }),
      bent({ scenario: `${MARKER}\u0000` }),
      bent({ summary: [MARKER] }),
      bent({ overall_passed: MARKER }),
      bent({ steps_passed: NUMBER }),
      bent({ steps_failed: MARKER }),
      bent({ total_duration_ms: NUMBER }),
      bent({ dry_run: MARKER }),
      bent({ user_id: { name: MARKER } }),
      bent({ agent_profile_json: { note: MARKER } }),
      bent({ started_at: MARKER }),
      { ...inserted(marked()), id: null, key: Buffer.from(`{"id": "${MARKER}"}`) },
      { ...inserted(marked()), id: null, key: Buffer.from(MARKER) },
    ];
    const seen = await seenOf(topic().commit(messages, await topic().claim('one')), messages.length);
    expect(seen.filter(hasValue)).toEqual([]);
  });

  test('of records in Avro that cannot be decoded or mapped', async () => {
    const row = marked();
    const whole = avroValue('c', { after: row });
    const values = [
      avroValue('c', { after: { ...row, started_at: MARKER } }),
      avroValue('c', { after: { ...row, agent_context_id: MARKER } }),
      avroValue(MARKER, { after: row }),
      Buffer.concat([whole, Buffer.from(MARKER)]),
      whole.subarray(0, whole.indexOf(MARKER) + MARKER.length),
      framed({ type: 'string' }, 99, MARKER),
    ];
    const messages = values.map((value) => ({ id: row.id, key: avroKey(row.id), value }));
    const decode = createDecoder(registryOf(RECORDED), 'unused placeholder');
    const run = { ...topic().commit(messages, await topic().claim('one')), decode };
    expect((await seenOf(run, messages.length)).filter(hasValue)).toEqual([]);
  });

  test('of rows that Postgres refuses, though its own message quotes them', async () => {
    const messages = [
      bent({ agent_profile_json: `{"note": ${MARKER}}` }),
      bent({ agent_profile_json: `{"note": "${MARKER} \\u0000"}` }),
      bent({ started_at: '2026-02-30T00:00:00Z' }),
    ];
    const refused = topic().pool.query('SELECT $1::jsonb', [`{"note": ${MARKER}}`]);
    await expect(refused).rejects.toSatisfy((error) => hasValue(inspect(error)));
    const seen = await seenOf(topic().commit(messages, await topic().claim('one')), messages.length);
    expect(seen.filter(hasValue)).toEqual([]);
  });

  test('of rows whose values nobody has any more', async () => {
    const messages = [updated(marked(), 'user_id'), updated(marked(), 'agent_profile_json')];
    const seen = await seenOf(topic().commit(messages, await topic().claim('one')), messages.length);
    expect(seen.filter(hasValue)).toEqual([]);
  });

  test('of a batch that is tried again because its connection was cut', async () => {
    const proxy = await startCuttingProxy(topic().url);
    const pool = createPool({ url: proxy.url, name: 'test behind a proxy', connections: 2 });
    try {
      const claim = await topic().claim('one');
      proxy.cutOnce('answer', MARKER);
      const result = await runRecords(observed(topic().commit([inserted(marked())], claim, pool)));
      expect(result.records.applied).toBe(1);
      expect(proxy.cuts).toBe(1);
    } finally {
      await pool.end();
      await proxy.close();
    }
    expect(log.join()).toContain('Connection terminated unexpectedly');
    expect(log.filter(hasValue)).toEqual([]);
  });
});

describe('no value of a row is in the error that ends a projector,', () => {
  const truncate: Message = { id: null, key: null, value: Buffer.from(JSON.stringify(envelopeOf('t', {}))) };

  /** The error with its stack, its causes and all its properties. */
  async function errorOf(run: SessionRun): Promise<string> {
    return await runRecords(observed(run)).then(
      () => {
        throw new Error('the run ended well');
      },
      (error: unknown) => inspect(error, { depth: 10 }),
    );
  }

  test('a truncate behind rows', async () => {
    const text = await errorOf(topic().commit([inserted(marked()), truncate], await topic().claim('one')));
    expect(text).toContain('SOURCE_TRUNCATED');
    expect(hasValue(text)).toBe(false);
  });

  test('a key in a second partition', async () => {
    const row = marked();
    await runRecords(topic().commit([inserted(row)], await topic().claim('one')));
    const text = await errorOf(topic().commit([updated(row)], await topic().claim('one', 1)));
    expect(text).toContain('PARTITIONS_CHANGED');
    expect(hasValue(text)).toBe(false);
  });

  test('a claim that another took over', async () => {
    const claim = await topic().claim('one');
    await topic().claim('two');
    const text = await errorOf(topic().commit([inserted(marked())], claim));
    expect(text).toContain('Fenced');
    expect(hasValue(text)).toBe(false);
  });

  test('a schema that cannot be read', async () => {
    const schema = { type: 'record', name: 'Other', fields: [{ name: 'summary', type: 'string' }] };
    const row = marked();
    const messages = [
      { id: row.id, key: avroKey(row.id), value: framed(schema, VALUE_ID, { summary: MARKER }) },
    ];
    const decode = createDecoder(registryOf({ ...RECORDED, [VALUE_ID]: schema }), 'unused placeholder');
    const text = await errorOf({ ...topic().commit(messages, await topic().claim('one')), decode });
    expect(text).toContain('SCHEMA_UNUSABLE');
    expect(hasValue(text)).toBe(false);
  });
});
