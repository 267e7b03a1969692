import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { testMessage } from '../operations/webhook/messages.ts';
import {
  dismiss,
  listMessages,
  retryGivenUp,
  type KeptMessage,
} from '../operations/webhook/messages-kept.ts';
import { requiredEndpoint, send } from '../operations/webhook/send.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { filled, rowId, several, whole } from './parsers.ts';
import { withDatabases } from './with-databases.ts';

const LISTED = 20;

const HELP = `
\`project\` posts a message to WEBHOOK_URL when a person should look: a gap, a wrong verdict, an incident, another stage, or
a condition of the soak that flips. Messages follow the Standard Webhooks specification: they are signed with
WEBHOOK_SECRET, and a message that is sent again has the same webhook-id. What the receiver does not take is sent again
for WEBHOOK_GIVE_UP_HOURS; then it is given up, and \`status\` says so. A message holds ids, kinds and counts, and never a
value of a row.

Examples:
  history-cdc webhook test
  history-cdc webhook list`;

export function registerWebhook(command: Command, context: CommandContext): void {
  const webhook = command.addHelpText('after', HELP);
  registerTest(webhook, context);
  registerList(webhook, context);
  registerRetry(webhook, context);
  registerDismiss(webhook, context);
}

interface Json {
  readonly json?: true;
}

function registerTest(webhook: Command, context: CommandContext): void {
  webhook
    .command('test')
    .description(
      'post one test message now, and say what the receiver answered; ends with 1 if it did not take it',
    )
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc webhook test')
    .action(async ({ json }: Json) => {
      const endpoint = requiredEndpoint(context.config());
      const messageId = `msg_${randomUUID()}`;
      const began = performance.now();
      const { status, failure } = await send(endpoint, { messageId, body: testMessage(new Date()) });
      const milliseconds = Math.round(performance.now() - began);
      const { origin } = endpoint.url;
      context.answer('webhook test', {
        json,
        facts: { receiver: origin, messageId, status, failure, milliseconds },
        text: () =>
          failure === null
            ? `${origin} took message ${messageId}: status ${String(status)} after ${String(milliseconds)} ms`
            : `${origin} did not take message ${messageId}: ${failure} after ${String(milliseconds)} ms`,
      });
      if (failure !== null) throw new AnswerNo();
    });
}

function registerList(webhook: Command, context: CommandContext): void {
  webhook
    .command('list')
    .description('list messages, first those that are not delivered; ends with 1 if one was given up')
    .option('--limit <n>', 'the maximum number of messages to show', whole(1, 10_000), LISTED)
    .option('--json', 'print the list as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc webhook list --limit 100')
    .action(async ({ limit, json }: Json & { readonly limit: number }) => {
      const messages = await withDatabases(context, 'webhook list', ({ canonical }) =>
        listMessages(canonical, limit),
      );
      context.answer('webhook list', {
        json,
        facts: { messages: [...messages] },
        text: () => render(messages),
      });
      if (messages.some(({ state }) => state === 'given_up')) throw new AnswerNo();
    });
}

function render(messages: readonly KeptMessage[]): Screen {
  if (messages.length === 0) return 'no message was ever to be sent';
  return [
    tableOf(
      ['id', 'type', 'made', 'state', 'attempts', 'next attempt', 'last failure'],
      messages.map(({ id, type, createdAt, state, attempts, nextAttemptAt, failure }) => [
        ...[id, type, secondOf(createdAt), state.replace('_', ' '), attempts],
        ...[nextAttemptAt === null ? '-' : secondOf(nextAttemptAt), failure ?? '-'],
      ]),
    ),
  ];
}

function secondOf(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

function registerRetry(webhook: Command, context: CommandContext): void {
  webhook
    .command('retry')
    .description('let every message that was given up be sent again; changes nothing without --apply')
    .option('--apply', 'do it')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc webhook retry --apply')
    .action(async ({ apply = false, json }: Json & { readonly apply?: boolean }) => {
      const ids = await withDatabases(context, 'webhook retry', ({ canonical }) =>
        retryGivenUp(canonical, apply),
      );
      context.answer('webhook retry', {
        json,
        facts: { applied: apply, ids: [...ids] },
        text: () =>
          ids.length === 0
            ? 'no message was given up'
            : `${apply ? 'sent again by the next look of `project`' : 'would be sent again (--apply does it)'}: ${ids.join(', ')}`,
      });
    });
}

interface DismissOptions extends Json {
  readonly id: string[];
  readonly by: string;
}

function registerDismiss(webhook: Command, context: CommandContext): void {
  webhook
    .command('dismiss')
    .description('say with your name that you know what a message that was given up would have told')
    .requiredOption('--id <id...>', 'these messages', several(rowId))
    .requiredOption('--by <name>', 'your name', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc webhook dismiss --id 3 --by "Ada"')
    .action(async ({ id: ids, by, json }: DismissOptions) => {
      await withDatabases(context, 'webhook dismiss', ({ canonical }) => dismiss(canonical, ids, by));
      context.answer('webhook dismiss', {
        json,
        facts: { ids, by },
        text: () => `dismissed by ${by}: ${ids.join(', ')}`,
      });
    });
}
