import { expect, test } from 'vitest';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import {
  avroKey,
  avroValue,
  KEY_ID,
  KEY_SCHEMA,
  RECORDED,
  registryOf,
  VALUE_ID,
  VALUE_SCHEMA,
} from '../support/avro-records.ts';
import { everything } from '../support/fingerprint.ts';
import { usePartitions } from '../support/partitions.ts';
import { COMMITTED_AT_MS, PLACEHOLDER, type Message, type RowValues } from '../support/records.ts';
import { retried } from '../support/retried.ts';
import { jsonDecoder, runRecords } from '../support/run-records.ts';

const topic = usePartitions();

const avroDecoder = createDecoder(registryOf(RECORDED), PLACEHOLDER, { mayKnowNone: true });
/** The registry lacks this one for a while. */
const LATE_ID = 77;

function message(op: 'c' | 'u' | 'd', row: RowValues): Message {
  return { id: row.id, key: avroKey(row.id), value: avroValue(op, op === 'd' ? {} : { after: row }) };
}

function writtenWith(schemaId: number, { value, ...others }: Message): Message {
  const bytes = Buffer.from(value ?? []);
  bytes.writeInt32BE(schemaId, 1);
  return { ...others, value: bytes };
}

async function project(messages: readonly Message[], decode = avroDecoder): Promise<void> {
  const { claim, nextOffset } = await topic().claim('one');
  await runRecords({ ...topic().commit(messages, { claim, nextOffset }), decode });
}

test('a record of a schema that the registry did not know is decided once it does', async () => {
  const [row, good] = [topic().ownersRow(), topic().ownersRow()];
  await project([message('c', good), writtenWith(LATE_ID, message('c', row))]);
  expect(await topic().ledger(row.id)).toMatchObject({ decision: 'quarantined', reason: 'undecodable' });
  // The registry still does not know it: a retry of this record alone says so, and not that the registry is lost.
  const stillUnknown = createDecoder(
    registryOf({ [KEY_ID]: KEY_SCHEMA, [VALUE_ID]: VALUE_SCHEMA }),
    PLACEHOLDER,
    { mayKnowNone: true },
  );
  expect(await retried(topic().pool, { decode: stillUnknown })).toMatchObject([
    { outcome: 'failed', reason: 'undecodable', attempts: 1 },
  ]);
  const mended = createDecoder(registryOf({ ...RECORDED, [LATE_ID]: VALUE_SCHEMA }), PLACEHOLDER, {
    mayKnowNone: true,
  });
  expect(await retried(topic().pool, { decode: mended })).toMatchObject([
    { outcome: 'decided', decision: 'projected', attempts: 2, canonicalRunId: canonicalRunId(row.id) },
  ]);
  expect(await topic().run(row.id)).toMatchObject({ headline: row.summary });
  expect(await topic().effects()).toEqual({ decisions: 2, runs: 2 });
});

test('a record whose key could not be read gets its row’s decision once it can', async () => {
  const row = topic().ownersRow();
  await project([message('c', row)], jsonDecoder);
  expect(await topic().quarantined()).toMatchObject([{ legacy_id: null, reason: 'undecodable' }]);
  expect(await retried(topic().pool, { decode: avroDecoder })).toMatchObject([
    { outcome: 'decided', legacyId: row.id, decision: 'projected' },
  ]);
  expect(await topic().run(row.id)).toMatchObject({ headline: row.summary });
});

test('a record without a key is superseded by a later event of its row: it is closed, and changes nothing', async () => {
  const row = topic().ownersRow();
  await project([message('c', row)], jsonDecoder);
  await project([message('u', { ...row, summary: 'newer' })]);
  const [entry, run] = [await topic().ledger(row.id), await topic().run(row.id)];
  expect(entry).toMatchObject({ decision: 'projected', offset: 1 });
  expect(await retried(topic().pool, { decode: avroDecoder })).toMatchObject([
    {
      outcome: 'superseded',
      legacyId: row.id,
      decision: 'projected',
      detail: 'a later event of its row was applied',
    },
  ]);
  expect(await topic().ledger(row.id)).toEqual(entry);
  expect(await topic().run(row.id)).toEqual(run);
  expect((await topic().quarantined()).map(({ healed_at }) => healed_at === null)).toEqual([false]);
});

test('a record without a key of a row that was then deleted is decided, and deleted at its source', async () => {
  const row = topic().ownersRow();
  await project([message('c', row)], jsonDecoder);
  await project([message('d', row)]);
  expect(await topic().ledger(row.id)).toMatchObject({ decision: 'gone', offset: 1 });
  expect(await retried(topic().pool, { decode: avroDecoder })).toMatchObject([
    { outcome: 'decided', decision: 'projected' },
  ]);
  const entry = await topic().ledger(row.id);
  expect(entry).toMatchObject({ decision: 'projected', op: 'd', offset: 1 });
  expect(Date.parse(String(entry?.['source_deleted_at']))).toBe(COMMITTED_AT_MS);
  expect(await topic().run(row.id)).toMatchObject({ headline: row.summary });
});

test('a record without a key waits while a later one of its row is parked, and nothing is lost by it', async () => {
  const row = topic().ownersRow();
  await project([message('c', row)], jsonDecoder);
  const good = message('c', topic().ownersRow());
  await project([good, writtenWith(LATE_ID, message('u', row))]);
  const [keyless] = await topic().quarantined();
  const before = await everything(topic().pool);
  const alone = { decode: avroDecoder, filter: { ids: [String(keyless?.['id'])] } };
  expect(await retried(topic().pool, alone)).toMatchObject([{ outcome: 'waiting', attempts: 0 }]);
  expect(await everything(topic().pool)).toEqual(before);
});

test('an image that comes late heals nothing that was parked behind it', async () => {
  const row = topic().ownersRow();
  await project([message('c', row)]);
  await project([message('u', { ...row, summary: 'late' })], jsonDecoder);
  await project([message('c', topic().ownersRow()), writtenWith(LATE_ID, message('u', row))]);
  const [keyless] = await topic().quarantined();
  const alone = { decode: avroDecoder, filter: { ids: [String(keyless?.['id'])] } };
  expect(await retried(topic().pool, alone)).toMatchObject([{ outcome: 'decided', decision: 'projected' }]);
  expect(await topic().run(row.id)).toMatchObject({ headline: 'late' });
  expect((await topic().quarantined()).map(({ healed_at }) => healed_at === null)).toEqual([false, true]);
});

test('a delete that could not be read leaves the decision of a row of which nothing else was seen', async () => {
  const row = topic().ownersRow();
  await project([message('c', topic().ownersRow()), writtenWith(LATE_ID, message('d', row))]);
  expect(await topic().ledger(row.id)).toMatchObject({ decision: 'quarantined' });
  const mended = createDecoder(registryOf({ ...RECORDED, [LATE_ID]: VALUE_SCHEMA }), PLACEHOLDER, {
    mayKnowNone: true,
  });
  expect(await retried(topic().pool, { decode: mended })).toMatchObject([
    { outcome: 'decided', decision: 'gone' },
  ]);
  expect(await topic().ledger(row.id)).toMatchObject({
    decision: 'gone',
    reason: 'deleted_before_seen',
    op: 'd',
  });
});
