import { describe, expect, test } from 'vitest';
import type { DesiredConnector } from '../../connectors/deploy/desired.ts';
import { isClean, planConnector, printable } from '../../connectors/deploy/plan.ts';

const desired: DesiredConnector = {
  name: 'c',
  config: { name: 'c', 'a.setting': '1', 'database.password': '${env:PASSWORD}' },
  topics: [
    {
      name: 'data',
      partitions: 4,
      replication: 1,
      config: { 'retention.ms': '-1', 'cleanup.policy': 'delete' },
    },
    { name: 'small', partitions: 1, replication: 1, config: { 'retention.ms': '1000' } },
  ],
};
const data = { name: 'data', partitions: 4, config: { 'retention.ms': '-1', 'cleanup.policy': 'delete' } };
const small = { name: 'small', partitions: 1, config: { 'retention.ms': '1000' } };

describe('plan', () => {
  test('of what is as it should be is clean', () => {
    const plan = planConnector(desired, { config: { ...desired.config }, topics: [small, data] });
    expect(plan).toEqual({ connector: 'unchanged', config: [], topics: [] });
    expect(isClean(plan)).toBe(true);
  });

  test('of nothing creates everything', () => {
    const plan = planConnector(desired, { config: undefined, topics: [] });
    expect(plan.connector).toBe('create');
    expect(plan.config.map(({ kind, key }) => [kind, key])).toEqual([
      ['added', 'name'],
      ['added', 'a.setting'],
      ['added', 'database.password'],
    ]);
    expect(plan.topics.map(({ kind, topic }) => [kind, topic])).toEqual([
      ['missing', 'data'],
      ['missing', 'small'],
    ]);
    expect(isClean(plan)).toBe(false);
  });

  test('names added, changed and removed settings', () => {
    const actual = { name: 'c', 'a.setting': '2', 'b.setting': 'x' };
    expect(planConnector(desired, { config: actual, topics: [data, small] })).toEqual({
      connector: 'update',
      config: [
        { kind: 'changed', key: 'a.setting', actual: '2', desired: '1' },
        { kind: 'added', key: 'database.password', desired: '${env:PASSWORD}' },
        { kind: 'removed', key: 'b.setting', actual: 'x' },
      ],
      topics: [],
    });
  });

  test('names every difference of a topic, and is not clean for it', () => {
    const topics = [{ ...data, partitions: 1, config: { 'cleanup.policy': 'compact' } }, small];
    const plan = planConnector(desired, { config: { ...desired.config }, topics });
    expect(plan.topics).toEqual([
      { kind: 'different', topic: 'data', what: 'partitions', actual: '1', desired: '4' },
      { kind: 'different', topic: 'data', what: 'retention.ms', actual: 'unset', desired: '-1' },
      { kind: 'different', topic: 'data', what: 'cleanup.policy', actual: 'compact', desired: 'delete' },
    ]);
    expect(isClean(plan)).toBe(false);
  });

  test('does not show a secret that somebody wrote into Connect', () => {
    const actual = { ...desired.config, 'database.password': 'hunter2', 'x.sasl.jaas.config': 'hunter2' };
    const plan = planConnector(desired, { config: actual, topics: [data, small] });
    expect(plan.config).toHaveLength(2);
    expect(JSON.stringify(plan)).not.toContain('hunter2');
  });
});

test.each([
  ['database.password', '${env:P}', '${env:P}'],
  ['database.password', '${env:P}x', '***'],
  ['database.sslpassword', 'x', '***'],
  ['key.converter.basic.auth.user.info', 'u:p', '***'],
  ['some.url', 'http://u:p@h/x', 'http://u:***@h/x'],
  ['some.url', 'http://h:80/x', 'http://h:80/x'],
  ['heartbeat.action.query', "a::text '${x}'", "a::text '${x}'"],
])('%s=%s is printed as %s', (key, value, shown) => {
  expect(printable(key, value)).toBe(shown);
});
