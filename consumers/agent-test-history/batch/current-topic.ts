/**
 * Says which topic the ledger belongs to. The ledger belongs to one topic at a time, the one with the highest
 * generation. Every reader refuses all other topics until a person accepts one. Positions of different topics have no
 * order, so without this an event of another topic, or of a former one, could put old content over newer content.
 */
import { FatalError } from '../../../lib/errors.ts';
import type { Client } from '../../../lib/postgres.ts';

export interface TopicInUse {
  readonly topicId: string;
  readonly name: string;
  readonly partitions: number;
}

const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.topic', 0))";
const CURRENT = `
  SELECT topic_id AS "topicId", name, partitions FROM history_cdc.topic ORDER BY generation DESC LIMIT 1`;
const PARTITIONS = 'SELECT partitions FROM history_cdc.topic WHERE topic_id = $1';
const MAKE_CURRENT = `
  INSERT INTO history_cdc.topic AS t (topic_id, name, partitions, generation)
  SELECT $1, $2, $3, coalesce(max(generation), 0) + 1 FROM history_cdc.topic
  ON CONFLICT (topic_id) DO UPDATE SET generation = excluded.generation`;
/** Outdates the claims of projectors that still read another topic. */
const FENCE_OTHERS = `
  UPDATE history_cdc.consumer_offset SET epoch = epoch + 1, projector = 'history-cdc: another topic was accepted'
  WHERE topic_id <> $1`;

/** Undefined if nothing has been projected yet. */
export async function currentTopic(client: Client): Promise<TopicInUse | undefined> {
  return (await client.query<TopicInUse>(CURRENT)).rows[0];
}

/** Makes the topic the current one, in the transaction of `client`. Throws if it may not become the current one. */
export async function registerTopic(
  client: Client,
  topic: TopicInUse,
  acceptNewTopic: boolean,
): Promise<void> {
  await client.query(LOCK);
  const current = await assertCurrentTopic(client, topic, acceptNewTopic);
  if (current?.topicId === topic.topicId) return;
  await client.query(MAKE_CURRENT, [topic.topicId, topic.name, topic.partitions]);
  await client.query(FENCE_OTHERS, [topic.topicId]);
}

/**
 * Throws unless the ledger belongs to this topic or to none yet, or a person accepts the topic. A different partition
 * count is never accepted: keys have moved between partitions, so an old event could be applied after a newer one.
 */
export async function assertCurrentTopic(
  client: Client,
  topic: TopicInUse,
  acceptNewTopic = false,
): Promise<TopicInUse | undefined> {
  const { rows } = await client.query<{ partitions: number }>(PARTITIONS, [topic.topicId]);
  const [known] = rows;
  if (known !== undefined && known.partitions !== topic.partitions) throw partitionsChanged(topic, known);
  const current = await currentTopic(client);
  if (current !== undefined && current.topicId !== topic.topicId && !acceptNewTopic)
    throw notCurrentTopic(topic, current, known !== undefined);
  return current;
}

function partitionsChanged(topic: TopicInUse, known: Pick<TopicInUse, 'partitions'>): FatalError {
  return new FatalError({
    code: 'PARTITIONS_CHANGED',
    message: `${topic.name} had ${String(known.partitions)} partitions and has ${String(topic.partitions)} now. Keys have moved between partitions, so the order of their events is lost`,
    wayOut:
      'make a new topic with the partitions you want, snapshot the table into it, then run `history-cdc project --accept-new-topic`',
    facts: { topic: topic.name },
  });
}

function notCurrentTopic(
  { name, topicId }: TopicInUse,
  current: TopicInUse,
  wasCurrent: boolean,
): FatalError {
  const earlier = wasCurrent ? ', and belonged to it earlier' : '';
  return new FatalError({
    code: 'TOPIC_RECREATED',
    message: `${name} has topic id ${topicId}${earlier}; the ledger belongs to ${current.name} with topic id ${current.topicId}. Positions of two topics have no order`,
    wayOut:
      'if TOPIC_PREFIX is wrong, correct it; if this is an old pod, stop it; if the topic begins with a whole snapshot of the table, run `history-cdc project --accept-new-topic`',
    facts: { topic: name },
  });
}
