import { z } from 'zod';
import { count, id, seconds, text } from './parts.ts';

export const teardown = z.strictObject({
  applied: z.boolean(),
  complete: z.boolean().describe('everything was seen, and nothing is left but what is kept'),
  ready: z.boolean().describe('nothing that is known keeps --apply from taking everything away'),
  projectors: z.strictObject({ known: z.boolean(), running: z.array(text) }),
  parts: z.array(
    z.strictObject({
      id: z.enum([
        'stored-offset',
        'connector',
        'slot',
        'publication',
        'source-tables',
        'role',
        'topics',
        'subjects',
        'group',
        'ledger',
      ]),
      state: z.enum(['absent', 'there', 'unknown', 'kept']),
      things: z.array(text),
      removed: z.boolean().describe('by this run'),
      why: text.nullable().describe('why it stays, or was not seen'),
      byHand: text.nullable().describe('SQL for the owner or a DBA'),
    }),
  ),
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
