import { z } from 'zod';
import { text } from './parts.ts';

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
