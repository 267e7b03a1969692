import { z } from 'zod';
import { count, id, text, time } from './parts.ts';

const failure = text.nullable().describe('why the receiver did not take it: a status or a code');

export const webhookTest = z.strictObject({
  receiver: text.describe('scheme and host of WEBHOOK_URL'),
  messageId: text.describe('the header webhook-id'),
  status: count.nullable().describe('null: no answer'),
  failure,
  milliseconds: count,
});

export const webhookList = z.strictObject({
  messages: z.array(
    z.strictObject({
      id,
      messageId: text,
      type: text,
      state: z.enum(['waiting', 'delivered', 'given_up', 'dismissed']),
      createdAt: time,
      attempts: count,
      attemptedAt: time.nullable(),
      nextAttemptAt: time.nullable(),
      failure,
      deliveredAt: time.nullable(),
    }),
  ),
});

export const webhookRetry = z.strictObject({ applied: z.boolean(), ids: z.array(id) });

export const webhookDismiss = z.strictObject({ ids: z.array(id), by: text });
