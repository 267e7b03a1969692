import { FatalError } from '../../lib/errors.ts';
import type { ConfigProblem } from '../../connectors/deploy/connect-client.ts';
import { printable } from '../../connectors/deploy/plan.ts';
import type { Config } from '../../lib/config.ts';
import { topicNames } from '../../lib/names.ts';
import type { CheckResult } from '../checks/judge.ts';
import { beginAnew, newTopic } from '../checks/remedies.ts';

/** The errors of `apply`: what is wrong, and the way out. */
const list = (lines: readonly string[]) => lines.map((line) => `  - ${line}`).join('\n');
const INDENT = '\n           ';

/** An error with the evidence and the fix of each failed check. */
export function unfit(code: 'DATABASE_UNFIT' | 'TOPIC_UNFIT', results: readonly CheckResult[]): FatalError {
  const what = code === 'TOPIC_UNFIT' ? 'a topic is' : 'the legacy database is';
  return new FatalError({
    code,
    message: `${what} not as the connector needs it:\n${list(results.map(({ id, evidence }) => `${id}: ${evidence}`))}`,
    wayOut: asWayOut([...new Set(results.flatMap(({ fix }) => fix ?? []))].join('\n')),
    facts: { checks: results.map(({ id }) => id).join(',') },
  });
}

/** A connector that goes on behind a hole looks well afterwards, so it is not told to go on blindly. */
export function unseenSource(unseen: readonly string[]): FatalError {
  return new FatalError({
    code: 'SOURCE_UNSEEN',
    message: `the connector was left as it is, because this could not be checked:\n${list(unseen)}`,
    wayOut:
      'let the services answer (`history-cdc doctor`), and run the command again; `--unseen` goes on all the same, and rows may be missing behind it',
  });
}

const asWayOut = (fix: string) => fix.split('\n').join(INDENT);

/** The connector would continue after its stored offset, so the records of the deleted topic would not come again. */
export function lostDataTopic(config: Config): FatalError {
  return new FatalError({
    code: 'TOPIC_MISSING',
    message: `${topicNames(config).data} is gone, and the connector has worked before, so it would not fill the topic again`,
    wayOut: asWayOut(newTopic(config)),
  });
}

export function rejectedConfig(problems: readonly ConfigProblem[]): FatalError {
  return new FatalError({
    code: 'CONNECTOR_REJECTED',
    message: `Kafka Connect does not accept the configuration:\n${list(
      problems.map(({ key, errors }) => `${key}: ${errors.map((text) => printable(key, text)).join('; ')}`),
    )}`,
    wayOut:
      'correct what each line names, in the settings (`history-cdc config`) or in connectors/agent-test-history.json; the password is the one in the environment of the Connect process',
  });
}

export function failedConnector(what: string, trace: string): FatalError {
  return new FatalError({
    code: 'CONNECTOR_FAILED',
    message: `${what} failed: ${trace}`,
    wayOut:
      'correct what it names, then run `history-cdc connector restart`; `connector status --json` has the whole trace',
  });
}

export function incompleteConnector(config: Config): FatalError {
  return new FatalError({
    code: 'CONNECTOR_INCOMPLETE',
    message:
      'the connector streams, but its initial snapshot was never completed, so rows that were in the table before are not in the topic. If a snapshot fails or is stopped before its first row, Debezium takes it for completed (connectors/README.md)',
    wayOut: asWayOut(beginAnew(config)),
  });
}

export function silentConnector(seconds: number, seen: string): FatalError {
  return new FatalError({
    code: 'CONNECTOR_SILENT',
    message: `nothing came through the connector's topics for ${String(seconds)} s; ${seen}`,
    wayOut: [
      'likely causes, the likeliest first:',
      '- a transaction older than the connector is still open in the legacy database: the slot waits for its end (pg_stat_activity, xact_start)',
      '- the worker cannot reach the database, the registry or Kafka under the address that it was given, or its snapshot query fails: look at its log',
      '- the table history_cdc_source.heartbeat is not in the publication, or LEGACY_DATABASE_URL is another database than CONNECTOR_DATABASE_URL',
      '- a topic was deleted while it ran: `history-cdc connector restart`',
    ].join(INDENT),
  });
}
