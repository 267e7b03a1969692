/**
 * The remedies that several checks, commands and alarms share. Each is written once, as lines that are pasted in their
 * order, with the names filled in; the way that destroys least comes first, and what destroys says what is lost.
 */
import type { Config } from '../../lib/config.ts';
import { topicNames } from '../../lib/names.ts';
import {
  command,
  constant,
  keyword,
  lines,
  literal,
  shell,
  sql,
  type Paste,
  type Shell,
  type Sql,
} from '../../lib/quoting.ts';
import type { BreakKind } from '../continuity/judge.ts';
import type { ServerFacts } from '../facts/postgres.ts';
import type { Circumstances } from './check.ts';
import { STEPS } from './verdict.ts';

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

export const APPLY_AND_RESTART = 'history-cdc connector apply && history-cdc connector restart';
const RECONCILE = shell`history-cdc reconcile --fresh  # proven, it closes the gap; a row whose delete was lost is named as vanished`;
const READ_AGAIN = shell`history-cdc snapshot start --follow`;

/** The initial snapshot reads the whole table again, into the same topic: everything that the topic holds stays. */
export function beginAnew({ SLOT_NAME: slot }: Pick<Config, 'SLOT_NAME'>): Paste {
  return lines<Paste>(
    shell`history-cdc connector delete --forget-offsets  # so that apply takes a new initial snapshot; the topics stay as they are`,
    dropSlot(slot),
    shell`history-cdc connector apply`,
  );
}

/**
 * The steps of docs/running.md, "A new topic with a whole snapshot". The notifications go with the data topic: while they
 * say that a snapshot was completed, `apply` takes a missing data topic for lost.
 */
export function newTopic(config: Config): Paste {
  const { data, notifications } = topicNames(config);
  return lines<Paste>(
    shell`# This deletes the data topic: its events of rows that are not in the legacy table any more are lost for good; decisions and canonical rows stay.`,
    shell`# Do you accept that, and is TOPIC_PREFIX right (history-cdc config)? If not, stop here.`,
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

type Situation = Pick<Circumstances, 'config' | 'projected' | 'stream'>;

/** The connector must not go on as it is: something is broken, or a gap is open that nobody has accepted. */
export function isBroken({ stream: { breaks, gaps } }: Pick<Situation, 'stream'>): boolean {
  return breaks.length > 0 || gaps.some(({ acceptedAt }) => acceptedAt === null);
}

/** How the connector is told to go on; where that would be refused, the steps behind the break. */
export function resume(situation: Situation): Paste {
  return isBroken(situation) ? behindBreak(situation) : constant('history-cdc connector resume');
}

/** The steps behind what is broken in the stream: `project`, `connector resume`, `doctor` and `status` print the same. */
export function behindBreak({ config, projected, stream }: Situation): Paste {
  const { topicId, breaks, gaps } = stream;
  const unaccepted = gaps.filter(({ acceptedAt }) => acceptedAt === null);
  const ofThisTopic = unaccepted.filter((gap) => gap.topicId === topicId);
  const kinds = new Set([...breaks, ...ofThisTopic].map(({ kind }) => kind));
  const mend = breaks.some(({ mendFirst }) => mendFirst === true) ? [mendPublication()] : [];
  if (kinds.has('topic')) return newTopic(config);
  if (!projected) return lines(...mend, beginAnew(config));
  if (kinds.size === 0 && unaccepted.length === 0) return lines(READ_AGAIN, RECONCILE);
  if (unaccepted.length === 0)
    return lines(
      shell`history-cdc project  # it refuses, and records the break as a gap with a number`,
      shell`history-cdc doctor --only continuity  # then prints the steps with that number`,
    );
  return lines<Paste>(
    ...mend,
    command(
      shell`history-cdc project --accept-gap`,
      ...unaccepted.map(({ id }) => shell`${id}`),
      shell`--until-caught-up  # goes on with what is there now; the gap stays open until it is proven closed`,
    ),
    shell`history-cdc project  # start the projectors again, and leave them running`,
    ...rereads(kinds, config),
    RECONCILE,
  );
}

/** Before the publication carries the stream again, the gap cannot be accepted: see `acceptGaps`. */
export function mendPublication(): Paste {
  return lines(
    constant(STEPS.script),
    shell`history-cdc doctor --only publication,legacy-table,connector-grants  # mend what is red`,
  );
}

/** How the rows come back that the breaks may have cost. */
function rereads(kinds: ReadonlySet<BreakKind>, config: Config): Paste[] {
  if (kinds.has('slot')) return [beginAnew(config)];
  return [
    ...(kinds.has('system') ? [shell`history-cdc connector apply`] : []),
    ...(kinds.has('position') ? [shell`history-cdc connector resume`] : []),
    ...(kinds.has('publication') || kinds.has('timeline') ? [shell`history-cdc connector restart`] : []),
    READ_AGAIN,
  ];
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
