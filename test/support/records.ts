import { randomUUID } from 'node:crypto';

/** What the connector puts in place of a TOAST value that an update did not touch. */
export const PLACEHOLDER = '__a_test_left_this_value_out__';

/** A legacy row as Debezium shows it: text for uuid, timestamptz and jsonb. */
export interface RowValues {
  readonly id: string;
  readonly agent_context_id: string;
  readonly scenario: string;
  readonly overall_passed: boolean;
  readonly steps_passed: number;
  readonly steps_failed: number;
  readonly total_duration_ms: number | null;
  readonly summary: string | null;
  readonly dry_run: boolean | null;
  readonly brief: string | null;
  readonly triggered_by: string | null;
  readonly user_id: string | null;
  readonly steps_json: string | null;
  readonly agent_profile_json: string | null;
  readonly started_at: string;
  readonly completed_at: string | null;
}

/** A row with every column set; whoever needs another value says which. */
export function aRow(
  values: Partial<RowValues> & Pick<RowValues, 'agent_context_id' | 'user_id'>,
): RowValues {
  return {
    id: randomUUID(),
    scenario: 'quality_evaluation',
    overall_passed: true,
    steps_passed: 7,
    steps_failed: 2,
    total_duration_ms: 1234,
    summary: 'seven of nine',
    dry_run: false,
    brief: 'a brief',
    triggered_by: 'user',
    steps_json: '[{"step": 1}]',
    agent_profile_json: '{"name": "agent", "version": 1.0}',
    started_at: '2026-03-04T05:06:07.123456Z',
    completed_at: '2026-03-04T05:06:09.000001Z',
    ...values,
  };
}

/** A record of the topic, before it has an offset. */
export interface Message {
  /** The legacy id that its key holds; null where the key is unreadable. */
  readonly id: string | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer>>;
}

type Op = 'r' | 'c' | 'u' | 'd';
type LeftOut = 'scenario' | 'summary' | 'user_id' | 'agent_profile_json' | 'steps_json';

export const COMMITTED_AT_MS = Date.UTC(2026, 4, 6, 7, 8, 9, 123);
/** When the source committed a delete, as the ledger shows it. */
export const DELETED_AT = '2026-05-06T07:08:09.123+00:00';

export function snapshotOf(row: RowValues): Message {
  return record('r', row.id, { after: row, snapshot: 'true' });
}

/** A row of an incremental snapshot: it carries no LSN. */
export function incrementalSnapshotOf(row: RowValues): Message {
  return record('r', row.id, { after: row, snapshot: 'incremental', lsn: null });
}

export function inserted(row: RowValues): Message {
  return record('c', row.id, { after: row });
}

/** An update; the columns named were not touched by it, and the connector left their TOAST values out. */
export function updated(row: RowValues, ...leftOut: LeftOut[]): Message {
  const after = { ...row, ...Object.fromEntries(leftOut.map((column) => [column, PLACEHOLDER])) };
  return record('u', row.id, { after });
}

/** The two records of a changed primary key, as Debezium writes them: the delete and the create name each other. */
export function keyChange(row: RowValues, newId: string): { readonly gone: Message; readonly come: Message } {
  const naming = (id: string) => Buffer.from(JSON.stringify({ id }));
  return {
    gone: { ...deleted(row.id), headers: { '__debezium.newkey': naming(newId) } },
    come: { ...inserted({ ...row, id: newId }), headers: { '__debezium.oldkey': naming(row.id) } },
  };
}

/** Every field of `before` but the key is made up, as Debezium does for the default replica identity. */
export function deleted(id: string): Message {
  const madeUp = {
    ...aRow({ id, agent_context_id: '', user_id: null, scenario: '', dry_run: true }),
    overall_passed: false,
    started_at: '1970-01-01T00:00:00.000000Z',
  };
  return record('d', id, { before: madeUp });
}

export function tombstone(id: string): Message {
  return { id, key: keyOf(id), value: null };
}

/** The same record, of a change that the source committed at another time. */
export function committedAt(message: Message, atMs: number): Message {
  if (message.value === null) return message;
  const envelope = JSON.parse(message.value.toString()) as ReturnType<typeof envelopeOf>;
  const value = { ...envelope, source: { ...envelope.source, ts_ms: atMs } };
  return { ...message, value: Buffer.from(JSON.stringify(value)) };
}

/** A record whose value is whatever the test says. */
export function rawRecord(id: string, value: unknown): Message {
  return { id, key: keyOf(id), value: Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)) };
}

interface Envelope {
  readonly before?: object | null;
  readonly after?: object | null;
  readonly snapshot?: string;
  readonly lsn?: number | null;
}

/** The envelope as JSON, for tests that bend it. */
export function envelopeOf(op: string, { before = null, after = null, snapshot, lsn }: Envelope) {
  return {
    before,
    after,
    source: {
      version: '3.7.0.Final',
      connector: 'postgresql',
      name: 'aao',
      ts_ms: COMMITTED_AT_MS,
      snapshot: snapshot ?? 'false',
      db: 'app',
      sequence: '["23","42"]',
      ts_us: COMMITTED_AT_MS * 1000,
      ts_ns: COMMITTED_AT_MS * 1_000_000,
      schema: 'public',
      table: 'agent_test_history',
      txId: 771,
      lsn: lsn === undefined ? 24_023_128 : lsn,
      xmin: null,
    },
    transaction: null,
    op,
    ts_ms: COMMITTED_AT_MS + 5,
    ts_us: (COMMITTED_AT_MS + 5) * 1000,
    ts_ns: (COMMITTED_AT_MS + 5) * 1_000_000,
  };
}

function record(op: Op, id: string, envelope: Envelope): Message {
  return rawRecord(id, envelopeOf(op, envelope));
}

function keyOf(id: string): Buffer {
  return Buffer.from(JSON.stringify({ id }));
}
