import { z } from 'zod';
import { count, countByName, id, text, time } from './parts.ts';

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
