import { FatalError } from './errors.ts';
import { CLIENT_ID, KafkaJSProtocolError } from './kafka.ts';
import type { Admin } from './kafka.ts';
import { FlexibleReader, NO_TAGS, unsignedVarint, type RequestSender } from './kafka-topic-id.ts';
import type { Logger } from './log.ts';

/** A member of our consumer group that is not ours. */
export interface Stranger {
  readonly clientId: string;
  /** The address that the broker sees. */
  readonly host: string;
}

export interface GroupMembers {
  /** How many members are ours. */
  readonly ours: number;
  /** In the order of their names. */
  readonly strangers: readonly Stranger[];
}

interface Member {
  readonly clientId: string;
  readonly clientHost: string;
}

/**
 * Undefined where there is no such group. A group of the rebalance protocol that came with Kafka 4 (KIP-848) is `Dead` to
 * the question that kafkajs has. It is in the list of groups all the same, and its coordinator answers a question of its own.
 */
export async function readGroup(
  admin: Admin,
  group: string,
  askCoordinator: (ask: (sender: RequestSender) => Promise<readonly Member[]>) => Promise<readonly Member[]>,
): Promise<GroupMembers | undefined> {
  const { groups } = await admin.describeGroups([group]);
  const [found] = groups;
  if (found !== undefined && found.state !== 'Dead') return groupMembersOf(found.members);
  const listed = await admin.listGroups();
  if (!listed.groups.some(({ groupId }) => groupId === group)) return undefined;
  return groupMembersOf(await askCoordinator((sender) => requestMembers(sender, group)));
}

function groupMembersOf(members: readonly Member[]): GroupMembers {
  const strangers = members
    .filter(({ clientId }) => clientId !== CLIENT_ID)
    .map(({ clientId, clientHost }) => ({ clientId, host: clientHost.replace(/^\//, '') }))
    .sort((a, b) => (strangerText(a) < strangerText(b) ? -1 : 1));
  return { ours: members.length - strangers.length, strangers };
}

export function strangerText({ clientId, host }: Stranger): string {
  return `${clientId} at ${host}`;
}

const CONSUMER_GROUP_DESCRIBE = 69;
const GROUP_ID_NOT_FOUND = 69;

async function requestMembers(sender: RequestSender, group: string): Promise<readonly Member[]> {
  const name = Buffer.from(group);
  const noOperations = Buffer.from([0]);
  const parts = [NO_TAGS, unsignedVarint(2), unsignedVarint(name.length + 1), name, noOperations, NO_TAGS];
  const body = Buffer.concat(parts);
  const answer = await sender.send({
    request: {
      apiKey: CONSUMER_GROUP_DESCRIBE,
      apiVersion: 0,
      apiName: 'ConsumerGroupDescribe',
      encode: () => Promise.resolve({ buf: body, buffer: body }),
    },
    response: {
      decode: (payload: Buffer) => Promise.resolve(decodeMembers(payload)),
      parse: (decoded: unknown) => Promise.resolve(decoded),
    },
  });
  const { errorCode, members } = answer as ReturnType<typeof decodeMembers>;
  if (errorCode === GROUP_ID_NOT_FOUND) return [];
  if (errorCode !== 0) throw new Error(`Kafka answered error code ${String(errorCode)} for group ${group}`);
  return members;
}

/** The order of the fields is that of ConsumerGroupDescribe version 0 in the protocol guide of Apache Kafka. */
export function decodeMembers(payload: Buffer) {
  const reader = new FlexibleReader(payload);
  reader.skipTags(); // ends the response header
  reader.int32(); // throttle time
  if (reader.length() !== 1) throw new Error('Kafka did not answer for exactly one group');
  const errorCode = reader.int16();
  reader.string(); // error message
  reader.string(); // group id
  reader.string(); // state
  reader.int32(); // group epoch
  reader.int32(); // assignment epoch
  reader.string(); // assignor
  const members: Member[] = [];
  for (let left = reader.length(); left > 0; left--) members.push(readMember(reader));
  return { errorCode, members };
}

function readMember(reader: FlexibleReader): Member {
  reader.string(); // member id
  reader.string(); // instance id
  reader.string(); // rack
  reader.int32(); // member epoch
  const clientId = reader.string();
  const clientHost = reader.string();
  for (let topics = reader.length(); topics > 0; topics--) reader.string();
  reader.string(); // regular expression of topics
  skipAssignment(reader);
  skipAssignment(reader); // the target assignment
  reader.skipTags();
  return { clientId, clientHost };
}

function skipAssignment(reader: FlexibleReader): void {
  for (let topics = reader.length(); topics > 0; topics--) {
    reader.uuid();
    reader.string();
    for (let partitions = reader.length(); partitions > 0; partitions--) reader.int32();
    reader.skipTags();
  }
  reader.skipTags();
}

/** Also the remedy of the check. */
export const GROUP_WAY_OUT =
  'stop that client, or give it a group of its own (its group.id); or set CONSUMER_GROUP to a name that nobody uses, for every projector of this database: no row is lost, because the offsets that count are in Postgres';

type Describe = () => Promise<GroupMembers | undefined>;

/** None if Kafka does not tell. */
async function strangersIn(describe: Describe): Promise<readonly string[]> {
  const members = await describe().catch(() => undefined);
  return members?.strangers.map(strangerText) ?? [];
}

/** A stranger that shares the partitions out as we do gets some of them, without any error. Only a look shows it. */
export async function warnOfStrangers(group: string, describe: Describe, logger: Logger): Promise<void> {
  const strangers = await strangersIn(describe);
  if (strangers.length > 0)
    logger.warn(
      { group, strangers },
      'another application is in the consumer group, and nobody projects the partitions that it gets',
    );
}

/** Undefined unless the group's members share the partitions out in a way that we do not know, so that we cannot join. */
export async function groupTaken(
  error: unknown,
  group: string,
  describe: Describe,
): Promise<FatalError | undefined> {
  const isTaken = error instanceof KafkaJSProtocolError && error.type === 'INCONSISTENT_GROUP_PROTOCOL';
  if (!isTaken) return undefined;
  const who = (await strangersIn(describe)).join(', ');
  return new FatalError({
    code: 'GROUP_TAKEN',
    message: `the consumer group ${group} is in use by another application: ${who === '' ? 'Kafka does not say which' : who}`,
    wayOut: GROUP_WAY_OUT,
    facts: { group, strangers: who },
    cause: error,
  });
}
