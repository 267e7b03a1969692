import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import {
  UNAVAILABLE,
  type ImageEvent,
  type SourceEvent,
} from '../../consumers/agent-test-history/record/event.ts';
import { avroKey, avroValue, RECORDED, registryOf } from '../support/avro-records.ts';
import {
  aRow,
  COMMITTED_AT_MS,
  DELETED_AT,
  envelopeOf,
  PLACEHOLDER,
  type RowValues,
} from '../support/records.ts';

const WHERE = { topicId: '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10', partition: 3 };
const ID = '3f2c1d0e-aaaa-4bbb-8ccc-000000000001';
const CONTEXT = '3f2c1d0e-aaaa-4bbb-8ccc-000000000002';
const row = aRow({ id: ID, agent_context_id: CONTEXT, user_id: 'user_1' });

interface Source {
  readonly snapshot?: string | null;
  readonly lsn?: bigint | number | null;
  readonly ts_ms?: bigint | number;
}
interface Given {
  readonly key?: string | null;
  readonly op?: string;
  readonly before?: RowValues;
  readonly after?: RowValues;
  readonly source?: Source;
}
type Format = (given: Given) => Promise<SourceEvent>;

async function decodeOne(decode: ReturnType<typeof createDecoder>, key: Buffer | null, value: Buffer | null) {
  const [event] = await decode([{ offset: 42n, key, value }], WHERE);
  if (event === undefined) throw new Error('no event came out');
  return event;
}

const jsonText = (given: Given) => {
  const { op = '', source, ...rows } = given;
  const envelope = envelopeOf(op, rows);
  return { ...envelope, source: { ...envelope.source, ...source } };
};
const bytes = (value: unknown) =>
  Buffer.from(
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)),
  );

const avro: Format = ({ key = ID, op, ...rest }) =>
  decodeOne(
    createDecoder(registryOf(RECORDED), PLACEHOLDER),
    key === null ? null : avroKey(key),
    op === undefined ? null : avroValue(op, rest as Parameters<typeof avroValue>[1]),
  );
const json: Format = ({ key = ID, ...given }) =>
  decodeOne(
    createDecoder(undefined, PLACEHOLDER),
    key === null ? null : bytes({ id: key }),
    given.op === undefined ? null : bytes(jsonText(given)),
  );
const jsonWithSchema: Format = ({ key = ID, ...given }) =>
  decodeOne(
    createDecoder(undefined, PLACEHOLDER),
    key === null ? null : bytes({ schema: { type: 'struct' }, payload: { id: key } }),
    given.op === undefined ? null : bytes({ schema: { type: 'struct' }, payload: jsonText(given) }),
  );

describe.each([
  ['Avro', avro],
  ['JSON', json],
  ['JSON with its schema', jsonWithSchema],
])('a record in %s', (_, decode) => {
  test('of an insert has every value, its position, its LSN and its bytes', async () => {
    const event = await decode({ op: 'c', after: row, source: { lsn: 24_023_128n } });
    expect(event).toEqual({
      kind: 'image',
      op: 'c',
      position: { ...WHERE, offset: 42n },
      legacyId: ID,
      lsn: 24_023_128n,
      snapshot: false,
      committedAtMs: COMMITTED_AT_MS,
      record: { offset: 42n, key: expect.any(Buffer) as Buffer, value: expect.any(Buffer) as Buffer },
      row: {
        agentContextId: CONTEXT,
        scenario: 'quality_evaluation',
        overallPassed: true,
        stepsPassed: 7,
        stepsFailed: 2,
        totalDurationMs: 1234,
        summary: 'seven of nine',
        dryRun: false,
        userId: 'user_1',
        agentProfileJson: Buffer.from('{"name": "agent", "version": 1.0}'),
        startedAt: '2026-03-04T05:06:07.123456Z',
        storyboards: null,
      },
    });
  });

  test('keeps NULL apart from everything else', async () => {
    const after = {
      ...row,
      total_duration_ms: null,
      summary: null,
      dry_run: null,
      user_id: null,
      agent_profile_json: null,
      steps_json: null,
    };
    expect(await decode({ op: 'u', after })).toMatchObject({
      op: 'u',
      row: {
        totalDurationMs: null,
        summary: null,
        dryRun: null,
        userId: null,
        agentProfileJson: null,
        storyboards: null,
      },
    });
  });

  test('has the verdicts of its storyboards, and not the steps', async () => {
    const steps = '[{"scenario": "a/1", "passed": true}, {"scenario": "a/2", "passed": false}]';
    const { row: decoded } = (await decode({
      op: 'c',
      after: { ...row, steps_json: steps },
    })) as ImageEvent;
    expect(decoded.storyboards).toBe(
      '[{"status": "partial", "steps_total": 2, "steps_passed": 1, "storyboard_id": "a"}]',
    );
    expect(Object.values(decoded)).not.toContain(steps);
  });

  test.each([
    ['true', true],
    ['first', true],
    ['last', true],
    ['incremental', true],
    ['false', false],
    [null, false],
  ])('whose source.snapshot is %s is of a snapshot: %s', async (snapshot, expected) => {
    expect(await decode({ op: 'r', after: row, source: { snapshot } })).toMatchObject({
      op: 'r',
      snapshot: expected,
    });
  });

  test('of an incremental snapshot has no LSN', async () => {
    expect(await decode({ op: 'r', after: row, source: { lsn: null } })).toMatchObject({ lsn: null });
  });

  test('of a delete has its key and its time, and nothing of the made-up row', async () => {
    const before = aRow({
      id: ID,
      agent_context_id: CONTEXT,
      user_id: 'made up',
      scenario: 'made up',
      summary: 'made up',
    });
    const event = await decode({ op: 'd', before });
    expect(Object.keys(event).sort()).toEqual(
      ['deletedAtMs', 'kind', 'legacyId', 'lsn', 'position', 'record', 'snapshot'].sort(),
    );
    expect(event).toMatchObject({ kind: 'delete', legacyId: ID, deletedAtMs: Date.parse(DELETED_AT) });
  });

  test('without a value is a tombstone', async () => {
    expect(await decode({})).toEqual({ kind: 'tombstone', position: { ...WHERE, offset: 42n } });
  });

  test('of a truncate is one, with a key or without', async () => {
    const truncate = { kind: 'truncate', position: { ...WHERE, offset: 42n }, lsn: 24_023_128n };
    expect(await decode({ key: null, op: 't' })).toEqual(truncate);
    expect(await decode({ op: 't' })).toEqual(truncate);
  });

  test('without a key is parked, with a value or without', async () => {
    const parked = {
      kind: 'unusable',
      legacyId: null,
      reason: 'unmappable',
      detail: 'the record has no key',
    };
    expect(await decode({ key: null, op: 'c', after: row })).toMatchObject(parked);
    expect(await decode({ key: null })).toMatchObject(parked);
  });

  test('whose key is in capitals is of the same row', async () => {
    expect(await decode({ key: ID.toUpperCase(), op: 'c', after: row })).toMatchObject({ legacyId: ID });
  });

  test.each([
    ['scenario', 'scenario'],
    ['summary', 'summary'],
    ['user_id', 'userId'],
    ['agent_profile_json', 'agentProfileJson'],
    ['steps_json', 'storyboards'],
  ])('that leaves %s out says so', async (column, field) => {
    const event = await decode({ op: 'u', after: { ...row, [column]: PLACEHOLDER } });
    expect(event).toMatchObject({ kind: 'image', row: { [field]: UNAVAILABLE } });
  });

  test('whose text only looks like the placeholder keeps its text', async () => {
    const profile = PLACEHOLDER.toUpperCase();
    const after = {
      ...row,
      summary: `${PLACEHOLDER} `,
      scenario: '__debezium_unavailable_value',
      agent_profile_json: profile,
    };
    expect(await decode({ op: 'u', after })).toMatchObject({
      row: {
        summary: `${PLACEHOLDER} `,
        scenario: '__debezium_unavailable_value',
        agentProfileJson: Buffer.from(profile),
      },
    });
  });

  test.each(['agent_context_id', 'started_at'])(
    'with the placeholder in %s, which is never TOASTed, is parked',
    async (column) => {
      const event = await decode({ op: 'u', after: { ...row, [column]: PLACEHOLDER } });
      expect(event).toMatchObject({ kind: 'unusable', legacyId: ID, reason: 'unmappable' });
    },
  );

  test.each(['x', '', 'C', 'm'])('with the op "%s" is parked', async (op) => {
    expect(await decode({ op, after: row })).toMatchObject({
      kind: 'unusable',
      legacyId: ID,
      reason: 'unmappable',
    });
  });
});

test('records come out one for one and in their order, whatever becomes of them', async () => {
  const decode = createDecoder(undefined, PLACEHOLDER);
  const key = bytes({ id: ID });
  const values = [
    bytes(jsonText({ op: 'c', after: row })),
    null,
    Buffer.from('{'),
    bytes(jsonText({ op: 'd', before: row })),
  ];
  const events = await decode(
    values.map((value, index) => ({ offset: BigInt(index), key, value })),
    WHERE,
  );
  expect(events.map(({ kind, position }) => [kind, position.offset])).toEqual([
    ['image', 0n],
    ['tombstone', 1n],
    ['unusable', 2n],
    ['delete', 3n],
  ]);
});
