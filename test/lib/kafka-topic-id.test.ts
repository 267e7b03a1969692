import { describe, expect, test } from 'vitest';
import { requestTopicIdentity } from '../../lib/kafka-topic-id.ts';

// Recorded from a Kafka 4.3.1 broker: Metadata version 10, header included, as kafkajs hands the answer over.
const TOPIC = 'aao.public.agent_test_history';
const REQUEST =
  '0002000000000000000000000000000000001e61616f2e7075626c69632e6167656e745f746573745f686973746f72790000000000';
const ONE_BROKER = '000000000002000000010a3132372e302e302e31000050c80000';
const CLUSTER = '176b66344a507278745638444259616e3132335f44794100000001';
const ANSWER = `${ONE_BROKER}${CLUSTER}0200001e61616f2e7075626c69632e6167656e745f746573745f686973746f72797439c34979444819afd434a9c86bfcdd000400000000000000000001000000000200000001020000000101000000000000010000000100000000020000000102000000010100000000000002000000010000000002000000010200000001010080000000008000000000`;
const ANSWER_UNKNOWN = `${ONE_BROKER}${CLUSTER}0200030e6e6f2e737563682e746f70696300000000000000000000000000000000000180000000008000000000`;

interface Exchange {
  readonly request: { apiKey: number; apiVersion: number; encode(): Promise<{ buffer: Buffer }> };
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
}

/** A broker that gives this answer, by the way that kafkajs takes. */
function brokerThatAnswers(hex: string) {
  const sent: { apiKey: number; apiVersion: number; body: string }[] = [];
  return {
    sent,
    send: async (exchange: { readonly request: object; readonly response: object }) => {
      const { request, response } = exchange as Exchange;
      const { buffer } = await request.encode();
      sent.push({ apiKey: request.apiKey, apiVersion: request.apiVersion, body: buffer.toString('hex') });
      return await response.parse(await response.decode(Buffer.from(hex, 'hex')));
    },
  };
}

describe('the identity of a topic', () => {
  test('is asked for in the bytes that the broker understood', async () => {
    const broker = brokerThatAnswers(ANSWER);
    await requestTopicIdentity(broker, TOPIC);
    expect(broker.sent).toEqual([{ apiKey: 3, apiVersion: 10, body: REQUEST }]);
  });

  test('is its id as a lower-case UUID, and its partitions', async () => {
    expect(await requestTopicIdentity(brokerThatAnswers(ANSWER), TOPIC)).toEqual({
      topicId: '7439c349-7944-4819-afd4-34a9c86bfcdd',
      partitions: 3,
    });
  });

  test('is undefined where there is no such topic', async () => {
    expect(await requestTopicIdentity(brokerThatAnswers(ANSWER_UNKNOWN), 'no.such.topic')).toBeUndefined();
  });

  test('is found behind several brokers with racks and fields of later versions', async () => {
    const rack = '0672616b6b61'; // "rakka"
    const field = '010702abcd'; // one tagged field, number 7, two bytes
    const broker = (id: string) => `${id}0a3132372e302e302e31000050c8${rack}${field}`;
    const answer = ANSWER.replace(ONE_BROKER, `000000000003${broker('00000001')}${broker('00000002')}`);
    expect(answer).not.toBe(ANSWER);
    expect(await requestTopicIdentity(brokerThatAnswers(answer), TOPIC)).toMatchObject({ partitions: 3 });
  });

  test('of a topic with more partitions than a byte can say', async () => {
    // 300 + 1 as an unsigned varint is ad 02; what comes behind the count is not read.
    const answer = ANSWER.replace('bfcdd0004000000', 'bfcdd00ad02000000');
    expect(answer).not.toBe(ANSWER);
    expect(await requestTopicIdentity(brokerThatAnswers(answer), TOPIC)).toMatchObject({ partitions: 300 });
  });

  test('for a name of more than 127 bytes is asked for with a longer length', async () => {
    const name = 't'.repeat(249);
    const broker = brokerThatAnswers(ANSWER);
    await requestTopicIdentity(broker, name);
    expect(broker.sent[0]?.body).toContain(`fa01${Buffer.from(name).toString('hex')}`);
  });

  test('is refused where the broker answers with another error, or for another number of topics', async () => {
    const denied = ANSWER_UNKNOWN.replace(`${CLUSTER}020003`, `${CLUSTER}02001d`);
    await expect(requestTopicIdentity(brokerThatAnswers(denied), TOPIC)).rejects.toThrow('error code 29');
    const none = `${ONE_BROKER}${CLUSTER}01`;
    await expect(requestTopicIdentity(brokerThatAnswers(none), TOPIC)).rejects.toThrow('exactly one topic');
  });
});
