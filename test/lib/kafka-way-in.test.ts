import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import {
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSProtocolError,
  KafkaJSSASLAuthenticationError,
  type KafkaSettings,
} from '../../lib/kafka.ts';
import { groupNotAllowed, isAnswerForgotten, notAllowed, unreachable } from '../../lib/kafka-way-in.ts';

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

describe('where no broker answers, the settings to look at are those of', () => {
  const BROKERS = ['one:9092', 'two:9092'];
  const settings: KafkaSettings = { ...loadConfig({}, undefined), KAFKA_BROKERS: BROKERS };
  const coded = (code: string) => Object.assign(new Error('x'), { code });
  const closed = Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' });
  const login = Reflect.construct(KafkaJSSASLAuthenticationError, ['no such user']) as Error;
  const elsewhere = /^check KAFKA_BROKERS and the TLS and SASL settings/;
  const tls = { KAFKA_TLS: true };
  const sasl = { KAFKA_SASL_MECHANISM: 'scram-sha-512' } as const;

  test.each<[string, [Error, Partial<KafkaSettings>], RegExp]>([
    ['the authority', [coded('CERT_UNTRUSTED'), tls], /^set KAFKA_TLS_CA_FILE /],
    ['the host', [coded('ERR_TLS_CERT_ALTNAME_INVALID'), tls], /^in KAFKA_BROKERS, /],
    ['the login', [retried(login), {}], /^the broker knows no such user .*: set KAFKA_SASL_USERNAME and /],
    ['TLS and login', [closed, {}], /: set KAFKA_TLS=true and KAFKA_SASL_MECHANISM$/],
    ['TLS, where there is a login', [retried(closed), sasl], /: set KAFKA_TLS=true$/],
    ['login, where there is TLS', [closed, tls], /: set KAFKA_SASL_MECHANISM$/],
    ['none of them, where both are set', [closed, { ...tls, ...sasl }], elsewhere],
    ['none of them, where nobody listens', [coded('ECONNREFUSED'), {}], elsewhere],
  ])('%s', (_, [error, given], wayOut) => {
    const told = unreachable(error, { ...settings, ...given });
    expect(told).toMatchObject({ code: 'KAFKA_UNREACHABLE', cause: error });
    expect(told.message).toBe(`no Kafka broker answers at one:9092, two:9092: ${error.message}`);
    expect(told.wayOut).toMatch(wayOut);
  });
});

test.each([
  ['a group that rebalances', answered('REBALANCE_IN_PROGRESS')],
  ['a connection that broke', new Error('read ECONNRESET')],
  ['nothing', undefined],
])('%s is no refusal', (_, error) => {
  expect(notAllowed(error, 'read a topic')).toBeUndefined();
});

test('causes that go round in a circle come to an end', () => {
  const error: Error & { cause?: unknown } = new Error('round');
  error.cause = error;
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
