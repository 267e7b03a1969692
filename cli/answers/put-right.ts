import { z } from 'zod';
import { changes, count, countByName, id, quarantine, text, time } from './parts.ts';

const textById = z.record(z.string(), text).describe('by legacy id');

export const sweep = z.strictObject({
  absorbed: z.array(id),
  relinked: z.array(id),
  blocked: textById,
  movedKeys: z.array(id),
  lateOwners: textById,
  lateOwnersReported: z.array(id),
  settled: count,
  stragglers: count,
  erased: count,
  changes,
  quarantine,
});

const parked = z.strictObject({
  id,
  topic: text.nullable(),
  topicId: id,
  partition: count,
  offset: id,
  legacyId: id.nullable(),
  reason: text,
  detail: text,
  quarantinedAt: time,
  attempts: count,
  attemptedAt: time.nullable(),
  healedAt: time.nullable(),
  waivedAt: time.nullable(),
  waivedBy: text.nullable(),
  waiveReason: text.nullable(),
  keyBytes: count.nullable(),
  valueBytes: count.nullable(),
  valueSha256: text.nullable(),
  erasedAt: time.nullable(),
  state: z.enum(['open', 'waived', 'healed']),
});

export const quarantineList = z.strictObject({
  records: z.array(parked),
  counts: z.record(z.string(), z.strictObject({ open: count, waived: count, healed: count })),
});

const content = z.strictObject({
  format: z.enum(['none', 'json', 'avro', 'unreadable']),
  value: z.unknown().describe('the row as the record has it, with its own names'),
  schemaId: count.optional(),
});

const retried = z.strictObject({
  id,
  position: text.describe('partition:offset'),
  legacyId: id.nullable(),
  outcome: text,
  decision: text.nullable(),
  canonicalRunId: id.nullable(),
  reason: text,
  detail: text,
  attempts: count,
});

export const quarantineShow = parked.extend({
  content: z.strictObject({ key: content, value: content }),
  raw: z.strictObject({ key: text.nullable(), value: text.nullable() }).optional().describe('base64'),
  ledger: z.record(z.string(), z.unknown()).nullable(),
  retryNow: retried.nullable(),
});

export const quarantineRetry = z.strictObject({
  dryRun: z.boolean(),
  outcomes: countByName,
  records: z.array(retried),
});

export const redecide = z.strictObject({
  lookedUp: count,
  rows: z.array(
    z.strictObject({
      legacyId: id,
      from: text,
      to: text,
      why: z.array(text),
      standing: z.enum(['open', 'too_late', 'stands']),
      applied: text.nullable(),
    }),
  ),
  applied: count,
  left: count,
  changes,
  quarantine,
});

export const undo = z.strictObject({
  applied: z.boolean(),
  projected: count,
  removed: count.optional().describe('with --apply'),
  wouldBeRemoved: count.optional().describe('without --apply'),
  onlyInTopic: count,
  prunedBefore: count,
  blocked: textById,
});

export const forget = z.strictObject({
  applied: z.boolean(),
  ledger: count,
  canonicalRuns: count,
  unsettledTwins: count,
  undone: count,
  parked: z.array(id),
  open: z.array(id),
  legacyRows: count,
  scriptCopies: count,
  topic: text,
});
