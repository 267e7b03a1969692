import { describe, expect, test } from 'vitest';
import { KafkaJSGroupCoordinatorNotFound, KafkaJSProtocolError } from '../../consumers/lib/kafka.ts';
import { groupNotAllowed, isAnswerForgotten, notAllowed } from '../../consumers/lib/kafka-way-in.ts';

/** As kafkajs gives what a broker answers. */
const answered = (type: string) =>
  new KafkaJSProtocolError(Object.assign(new Error(type), { type, code: 30 }));
const retried = (cause: Error) => new Error('it gave up', { cause });
const group = 'projectors.explain.7';

describe('a group that a user may not use', () => {
  test.each([
    ['as it was answered', answered('GROUP_AUTHORIZATION_FAILED')],
    ['behind retries', retried(answered('GROUP_AUTHORIZATION_FAILED'))],
  ])('is named with the rule that is missing, %s', (_, error) => {
    const told = groupNotAllowed(error, { group, groups: 'projectors', user: 'reader' });
    expect(told).toMatchObject({
      code: 'KAFKA_REFUSED',
      message: 'Kafka does not let the user reader into the consumer group projectors.explain.7',
      cause: error,
    });
    expect(told?.wayOut).toContain('the groups whose names begin with projectors,');
    expect(told?.wayOut).toContain(
      '--add --allow-principal User:reader --group projectors --resource-pattern-type prefixed --operation Read --operation Delete',
    );
  });

  test('by a user without a login of ours', () => {
    const told = groupNotAllowed(answered('GROUP_AUTHORIZATION_FAILED'), {
      group,
      groups: group,
      user: undefined,
    });
    expect(told?.message).toBe('Kafka does not let this user into the consumer group projectors.explain.7');
    expect(told?.wayOut).toContain('User:NAME ');
  });
});

test.each([
  ['a topic that the user may not read', answered('TOPIC_AUTHORIZATION_FAILED')],
  ['a group that rebalances', answered('REBALANCE_IN_PROGRESS')],
  ['a connection that broke', new Error('read ECONNRESET')],
  ['nothing', undefined],
])('%s is no refusal of a group', (_, error) => {
  expect(groupNotAllowed(error, { group, groups: group, user: 'reader' })).toBeUndefined();
  expect(isAnswerForgotten(error)).toBe(false);
});

test('a topic that the user may not read is named by what was to be done', () => {
  const told = notAllowed(answered('TOPIC_AUTHORIZATION_FAILED'), 'read a topic');
  expect(told?.message).toBe('Kafka does not let the user of KAFKA_SASL_USERNAME read a topic');
});

test('where kafkajs has forgotten what it was answered, the broker has to be asked again', () => {
  // Its types know nothing of the message that it cannot do without.
  const forgotten = Reflect.construct(KafkaJSGroupCoordinatorNotFound, ['not found']) as Error;
  expect(isAnswerForgotten(forgotten)).toBe(true);
  expect(isAnswerForgotten(retried(forgotten))).toBe(true);
  expect(groupNotAllowed(forgotten, { group, groups: group, user: 'reader' })).toBeUndefined();
});
