/** Fixes that several checks share, as commands with the names filled in: what is printed is what is pasted. */
import pg from 'pg';
import type { Config } from '../../consumers/lib/config.ts';
import { topicNames } from '../../consumers/lib/names.ts';
import type { ServerFacts } from './postgres-facts.ts';

type KafkaTool = 'kafka-configs.sh' | 'kafka-topics.sh';
type KafkaPlace = Pick<Config, 'KAFKA_BROKERS' | 'KAFKA_TLS' | 'KAFKA_SASL_MECHANISM'>;

/** A command of Kafka's own tools; where the brokers want TLS or a login, with the file that tells it. */
export function kafkaTool(tool: KafkaTool, rest: string, config: KafkaPlace): string {
  const where = config.KAFKA_BROKERS?.join(',') ?? '$KAFKA_BROKERS';
  const login =
    config.KAFKA_TLS || config.KAFKA_SASL_MECHANISM !== undefined
      ? ' --command-config client.properties'
      : '';
  return `${tool} --bootstrap-server ${where}${login} ${rest}`;
}

export function alterTopic(topic: string, setting: string, config: KafkaPlace): string {
  return kafkaTool(
    'kafka-configs.sh',
    `--alter --entity-type topics --entity-name ${topic} --add-config ${setting}`,
    config,
  );
}

export function deleteTopic(topic: string, config: KafkaPlace): string {
  return kafkaTool('kafka-topics.sh', `--delete --if-exists --topic ${topic}`, config);
}

/**
 * The steps of docs/running.md, "A new topic with a whole snapshot". The notifications go with the data topic: while they
 * say that a snapshot was completed, `apply` takes a missing data topic for lost.
 */
export function newSnapshot(config: Config): string {
  const { data, notifications } = topicNames(config);
  return [
    'history-cdc connector delete --forget-offsets  # stop the projectors first: docs/running.md, "A new topic with a whole snapshot"',
    dropSlot(config.SLOT_NAME),
    deleteTopic(data, config),
    deleteTopic(notifications, config),
    'history-cdc connector apply',
    'history-cdc project --accept-new-topic',
  ].join('\n');
}

function dropSlot(slot: string): string {
  return `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${pg.escapeLiteral(slot)};`;
}

const USUAL_CAP_GIGABYTES = 50;
const CAP = 'max_slot_wal_keep_size';
type SettableServer = Pick<ServerFacts, 'capMegabytes' | 'onCommandLine'>;

/** A bound on WAL that is larger than the one that is there. */
export function raiseCap({ capMegabytes, onCommandLine }: SettableServer): string {
  const gigabytes = Math.max(USUAL_CAP_GIGABYTES, Math.ceil((2 * capMegabytes) / 1024));
  const value = `${String(gigabytes)}GB`;
  if (onCommandLine.includes(CAP)) return onItsCommandLine(CAP, value);
  return `ALTER SYSTEM SET ${CAP} = '${value}';  -- what the disk can spare\nSELECT pg_reload_conf();`;
}

/** Of a setting that only a start of the server changes. */
export function setAndRestart(setting: string, value: string, { onCommandLine }: SettableServer): string {
  return onCommandLine.includes(setting)
    ? onItsCommandLine(setting, value)
    : `ALTER SYSTEM SET ${setting} = ${value};  -- then restart Postgres`;
}

function onItsCommandLine(setting: string, value: string): string {
  return `# start Postgres with ${setting}=${value}: it is on its command line, which goes before ALTER SYSTEM`;
}
