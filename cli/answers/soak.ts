import { z } from 'zod';
import { count, id, text, time } from './parts.ts';

export const soak = z.strictObject({
  at: time.describe('by the clock of the canonical database'),
  stage: z.enum(['soaking', 'ready', 'fenced', 'archived', 'dropped']),
  allMet: z.boolean(),
  forecast: time
    .nullable()
    .describe('when the table may go if nothing happens; null: a person decides, or not known'),
  days: z.strictObject({ live: count, read: count, quiet: count }).describe('how long each clock had to run'),
  lowered: z.array(text).describe('settings that ask for fewer days than is usual'),
  conditions: z.array(
    z.strictObject({
      id: text,
      state: z.enum(['met', 'not_met', 'unknown', 'attested']),
      since: time.nullable(),
      metAt: time.nullable(),
      evidence: text,
      missing: text.nullable(),
      fix: text.nullable(),
      ids: z.array(text),
    }),
  ),
  incidents: z.array(
    z.strictObject({
      id,
      kind: text,
      subject: text,
      beganAt: time,
      seenAt: time,
      endedAt: time.nullable(),
      endedBy: text.nullable(),
      explainedAt: time.nullable(),
      explainedBy: text.nullable(),
      reason: text.nullable(),
      ids: z.array(text),
      detail: text,
      counts: z.boolean().describe('it stops a clock'),
      explainable: z.boolean(),
    }),
  ),
});

export const soakAttestation = z.strictObject({
  id,
  condition: text,
  revoked: z.boolean(),
  since: time.nullable(),
  by: text,
  note: text,
});

export const soakExplanation = z.strictObject({ ids: z.array(id), by: text, reason: text });
