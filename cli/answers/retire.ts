import { z } from 'zod';
import { count, id, text, time } from './parts.ts';

/** What the deployment left on the servers, and who projects. */
export const left = {
  projectors: z.strictObject({ known: z.boolean(), running: z.array(text) }),
  parts: z.array(
    z.strictObject({
      id: z.enum([
        'stored-offset',
        'connector',
        'slot',
        'publication',
        'source-tables',
        'fence',
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
};

export const teardown = z.strictObject({
  applied: z.boolean(),
  complete: z.boolean().describe('everything was seen, and nothing is left but what is kept'),
  ready: z.boolean().describe('nothing that is known keeps --apply from taking everything away'),
  ...left,
});

const stage = z.enum(['soaking', 'ready', 'fenced', 'archived', 'dropped']);

export const retireCheck = z.strictObject({
  stage,
  since: time.nullable(),
  next: z.enum(['fence', 'close', 'drop', 'teardown']),
  refusals: z.array(text).describe('what keeps the next step from being taken; empty if nothing does'),
  conditions: z.array(
    z.strictObject({
      id: text,
      state: z.enum(['met', 'not_met', 'unknown', 'attested']),
      missing: text.nullable(),
    }),
  ),
  role: text.nullable().describe('the owner of the table, as which the statements run'),
  fence: z.strictObject({ id, fencedAt: time, fencedBy: text, holes: z.array(text) }).nullable(),
  statements: text.nullable().describe('SQL that the next step would run in the legacy database'),
  locks: z.array(
    z.strictObject({
      pid: count.nullable(),
      role: text.nullable(),
      application: text.nullable(),
      state: text.nullable(),
      mode: text,
      granted: z.boolean(),
      since: time.nullable(),
      prepared: text.nullable().describe('name of a prepared transaction, which has no session'),
    }),
  ),
  refusedWrites: z
    .array(
      z.strictObject({
        role: text,
        operation: z.enum(['insert', 'update', 'delete', 'truncate']),
        statements: count,
        lastAt: time,
      }),
    )
    .nullable()
    .describe('null: there is no fence'),
  dependents: z.array(text).describe('what depends on the table and keeps it from being dropped'),
});

export const retireStep = z.strictObject({
  applied: z.boolean(),
  stage,
  refusals: z.array(text),
  evidence: z.record(z.string(), z.unknown()).nullable(),
});

export const retireUnfence = z.strictObject({ applied: z.boolean(), wasFenced: z.boolean() });

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const evidenceExport = z.strictObject({
  file: text,
  bytes: count,
  root: sha256,
  publicKey: text.nullable().describe('PEM; null: not signed'),
  parts: z.array(z.strictObject({ name: text, sha256 })),
});

export const evidenceVerify = z.strictObject({
  verdict: z
    .enum(['authentic', 'intact', 'changed'])
    .describe('authentic: signed with the key that was given; intact: whole by its own hashes'),
  signature: z.enum(['known', 'unknown', 'other', 'wrong', 'none']),
  publicKey: text.nullable(),
  root: sha256.nullable(),
  faults: z.array(z.strictObject({ part: text, what: text })),
  parts: z.array(text),
});
