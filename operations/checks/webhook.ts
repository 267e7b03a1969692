/** Whether people hear of what happens (operations/webhook). */
import { spanText } from '../../lib/figures.ts';
import { valueOf } from '../facts/answer.ts';
import type { WebhookFacts } from '../facts/webhook.ts';
import { advice, checksOf } from './check.ts';
import { notYet, ok, warning, type Judgement } from './verdict.ts';

/** A message that waits for longer was tried several times. */
const LATE_SECONDS = 120;
/** A projector looks every few seconds. */
const SILENT_SECONDS = 120;

export const WEBHOOK_CHECKS = checksOf('ledger', {
  'webhook-delivered': advice(
    'every message to people is delivered',
    ['webhook'],
    ({ webhook }, { config }, { projectors }) => {
      if (webhook === undefined) return notYet('there is no ledger yet', 'migrate');
      const isSet = config.WEBHOOK_URL !== undefined;
      if (webhook === null && !isSet) return ok('no webhook is set up');
      // That no projector runs is said by projector-runs.
      const runs = (valueOf(projectors) ?? 0) > 0;
      return judge(webhook, isSet && runs);
    },
    { also: ['projectors'] },
  ),
});

function judge(facts: WebhookFacts | null, isExpected: boolean): Judgement {
  if (facts !== null && facts.givenUp > 0)
    return warning(
      `${String(facts.givenUp)} messages were given up: nobody was told (${facts.failure ?? 'not sent'})`,
      'history-cdc webhook list',
    );
  if (facts?.oldestSeconds != null && facts.oldestSeconds > LATE_SECONDS)
    return warning(
      `${String(facts.waiting)} messages wait, the oldest for ${spanText(facts.oldestSeconds)} (${facts.failure ?? 'not sent'})`,
      'history-cdc webhook test',
    );
  if (isExpected && (facts === null || facts.aliveSecondsAgo > SILENT_SECONDS))
    return warning(
      'a projector runs, and none looks for messages to send: WEBHOOK_URL is not in its settings, or its database does not answer it',
      '# set WEBHOOK_URL and WEBHOOK_SECRET for `history-cdc project`, and start it again',
    );
  if (facts === null) return ok('no message was ever to be sent');
  const last = facts.lastDeliveredAt?.toISOString();
  return ok(last === undefined ? 'no message was ever to be sent' : `the last one was delivered at ${last}`);
}
