import { summarizeTrace } from './liveness.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { planConnector } from '../../connectors/deploy/plan.ts';
import { check, nothingThere, type Circumstances } from './check.ts';
import { failed, notYet, ok, unknown, warning } from './verdict.ts';

/** The release from which a connector can be stopped, and its offsets be read and forgotten. */
const OLDEST_CONNECT = [3, 6] as const;
/** The release from which `offset.mismatch.strategy` guards the slot; seen with this one. */
const SEEN_DEBEZIUM = '3.7.';
const DEBEZIUM = 'io.debezium.connector.postgresql.PostgresConnector';
const noConnector = (circumstances: Circumstances) =>
  nothingThere('there is no connector (see connector-exists)', 'apply', circumstances);

export const CONNECT_CHECKS = [
  check({
    id: 'connect-reachable',
    group: 'connect',
    severity: 'error',
    title: 'Kafka Connect answers',
    needs: ['worker'],
    judge: ({ worker }) => ok(`Kafka Connect ${worker.version}`),
    unreached: (why) =>
      failed(why, 'check CONNECT_URL (`history-cdc config`), and that the Connect workers run'),
  }),
  check({
    id: 'connect-version',
    group: 'connect',
    severity: 'error',
    title: 'Kafka Connect is 3.6 or later',
    needs: ['worker'],
    judge: ({ worker: { version } }) => {
      const [major = 0, minor = 0] = version.split('.').map(Number);
      const [oldestMajor, oldestMinor] = OLDEST_CONNECT;
      const fits = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
      return fits
        ? ok(version)
        : failed(
            `${version}: it cannot read or forget the offsets of a connector`,
            'upgrade the workers: connectors/runtime/pom.xml has the versions that are tested',
          );
    },
  }),
  check({
    id: 'connect-cluster',
    group: 'connect',
    severity: 'error',
    title: 'Kafka Connect works with the Kafka that we read',
    needs: ['worker', 'brokers'],
    judge: ({ worker: { kafkaClusterId: theirs }, brokers: { clusterId: ours } }) =>
      theirs === ours
        ? ok(`cluster ${ours}`)
        : failed(
            `Connect writes to the cluster ${theirs}, KAFKA_BROKERS is the cluster ${ours}`,
            'KAFKA_BROKERS and CONNECT_URL must belong together (`history-cdc config`)',
          ),
  }),
  check({
    id: 'connect-plugin',
    group: 'connect',
    severity: 'error',
    title: "Kafka Connect has Debezium's Postgres connector and the converters",
    needs: ['plugins'],
    judge: ({ plugins }, { config }) => {
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
  }),
  check({
    id: 'connector-exists',
    group: 'connect',
    severity: 'error',
    title: 'Kafka Connect has our connector',
    needs: ['connector'],
    judge: ({ connector: { config: found } }, { config, deployed }) => {
      if (found !== undefined) return ok(config.CONNECTOR_NAME);
      const evidence = `there is no connector ${config.CONNECTOR_NAME}`;
      return deployed
        ? failed(`${evidence}, and its slot or its topics are there`, 'history-cdc connector apply')
        : notYet(evidence, 'apply');
    },
  }),
  check({
    id: 'connector-drift',
    group: 'connect',
    severity: 'error',
    title: "the connector's configuration is the one of this release",
    needs: ['connector'],
    judge: ({ connector: { config: actual } }, circumstances) => {
      if (actual === undefined) return noConnector(circumstances);
      const plan = planConnector(desiredConnector(circumstances.config as DesiredConfig), {
        config: actual,
        topics: [],
      });
      if (plan.config.length === 0) return ok(`${String(Object.keys(actual).length)} settings`);
      return failed(
        plan.config
          .map(
            ({ kind, key }) =>
              `${key} ${kind === 'added' ? 'is missing' : kind === 'removed' ? 'is not ours' : 'differs'}`,
          )
          .join(', '),
        'history-cdc connector plan   # shows it\nhistory-cdc connector apply',
      );
    },
  }),
  check({
    id: 'connector-tasks',
    group: 'connect',
    severity: 'error',
    title: 'the connector and its task run',
    needs: ['connector'],
    judge: ({ connector: { status, config: found } }, circumstances) => {
      if (found === undefined) return noConnector(circumstances);
      if (status === undefined) return unknown('Kafka Connect has just heard of it');
      const parts = [
        { what: 'connector', ...status.connector },
        ...status.tasks.map((task) => ({ what: `task ${String(task.id)}`, ...task })),
      ];
      if (status.tasks.length === 0 && status.connector.state === 'RUNNING') {
        return failed('it has no task', 'history-cdc connector restart');
      }
      const down = parts.filter(({ state }) => state !== 'RUNNING');
      if (down.length === 0) return ok(parts.map(({ what }) => `${what} RUNNING`).join(', '));
      const paused = down.every(({ state }) => state === 'PAUSED' || state === 'STOPPED');
      return failed(
        down
          .map(
            ({ what, state, trace }) =>
              `${what} ${state}${trace === undefined ? '' : `: ${summarizeTrace(trace)}`}`,
          )
          .join('; '),
        paused
          ? 'history-cdc connector resume'
          : 'history-cdc connector status --json   # the whole trace; mend what it names\nhistory-cdc connector restart',
      );
    },
  }),
];

function convertersOf(config: DesiredConfig): string[] {
  const { config: wanted } = desiredConnector(config);
  return [...new Set([wanted['key.converter'], wanted['value.converter']])].flatMap((name) => name ?? []);
}
