import { z } from 'zod';
import { count, countByName, id, seconds, text, time } from './parts.ts';

export const archiveExport = z.strictObject({
  id,
  target: text,
  isNew: z.boolean().describe('false: the newest archive holds the table as it is, and nothing was written'),
  rows: count,
  decisions: countByName,
  objects: count,
  bytes: count,
  contentSha256: text,
  snapshotLsn: id,
  written: z.array(text).describe('months'),
  kept: z.array(text).describe('months whose object was there'),
  removed: z.array(text).describe('what a killed export had left half done'),
});

export const archiveVerify = z.strictObject({
  id,
  verdict: z.enum(['verified', 'differs']),
  rows: count,
  same: count,
  deletedSince: count,
  snapshotLsn: id,
  damaged: z.array(z.strictObject({ object: text, why: text })),
  differences: z.record(text, z.strictObject({ count, ids: z.array(id) })),
});

export const archiveList = z.strictObject({
  archives: z.array(
    z.strictObject({
      id,
      at: time,
      target: text,
      performedBy: text,
      state: z.enum([
        'exported',
        'verified',
        'differs',
        'drilled',
        'drill_differs',
        'erased',
        'unfinished',
        'damaged',
        'missing',
        'elsewhere',
      ]),
      stateAt: time.nullable(),
      rows: count.nullable(),
      objects: count.nullable(),
      verifiedAt: time.nullable(),
    }),
  ),
  objects: count,
  bytes: count,
  unreferenced: z.array(text).describe('names of objects that belong to no archive'),
});

const leftOut = z.array(z.strictObject({ what: text, why: text }));

export const archiveRestore = z.strictObject({
  applied: z.boolean(),
  archive: id,
  table: text,
  rows: count,
  contentSha256: text.describe("of all rows; with --apply, Postgres's own hashes of the new rows came to it"),
  leftOut: leftOut.describe('what the new table lacks of the old one'),
});

export const archiveDrill = z.strictObject({
  archive: id,
  passed: z.boolean(),
  seconds,
  rows: count.optional().describe('where it passed'),
  leftOut: leftOut.optional().describe('where it passed'),
  code: text.optional().describe('where it did not pass'),
  why: text.optional().describe('where it did not pass'),
});

export const archiveErase = z.strictObject({
  applied: z.boolean(),
  rows: count,
  archives: z.array(id),
  objects: z.array(text),
  leftovers: z.array(text).describe('objects that no manifest names'),
  left: z.array(z.strictObject({ name: text, why: text })).describe('what may hold such rows still'),
  legacyRows: count
    .nullable()
    .describe('rows of the table that name the user; null where there is no such table'),
});
