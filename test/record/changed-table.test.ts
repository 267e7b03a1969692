import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { aRow, envelopeOf, PLACEHOLDER } from '../support/records.ts';

const WHERE = { topicId: '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10', partition: 3 };
const ID = '3f2c1d0e-aaaa-4bbb-8ccc-000000000001';
const row = aRow({ id: ID, agent_context_id: '3f2c1d0e-aaaa-4bbb-8ccc-000000000002', user_id: 'user_1' });
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

describe.each([
  ['without a schema', (envelope: unknown) => envelope],
  ['with its schema', (payload: unknown) => ({ schema: { type: 'struct' }, payload })],
])('a JSON record %s, of a table that was changed', (_, wrapped) => {
  const columns = Object.keys(row).filter(
    (column) => !['id', 'brief', 'triggered_by', 'completed_at'].includes(column),
  );
  const of = (op: string, after: object) => {
    const key = bytes(wrapped({ id: ID }));
    return [{ offset: 42n, key, value: bytes(wrapped(envelopeOf(op, { after }))) }];
  };
  const without = (column: string) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => name !== column));
  const decode = createDecoder(undefined, PLACEHOLDER);

  test.each(columns)(
    'by renaming %s stops the projector, and parks it where a person asks for that',
    async (column) => {
      const renamed = { ...without(column), renamed: 'the value' };
      for (const op of ['r', 'c', 'u']) {
        await expect(decode(of(op, renamed), WHERE)).rejects.toMatchObject({
          code: 'SCHEMA_UNUSABLE',
          message: expect.stringContaining(`: ${column} is missing`) as unknown,
          facts: { partition: 3, offset: '42' },
        });
      }
      const park = createDecoder(undefined, PLACEHOLDER, { parkUnusable: true });
      expect(await park(of('u', renamed), WHERE)).toMatchObject([
        {
          kind: 'unusable',
          legacyId: ID,
          reason: 'unmappable',
          detail: `${column} is missing from the record`,
        },
      ]);
    },
  );

  test('by a new column, or without one that nobody reads, is read as before', async () => {
    expect(await decode(of('c', { ...without('brief'), added: 7 }), WHERE)).toMatchObject([
      { kind: 'image', row: { summary: row.summary } },
    ]);
  });

  test('that has no column of the table is parked: it stops nobody', async () => {
    expect(await decode(of('c', { other: 1 }), WHERE)).toMatchObject([
      { kind: 'unusable', legacyId: ID, reason: 'unmappable' },
    ]);
  });
});
