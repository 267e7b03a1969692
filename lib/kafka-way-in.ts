import pRetry from 'p-retry';
import { FatalError, messageOf } from './errors.ts';
import {
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSProtocolError,
  KafkaJSSASLAuthenticationError,
} from './kafka.ts';
import type { KafkaSettings } from './kafka.ts';
import { tlsFaultOf, tlsWayOut } from './tls-errors.ts';
import { shell } from './quoting.ts';

/** kafkajs does not declare this class. */
const CLOSED = 'KafkaJSConnectionClosedError';

/** Why no broker answered, and which setting to look at. */
export function unreachable(error: unknown, settings: KafkaSettings): FatalError {
  return new FatalError({
    code: 'KAFKA_UNREACHABLE',
    message: `no Kafka broker answers at ${settings.KAFKA_BROKERS.join(', ')}: ${messageOf(error)}`,
    wayOut: wayIn(error, settings),
    cause: error,
  });
}

function wayIn(error: unknown, { KAFKA_TLS: tls, KAFKA_SASL_MECHANISM: mechanism }: KafkaSettings): string {
  const fault = tlsFaultOf(error);
  if (fault !== undefined) return tlsWayOut(fault, { ca: 'KAFKA_TLS_CA_FILE', address: 'KAFKA_BROKERS' });
  const causes = causesOf(error);
  if (causes.some((cause) => cause instanceof KafkaJSSASLAuthenticationError)) {
    return 'the broker knows no such user with that password: set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and KAFKA_SASL_MECHANISM to one that the user has a password for';
  }
  if (causes.some((cause) => cause instanceof Error && cause.name === CLOSED)) {
    const lacking = [
      ...(tls ? [] : ['KAFKA_TLS=true']),
      ...(mechanism === undefined ? ['KAFKA_SASL_MECHANISM'] : []),
    ];
    if (lacking.length > 0)
      return `the broker ends the connection, which usually means that it wants TLS or a login: set ${lacking.join(' and ')}`;
  }
  return 'check KAFKA_BROKERS and the TLS and SASL settings (`history-cdc config`), and that the broker runs';
}

/** Undefined if the error is not about the user's rights. */
export function notAllowed(error: unknown, what: string): FatalError | undefined {
  const refused = causesOf(error).some(
    (cause) => cause instanceof KafkaJSProtocolError && cause.type.endsWith('_AUTHORIZATION_FAILED'),
  );
  if (!refused) return undefined;
  return new FatalError({
    code: 'KAFKA_REFUSED',
    message: `Kafka does not let the user of KAFKA_SASL_USERNAME ${what}`,
    wayOut: 'give this user the right (kafka-acls.sh --add), or set KAFKA_SASL_USERNAME to a user who has it',
    cause: error,
  });
}

/** A consumer group, and the user who wants to use it. */
export interface GroupAccess {
  readonly group: string;
  /** The prefix of the names of such groups. */
  readonly groups: string;
  /** Undefined if the user logs in with a certificate, or not at all. */
  readonly user: string | undefined;
}

/** The same for a group. The way out has the missing rule. */
export function groupNotAllowed(
  error: unknown,
  { group, groups, user }: GroupAccess,
): FatalError | undefined {
  if (!causesOf(error).some(isGroupRefusal)) return undefined;
  const whose = user === undefined ? 'this user' : `the user ${user}`;
  const rule = shell`kafka-acls.sh --add --allow-principal ${`User:${user ?? 'NAME'}`} --group ${groups} --resource-pattern-type prefixed --operation Read --operation Delete`;
  return new FatalError({
    code: 'KAFKA_REFUSED',
    message: `Kafka does not let ${whose} into the consumer group ${group}`,
    wayOut: `give this user Read and Delete on the groups whose names begin with ${groups}, because some commands use and then delete a group of their own: ${rule}`,
    cause: error,
  });
}

function isGroupRefusal(cause: unknown): boolean {
  return cause instanceof KafkaJSProtocolError && cause.type === 'GROUP_AUTHORIZATION_FAILED';
}

/** True if kafkajs has lost what the broker answered when it was asked for the coordinator of a group. */
export function isAnswerForgotten(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof KafkaJSGroupCoordinatorNotFound);
}

/** The error of ours that kafkajs has wrapped, if there is one. */
export function wrappedFatal(error: unknown): FatalError | undefined {
  return causesOf(error).find((cause) => cause instanceof FatalError);
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let at = error; at instanceof Error && causes.length < 8; at = at.cause) causes.push(at);
  return causes;
}

const LEADER_UNKNOWN = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE']);

/** Asks again for a while where a partition has no leader, or the leader has just moved. */
export async function untilLeaderKnown<T>(ask: (attempt: number) => Promise<T>): Promise<T> {
  return await pRetry(ask, {
    retries: 10,
    minTimeout: 50,
    maxTimeout: 2_000,
    shouldRetry: ({ error }) => isLeaderUnknown(error),
  });
}

function isLeaderUnknown(error: unknown): boolean {
  return error instanceof KafkaJSProtocolError && LEADER_UNKNOWN.has(error.type);
}

/** What a broker answers to the deletion of a group that does not exist. */
export function isUnknownGroup(groups: unknown): boolean {
  return (
    Array.isArray(groups) &&
    groups.every(
      ({ error }: { error?: unknown }) =>
        error instanceof KafkaJSProtocolError && error.type === 'GROUP_ID_NOT_FOUND',
    )
  );
}
