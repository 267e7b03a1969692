import { FatalError } from '../../lib/errors.ts';
import type { ConfigProblem } from '../../connectors/deploy/connect-client.ts';
import { printable, type TopicChange } from '../../connectors/deploy/plan.ts';
import { shell } from '../../lib/quoting.ts';

/** How `apply` fails: what is wrong, and the way out. */
const list = (lines: readonly string[]) => lines.map((line) => `  - ${line}`).join('\n');
const INDENT = '\n           ';

const START_OVER =
  'start over: `history-cdc connector delete --forget-offsets`, drop the replication slot, delete the topics, `history-cdc connector apply`';

export function unfitSource(problems: readonly string[]): FatalError {
  return new FatalError({
    code: 'DATABASE_UNFIT',
    message: `the legacy database is not ready for the connector:\n${list(problems)}`,
    wayOut:
      '`history-cdc connector sql` prints the script that makes the role, the tables, the publication and the grants: a role that may do so runs it. `history-cdc doctor` prints the fix for everything else',
  });
}

/** A topic is created, never changed: what it holds may depend on how it is, the place of every key first of all. */
export function unfitTopics(changes: readonly Extract<TopicChange, { kind: 'different' }>[]): FatalError {
  const fixes = changes.map(({ topic, what, actual, desired }) =>
    what === 'partitions'
      ? `set TOPIC_PARTITIONS=${actual} if ${topic} is to stay, for keys would move; delete the topic if it is empty and nobody reads it`
      : shell`kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${`${what}=${desired}`}`,
  );
  return new FatalError({
    code: 'TOPIC_UNFIT',
    message: `topics exist and are not as they have to be:\n${list(
      changes.map(({ topic, what, actual, desired }) => `${topic}: ${what} is ${actual}, must be ${desired}`),
    )}`,
    wayOut: fixes.join(INDENT),
  });
}

/** The connector would go on behind its stored offset: what the topic held would not come again. */
export function lostDataTopic(topic: string): FatalError {
  return new FatalError({
    code: 'TOPIC_MISSING',
    message: `${topic} is gone, and the connector has worked before: it would not be filled anew`,
    wayOut: START_OVER,
  });
}

export function rejectedConfig(problems: readonly ConfigProblem[]): FatalError {
  return new FatalError({
    code: 'CONNECTOR_REJECTED',
    message: `Kafka Connect does not accept the configuration:\n${list(
      problems.map(({ key, errors }) => `${key}: ${errors.map((text) => printable(key, text)).join('; ')}`),
    )}`,
    wayOut:
      'mend what each line names, in the settings (`history-cdc config`) or in connectors/agent-test-history.json; the password is the one in the environment of the Connect process',
  });
}

export function failedConnector(what: string, trace: string): FatalError {
  return new FatalError({
    code: 'CONNECTOR_FAILED',
    message: `${what} failed: ${trace}`,
    wayOut:
      'mend what it names, then `history-cdc connector restart`; the whole trace is in `connector status --json`',
  });
}

export function incompleteConnector(): FatalError {
  return new FatalError({
    code: 'CONNECTOR_INCOMPLETE',
    message:
      'the connector streams, but its initial snapshot was never completed: rows that were in the table before are not in the topic',
    wayOut: `${START_OVER}${INDENT}(Debezium takes a snapshot for done when it failed, or was stopped, before its first row: connectors/README.md)`,
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
