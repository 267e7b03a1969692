import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { utf8, type SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import {
  avroKey,
  avroValue,
  decodeWith,
  framed,
  KEY_ID,
  KEY_SCHEMA,
  RECORDED,
  registryOf,
  VALUE_ID,
  VALUE_SCHEMA,
  WHERE,
  type Schema,
} from '../support/avro-records.ts';
import { aRow, envelopeOf, PLACEHOLDER, type RowValues } from '../support/records.ts';

const row = aRow({ agent_context_id: '3f2c1d0e-aaaa-4bbb-8ccc-000000000002', user_id: 'user_1' });

const record = (values: Partial<RowValues> = {}) => ({
  key: avroKey(row.id),
  value: avroValue('c', { after: { ...row, ...values } }),
});

describe('bytes that are not a record of their schema are undecodable:', () => {
  test.each([
    ['no bytes', Buffer.alloc(0)],
    ['another magic byte', Buffer.concat([Buffer.from([1]), record().value.subarray(1)])],
    ['a header without a record', record().value.subarray(0, 5)],
    ['a record that ends early', record().value.subarray(0, 60)],
    ['a record with bytes behind it', Buffer.concat([record().value, Buffer.from([7])])],
    ['JSON', Buffer.from(JSON.stringify(envelopeOf('c', { after: row })))],
  ])('%s', async (_, value) => {
    const events = await decodeWith(registryOf(RECORDED), record(), { key: avroKey(row.id), value });
    expect(events[0]?.kind).toBe('image');
    expect(events[1]).toMatchObject({
      kind: 'unusable',
      legacyId: row.id,
      reason: 'undecodable',
      detail: 'the bytes are not a record of the schema',
    });
  });
});

type Fields = Schema & { readonly name: string; readonly type: unknown };
type RecordSchema = Schema & { readonly fields: readonly Fields[] };

/** The value schema with other columns in its row. */
function withColumns(change: (columns: readonly Fields[]) => readonly Fields[]): Schema {
  const [before, ...rest] = (VALUE_SCHEMA as RecordSchema).fields;
  if (before === undefined) throw new Error('the schema has no before');
  const [, rowSchema] = before.type as [unknown, RecordSchema];
  const changed = { ...rowSchema, fields: change(rowSchema.fields) };
  return { ...VALUE_SCHEMA, fields: [{ ...before, type: ['null', changed] }, ...rest] };
}

const retyped = (column: string, type: unknown) =>
  withColumns((columns) => columns.map((field) => (field.name === column ? { name: column, type } : field)));

async function decodeWritten(schema: Schema, after: Schema): Promise<SourceEvent | undefined> {
  const value = framed(schema, VALUE_ID, envelopeOf('c', { after }));
  const [event] = await decodeWith(registryOf({ [KEY_ID]: KEY_SCHEMA, [VALUE_ID]: schema }), {
    key: avroKey(row.id),
    value,
  });
  return event;
}

describe('a table that was changed', () => {
  const decoded = {
    kind: 'image',
    row: { scenario: row.scenario, startedAt: row.started_at, stepsFailed: 2 },
  };

  test('by a new column is read as before', async () => {
    const schema = withColumns((columns) => [{ name: 'added', type: 'long' }, ...columns]);
    expect(await decodeWritten(schema, { ...row, added: 7 })).toMatchObject(decoded);
  });

  test('by dropping a column that nobody reads is read as before', async () => {
    const schema = withColumns((columns) => columns.filter(({ name }) => name !== 'brief'));
    expect(await decodeWritten(schema, { ...row })).toMatchObject(decoded);
  });

  test('by reordering its columns is read as before', async () => {
    expect(
      await decodeWritten(
        withColumns((columns) => [...columns].reverse()),
        { ...row },
      ),
    ).toMatchObject(decoded);
  });

  test('by allowing NULL where there was none is read as before, and a NULL is parked', async () => {
    const schema = retyped('scenario', ['null', 'string']);
    expect(await decodeWritten(schema, { ...row })).toMatchObject(decoded);
    expect(await decodeWritten(schema, { ...row, scenario: null })).toMatchObject({
      kind: 'unusable',
      reason: 'unmappable',
      detail: 'scenario is not text',
    });
  });

  test.each([
    'agent_context_id',
    'scenario',
    'overall_passed',
    'steps_passed',
    'steps_failed',
    'total_duration_ms',
    'summary',
    'dry_run',
    'user_id',
    'agent_profile_json',
    'started_at',
    'steps_json',
  ])('by dropping %s stops the projector, and names the column', async (column) => {
    const schema = withColumns((columns) => columns.filter(({ name }) => name !== column));
    await expect(decodeWritten(schema, { ...row })).rejects.toMatchObject({
      code: 'SCHEMA_UNUSABLE',
      message: `the envelope schema ${String(VALUE_ID)} cannot be read as agent_test_history: ${column} is missing`,
      facts: { schemaId: VALUE_ID },
    });
  });

  test.each([
    ['steps_passed', 'long', { steps_passed: 7n }],
    ['steps_passed', 'string', { steps_passed: '7' }],
    ['overall_passed', 'string', { overall_passed: 'true' }],
    ['started_at', 'long', { started_at: 7n }],
    ['steps_json', 'long', { steps_json: 7n }],
  ])('by making %s a %j stops the projector', async (column, type, values) => {
    await expect(decodeWritten(retyped(column, type), { ...row, ...values })).rejects.toMatchObject({
      code: 'SCHEMA_UNUSABLE',
      message: expect.stringContaining(`${column} has another type`) as unknown,
    });
  });

  test('in a way that cannot be read is parked, record by record, where a person asks for that', async () => {
    const schema = withColumns((columns) => columns.filter(({ name }) => name !== 'summary'));
    const registry = registryOf({ ...RECORDED, [KEY_ID]: KEY_SCHEMA, [VALUE_ID + 1000]: schema });
    const decode = createDecoder(registry, PLACEHOLDER, { parkUnusable: true });
    const value = framed(schema, VALUE_ID + 1000, envelopeOf('c', { after: row }));
    const key = avroKey(row.id);
    expect(
      await decode(
        [
          { offset: 0n, key, value },
          { offset: 1n, key, value: avroValue('c', { after: row }) },
        ],
        WHERE,
      ),
    ).toMatchObject([{ kind: 'unusable', legacyId: row.id, reason: 'undecodable' }, { kind: 'image' }]);
  });

  test('by another key stops the projector', async () => {
    const schema = { type: 'record', name: 'Key', fields: [{ name: 'other', type: 'string' }] };
    const registry = registryOf({ [KEY_ID]: schema, [VALUE_ID]: VALUE_SCHEMA });
    const key = framed(schema, KEY_ID, { other: row.id });
    await expect(decodeWith(registry, { key, value: record().value })).rejects.toMatchObject({
      code: 'SCHEMA_UNUSABLE',
    });
  });

  test.each([
    ['no record', { type: 'string' }],
    ['no envelope', { type: 'record', name: 'Heartbeat', fields: [{ name: 'ts_ms', type: 'long' }] }],
  ])('into a topic with %s in it stops the projector', async (_, schema) => {
    const registry = registryOf({ [KEY_ID]: KEY_SCHEMA, [VALUE_ID]: schema });
    await expect(decodeWith(registry, record())).rejects.toMatchObject({ code: 'SCHEMA_UNUSABLE' });
  });
});

test('64-bit numbers come out whole: an LSN beyond 2^53, and nanoseconds that nobody reads', async () => {
  const lsn = 9_007_199_254_740_993n;
  const value = avroValue('c', { after: row, source: { lsn } });
  expect(await decodeWith(registryOf(RECORDED), { key: avroKey(row.id), value })).toMatchObject([{ lsn }]);
});

const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => !value.includes('\u0000'));
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const anyRow = fc.record({
  scenario: text,
  overall_passed: fc.boolean(),
  steps_passed: int32,
  steps_failed: int32,
  total_duration_ms: fc.option(int32),
  summary: fc.option(text),
  dry_run: fc.option(fc.boolean()),
  user_id: fc.option(text),
  agent_profile_json: fc.option(fc.json()),
});

test('decoding undoes encoding, for any row, in Avro and in JSON', async () => {
  const inJson = createDecoder(undefined, PLACEHOLDER);
  const inAvro = createDecoder(registryOf(RECORDED), PLACEHOLDER);
  await fc.assert(
    fc.asyncProperty(anyRow, async (values) => {
      const after = { ...row, ...values };
      const expected = {
        agentContextId: row.agent_context_id,
        scenario: values.scenario,
        overallPassed: values.overall_passed,
        stepsPassed: values.steps_passed,
        stepsFailed: values.steps_failed,
        totalDurationMs: values.total_duration_ms,
        summary: values.summary,
        dryRun: values.dry_run,
        userId: values.user_id,
        agentProfileJson: utf8(values.agent_profile_json),
        startedAt: row.started_at,
      };
      const json = {
        key: Buffer.from(JSON.stringify({ id: row.id })),
        value: Buffer.from(JSON.stringify(envelopeOf('c', { after }))),
      };
      const avro = { key: avroKey(row.id), value: avroValue('c', { after }) };
      expect(await inJson([{ offset: 0n, ...json }], WHERE)).toMatchObject([
        { kind: 'image', row: expected },
      ]);
      expect(await inAvro([{ offset: 0n, ...avro }], WHERE)).toMatchObject([
        { kind: 'image', row: expected },
      ]);
    }),
    { numRuns: 300 },
  );
});
