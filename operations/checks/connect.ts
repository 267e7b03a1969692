import { summarizeTrace } from './liveness.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { planConnector } from '../../connectors/deploy/plan.ts';
import { lines, shell, type Paste } from '../../lib/quoting.ts';
import { checksOf, error, nothingThere, type Circumstances } from './check.ts';
import { behindBreak, isBroken, resume } from './remedies.ts';
import { failed, notYet, ok, unknown, warning } from './verdict.ts';

/** The release from which a connector can be stopped, and its offsets be read and forgotten. */
const OLDEST_CONNECT = [3, 6] as const;
/** The release from which `offset.mismatch.strategy` guards the slot; seen with this one. */
const SEEN_DEBEZIUM = '3.7.';
const DEBEZIUM = 'io.debezium.connector.postgresql.PostgresConnector';
const noConnector = (circumstances: Circumstances) =>
  nothingThere('there is no connector (see connector-exists)', 'apply', circumstances);

export const CONNECT_CHECKS = checksOf('connect', {
  'connect-reachable': error(
    'Kafka Connect answers',
    ['worker'],
    ({ worker }) => ok(`Kafka Connect ${worker.version}`),
    {
      unreached: (why) =>
        failed(why, 'check CONNECT_URL (`history-cdc config`), and that the Connect workers run'),
    },
  ),
  'connect-version': error('Kafka Connect is 3.6 or later', ['worker'], ({ worker: { version } }) => {
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const [oldestMajor, oldestMinor] = OLDEST_CONNECT;
    const fits = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
    return fits
      ? ok(version)
      : failed(
          `${version}: it cannot read or forget the offsets of a connector`,
          'upgrade the workers: connectors/runtime/pom.xml has the versions that are tested',
        );
  }),
  'connect-cluster': error(
    'Kafka Connect works with the Kafka that we read',
    ['worker', 'brokers'],
    ({ worker: { kafkaClusterId: theirs }, brokers: { clusterId: ours } }) =>
      theirs === ours
        ? ok(`cluster ${ours}`)
        : failed(
            `Connect writes to the cluster ${theirs}, KAFKA_BROKERS is the cluster ${ours}`,
            'KAFKA_BROKERS and CONNECT_URL must belong together (`history-cdc config`)',
          ),
  ),
  'connect-plugin': error(
    "Kafka Connect has Debezium's Postgres connector and the converters",
    ['plugins'],
    ({ plugins }, { config }) => {
      const needed = [DEBEZIUM, ...convertersOf(config as DesiredConfig)];
      const missing = needed.filter((name) => !plugins.some((plugin) => plugin.class === name));
      const fix =
        'put the plugins of connectors/runtime/connect-plugins/pom.xml into plugin.path of every worker, and restart it';
      if (missing.length > 0) return failed(`missing: ${missing.join(', ')}`, fix);
      const version = plugins.find((plugin) => plugin.class === DEBEZIUM)?.version ?? 'unknown';
      return version.startsWith(SEEN_DEBEZIUM)
        ? ok(`Debezium ${version}`)
        : warning(`Debezium ${version}: everything here was seen with 3.7`, fix);
    },
    { settings: ['CONNECTOR_DATABASE_URL'] },
  ),
  'connector-exists': error(
    'Kafka Connect has our connector',
    ['connector'],
    ({ connector: { config: found } }, { config, deployed }) => {
      if (found !== undefined) return ok(config.CONNECTOR_NAME);
      const evidence = `there is no connector ${config.CONNECTOR_NAME}`;
      return deployed
        ? failed(`${evidence}, and its slot or its topics are there`, 'history-cdc connector apply')
        : notYet(evidence, 'apply');
    },
  ),
  'connector-drift': error(
    "the connector's configuration is the one of this release",
    ['connector'],
    ({ connector: { config: actual } }, circumstances) => {
      if (actual === undefined) return noConnector(circumstances);
      const desired = desiredConnector(circumstances.config as DesiredConfig);
      const { config: changes } = planConnector(desired, { config: actual, topics: [] });
      if (changes.length === 0) return ok(`${String(Object.keys(actual).length)} settings`);
      const words = { added: 'is missing', removed: 'is not ours', changed: 'differs' };
      return failed(
        changes.map(({ kind, key }) => `${key} ${words[kind]}`).join(', '),
        'history-cdc connector plan   # shows it\nhistory-cdc connector apply',
      );
    },
    { settings: ['CONNECTOR_DATABASE_URL'] },
  ),
  'connector-tasks': error(
    'the connector and its task run',
    ['connector'],
    ({ connector: { status, config: found } }, circumstances) => {
      if (found === undefined) return noConnector(circumstances);
      if (status === undefined) return unknown('Kafka Connect has just heard of it');
      const parts = [
        { what: 'connector', ...status.connector },
        ...status.tasks.map((task) => ({ what: `task ${String(task.id)}`, ...task })),
      ];
      if (status.tasks.length === 0 && status.connector.state === 'RUNNING')
        return failed('it has no task', 'history-cdc connector restart');
      const down = parts.filter(({ state }) => state !== 'RUNNING');
      if (down.length === 0) return ok(parts.map(({ what }) => `${what} RUNNING`).join(', '));
      const isPaused = down.every(({ state }) => state === 'PAUSED' || state === 'STOPPED');
      return failed(
        down
          .map(({ what, state, trace }) =>
            trace === undefined ? `${what} ${state}` : `${what} ${state}: ${summarizeTrace(trace)}`,
          )
          .join('; '),
        isPaused ? resume(circumstances) : restart(circumstances, down.some(isTooLarge)),
      );
    },
  ),
});

/** By the class of the exception: the row is larger than the connector may send. */
function isTooLarge({ trace = '' }: { readonly trace?: string | undefined }): boolean {
  return /\bRecordTooLargeException\b/.test(trace);
}

/** Restarted over a slot that is another one, the connector would read on behind the hole. */
function restart(circumstances: Circumstances, tooLarge: boolean): Paste {
  if (isBroken(circumstances)) return behindBreak(circumstances);
  if (tooLarge)
    return lines(
      shell`history-cdc doctor --only largest-row,topic-settings   # prints the lines that raise the limit`,
      shell`history-cdc connector restart`,
    );
  return lines(
    shell`history-cdc connector status --json   # the whole trace; mend what it names`,
    shell`history-cdc connector restart`,
  );
}

function convertersOf(config: DesiredConfig): string[] {
  const { config: wanted } = desiredConnector(config);
  return [...new Set([wanted['key.converter'], wanted['value.converter']])].flatMap((name) => name ?? []);
}
