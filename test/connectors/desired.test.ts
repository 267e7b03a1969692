import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { desiredConnector } from '../../connectors/deploy/desired.ts';
import { SOURCE_SCHEMA, topicNames } from '../../lib/names.ts';
import { connectorSettings } from './config.ts';

const folder = new URL('../../connectors/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8');
const connectorFile = JSON.parse(read('agent-test-history.json')) as { config: Record<string, string> };
const secureSettings = JSON.parse(read('secure-settings.json')) as Record<string, string>;
const jsonConverters = JSON.parse(read('converters-json.json')) as Record<string, string>;

describe('the connector file', () => {
  test('is filled from the settings', () => {
    const { name, config } = desiredConnector(
      connectorSettings({
        CONNECTOR_DATABASE_URL: 'postgresql://my%40role@[::1]/le%20gacy?sslmode=verify-full',
        CONNECTOR_NAME: 'mine',
        TOPIC_PREFIX: 'p1',
        SLOT_NAME: 's1',
        PUBLICATION_NAME: 'pub1',
      }),
    );
    expect(name).toBe('mine');
    expect(config).toMatchObject({
      name: 'mine',
      'database.hostname': '::1',
      'database.port': '5432',
      'database.dbname': 'le gacy',
      'database.user': 'my@role',
      'database.sslmode': 'verify-full',
      'topic.prefix': 'p1',
      'slot.name': 's1',
      'publication.name': 'pub1',
      'notification.sink.topic.name': 'p1.notifications',
    });
    expect(JSON.stringify(config)).not.toContain('{{');
  });

  test('never holds the password of CONNECTOR_DATABASE_URL, only a reference', () => {
    const url = 'postgresql://history_cdc_connector:hunter2-Hunter2@db.internal/legacy';
    const desired = desiredConnector(connectorSettings({ CONNECTOR_DATABASE_URL: url }));
    expect(JSON.stringify(desired)).not.toContain('hunter2');
    expect(desired.config['database.password']).toBe('${env:HISTORY_CDC_CONNECTOR_PASSWORD}');
  });

  test('takes up the authority of the database and the login to the registry, the password by reference only', () => {
    const { config } = desiredConnector(
      connectorSettings({
        CONNECTOR_DATABASE_URL:
          'postgresql://role@db.internal/legacy?sslmode=verify-full&sslrootcert=%2Fetc%2Fhistory-cdc%2Fca.pem',
        CONNECTOR_SCHEMA_REGISTRY_URL: 'https://re%40der@registry/apis/registry/v2',
      }),
    );
    expect(config).toMatchObject({
      'database.sslmode': 'verify-full',
      'database.sslrootcert': '/etc/history-cdc/ca.pem',
    });
    for (const converter of ['key.converter', 'value.converter']) {
      expect(config).toMatchObject({
        [`${converter}.apicurio.registry.url`]: 'https://registry/apis/registry/v2',
        [`${converter}.apicurio.auth.username`]: 're@der',
        [`${converter}.apicurio.auth.password`]: '${env:HISTORY_CDC_REGISTRY_PASSWORD}',
      });
    }
    const plain = desiredConnector(connectorSettings()).config;
    for (const key of Object.keys(secureSettings)) expect(plain).not.toHaveProperty([key]);
    const json = desiredConnector(connectorSettings({ CONNECTOR_SCHEMA_REGISTRY_URL: '' })).config;
    expect(JSON.stringify(json)).not.toContain('apicurio');
  });

  test.each([
    [{ CONNECTOR_DATABASE_URL: 'postgresql://db.internal/legacy' }, /databaseUser/],
    [{ CONNECTOR_DATABASE_URL: 'postgresql://role@db.internal' }, /databaseName/],
    [{ CONNECTOR_DATABASE_URL: 'postgresql://role@db.internal/legacy?sslkey=x' }, /sslkey/],
    [{ CONNECTOR_DATABASE_URL: 'postgresql://role@db.internal/$%7Benv:HOME%7D' }, /databaseName/],
    [{ CONNECTOR_SCHEMA_REGISTRY_URL: 'http://user:hunter2@registry/apis' }, /holds a password/],
  ])('%j is refused', (environment, message) => {
    const attempt = () => desiredConnector(connectorSettings(environment));
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow(/hunter2/);
  });

  test('without a registry writes JSON, and is the same but for the converters', () => {
    const avro = desiredConnector(connectorSettings()).config;
    const json = desiredConnector(connectorSettings({ CONNECTOR_SCHEMA_REGISTRY_URL: '' })).config;
    const others = (config: object) =>
      Object.entries(config).filter(
        ([key]) => !key.startsWith('key.converter') && !key.startsWith('value.converter'),
      );
    expect(others(json)).toEqual(others(avro));
    expect(JSON.stringify(json)).not.toContain('apicurio');
    expect(json).toMatchObject(jsonConverters);
  });

  test('and its README explain the same settings', () => {
    const table = read('README.md').split('## Settings, and why')[1]?.split('\n## ')[0] ?? '';
    const explained = table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, key]) => key));
    const files = [connectorFile.config, jsonConverters, secureSettings];
    const inFiles = new Set(files.flatMap((file) => Object.keys(file)));
    expect([...explained].sort()).toEqual([...inFiles].sort());
  });

  test('captures the data and the heartbeat table only, and names the schema of the script', () => {
    const { config } = connectorFile;
    const patterns = (config['table.include.list'] ?? '')
      .split(',')
      .map((pattern) => new RegExp(`^${pattern}$`));
    const captured = (table: string) => patterns.some((pattern) => pattern.test(table));
    expect(captured('public.agent_test_history')).toBe(true);
    expect(captured(`${SOURCE_SCHEMA}.heartbeat`)).toBe(true);
    expect(captured('public.agent_contexts')).toBe(false);
    expect(captured('publicXagent_test_history')).toBe(false);
    expect(config['signal.data.collection']).toBe(`${SOURCE_SCHEMA}.signal`);
    expect(config['heartbeat.action.query']).toContain(`INTO ${SOURCE_SCHEMA}.heartbeat `);
  });
});

test('every topic that the connector writes to is wanted, and the data topic keeps everything', () => {
  const config = connectorSettings({ TOPIC_PARTITIONS: '6', TOPIC_REPLICATION: '3', TOPIC_PREFIX: 'p1' });
  const { topics } = desiredConnector(config);
  expect(topics.map(({ name }) => name).sort()).toEqual(Object.values(topicNames(config)).sort());
  expect(topics.every(({ replication }) => replication === 3)).toBe(true);
  const data = topics.find(({ name }) => name === 'p1.public.agent_test_history');
  expect(data).toMatchObject({
    partitions: 6,
    config: { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' },
  });
  expect(data?.config['max.message.bytes']).toBe(connectorFile.config['producer.override.max.request.size']);
});
