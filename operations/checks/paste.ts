/** Fixes that several checks share, as commands with the names filled in: what is printed is what is pasted. */
import type { Config } from '../../lib/config.ts';
import { topicNames } from '../../lib/names.ts';
import {
  command,
  keyword,
  lines,
  literal,
  shell,
  sql,
  type Paste,
  type Shell,
  type Sql,
} from '../../lib/quoting.ts';
import type { ServerFacts } from '../facts/postgres.ts';

type KafkaTool = 'kafka-configs.sh' | 'kafka-topics.sh';
type KafkaPlace = Pick<Config, 'KAFKA_BROKERS' | 'KAFKA_TLS' | 'KAFKA_SASL_MECHANISM'>;

/** A command of Kafka's own tools; where the brokers want TLS or a login, with the file that tells it. */
export function kafkaTool(tool: KafkaTool, rest: Shell, config: KafkaPlace): Shell {
  const brokers = config.KAFKA_BROKERS;
  const where =
    brokers === undefined
      ? shell`--bootstrap-server $KAFKA_BROKERS`
      : shell`--bootstrap-server ${brokers.join(',')}`;
  const login = config.KAFKA_TLS || config.KAFKA_SASL_MECHANISM !== undefined;
  const loginFile = login ? [shell`--command-config client.properties`] : [];
  return command(shell`${tool}`, where, ...loginFile, rest);
}

export function alterTopic(topic: string, setting: string, config: KafkaPlace): Shell {
  return kafkaTool(
    'kafka-configs.sh',
    shell`--alter --entity-type topics --entity-name ${topic} --add-config ${setting}`,
    config,
  );
}

export function deleteTopic(topic: string, config: KafkaPlace): Shell {
  return kafkaTool('kafka-topics.sh', shell`--delete --if-exists --topic ${topic}`, config);
}

/**
 * The steps of docs/running.md, "A new topic with a whole snapshot". The notifications go with the data topic: while they
 * say that a snapshot was completed, `apply` takes a missing data topic for lost.
 */
export function newSnapshot(config: Config): Paste {
  const { data, notifications } = topicNames(config);
  return lines<Paste>(
    shell`history-cdc connector delete --forget-offsets  # stop the projectors first: docs/running.md, "A new topic with a whole snapshot"`,
    dropSlot(config.SLOT_NAME),
    deleteTopic(data, config),
    deleteTopic(notifications, config),
    shell`history-cdc connector apply`,
    shell`history-cdc project --accept-new-topic`,
  );
}

function dropSlot(slot: string): Sql {
  return sql`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${literal(slot)};`;
}

const USUAL_CAP_GIGABYTES = 50;
const CAP = 'max_slot_wal_keep_size';
type SettableServer = Pick<ServerFacts, 'capMegabytes' | 'onCommandLine'>;

/** A bound on WAL that is larger than the one that is there. */
export function raiseCap({ capMegabytes, onCommandLine }: SettableServer): Paste {
  const gigabytes = Math.max(USUAL_CAP_GIGABYTES, Math.ceil((2 * capMegabytes) / 1024));
  const value = `${String(gigabytes)}GB`;
  if (onCommandLine.includes(CAP)) return onItsCommandLine(CAP, value);
  return lines(
    sql`ALTER SYSTEM SET ${keyword(CAP)} = ${literal(value)};  -- what the disk can spare`,
    sql`SELECT pg_reload_conf();`,
  );
}

/** Of a setting that only a start of the server changes. */
export function setAndRestart(
  setting: string,
  value: string | number,
  { onCommandLine }: Pick<SettableServer, 'onCommandLine'>,
): Paste {
  return onCommandLine.includes(setting)
    ? onItsCommandLine(setting, String(value))
    : sql`ALTER SYSTEM SET ${keyword(setting)} = ${typeof value === 'number' ? value : literal(value)};  -- then restart Postgres`;
}

function onItsCommandLine(setting: string, value: string): Shell {
  return shell`# start Postgres with ${setting}=${value}: it is on its command line, which goes before ALTER SYSTEM`;
}
