import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeProcess } from '../../stack/process.ts';
import {
  instanceOf,
  localStackEnvironment,
  newState,
  pidFile,
  projectorSettings,
  readState,
  SERVER_NAMES,
  writeState,
  type ServerName,
} from '../../stack/state.ts';
import { temporaryFolder } from '../support/folder.ts';

const ports = {
  postgres: 20_001,
  kafka: 20_002,
  kafkaController: 20_003,
  registry: 20_004,
  registryManagement: 20_005,
  connect: 20_006,
  connectMetrics: 20_008,
  s3: 20_007,
};

/** An instance whose servers are, as far as the records say, this process. */
function instanceWith(components: readonly ServerName[], name = 'local') {
  const environment = { HISTORY_CDC_STATE_DIR: temporaryFolder() };
  const instance = instanceOf(environment, name);
  const state = newState({ name, components: [...components], ports, unsafeFast: false, owner: undefined });
  writeState(instance, state);
  mkdirSync(path.join(instance.folder, 'run'));
  const self = describeProcess(process.pid) ?? '';
  for (const server of components) writeFileSync(pidFile(instance, server), self);
  return { environment, instance, state };
}

test('a stack that is up answers for every address, with ordinary roles only', () => {
  const { environment, state } = instanceWith(SERVER_NAMES);
  expect(localStackEnvironment(environment)).toEqual({
    DATABASE_URL: `postgresql://app:${state.passwords.app}@127.0.0.1:20001/app`,
    CONNECTOR_DATABASE_URL: 'postgresql://history_cdc_connector@127.0.0.1:20001/app',
    KAFKA_BROKERS: '127.0.0.1:20002',
    CONNECT_URL: 'http://127.0.0.1:20006',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:20004/apis/ccompat/v7',
    CONNECTOR_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:20004/apis/registry/v2',
  });
});

test('a secure stack answers with its authority and its logins too, and lends none of it to a server of another place', () => {
  const environment = { HISTORY_CDC_STATE_DIR: temporaryFolder() };
  const instance = instanceOf(environment, 'local');
  const given = { name: 'local', components: [...SERVER_NAMES], ports, unsafeFast: false, owner: undefined };
  const state = newState(given, '/tls folder');
  writeState(instance, state);
  expect(readState(instance)).toEqual(state);
  mkdirSync(path.join(instance.folder, 'run'));
  for (const server of SERVER_NAMES)
    writeFileSync(pidFile(instance, server), describeProcess(process.pid) ?? '');
  const secrets = state.secure?.passwords;
  const kafka = {
    KAFKA_BROKERS: '127.0.0.1:20002',
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: '/tls folder/ca.pem',
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'operator',
    KAFKA_SASL_PASSWORD: secrets?.kafkaOperator,
  };
  const verified = 'sslmode=verify-full&sslrootcert=%2Ftls%20folder%2Fca.pem';
  const rest = {
    DATABASE_URL: `postgresql://app:${state.passwords.app}@127.0.0.1:20001/app?${verified}`,
    CONNECTOR_DATABASE_URL: `postgresql://history_cdc_connector@127.0.0.1:20001/app?${verified}`,
    CONNECT_URL: `https://history-cdc:${secrets?.connect ?? ''}@127.0.0.1:20006`,
    CONNECT_CA_FILE: '/tls folder/ca.pem',
    SCHEMA_REGISTRY_URL: `https://history-cdc:${secrets?.registry ?? ''}@127.0.0.1:20004/apis/ccompat/v7`,
    SCHEMA_REGISTRY_CA_FILE: '/tls folder/ca.pem',
    CONNECTOR_SCHEMA_REGISTRY_URL: 'https://history-cdc@127.0.0.1:20004/apis/registry/v2',
  };
  expect(localStackEnvironment(environment)).toEqual({ ...kafka, ...rest });
  expect(localStackEnvironment({ ...environment, KAFKA_BROKERS: 'kafka.example:9092' })).toEqual(rest);
  expect(projectorSettings(state)).toMatchObject({
    DATABASE_URL: `postgresql://history_cdc_projector:${secrets?.projector ?? ''}@127.0.0.1:20001/app?${verified}`,
    KAFKA_SASL_USERNAME: 'projector',
    KAFKA_SASL_PASSWORD: secrets?.kafkaProjector,
  });
});

test('a stack of Postgres alone answers for Postgres alone', () => {
  const { environment } = instanceWith(['postgres']);
  expect(Object.keys(localStackEnvironment(environment) ?? {})).toEqual([
    'DATABASE_URL',
    'CONNECTOR_DATABASE_URL',
  ]);
});

test('HISTORY_CDC_STACK chooses the instance, and an empty one is the default', () => {
  const { environment } = instanceWith(['kafka'], 'second');
  expect(localStackEnvironment(environment)).toBeUndefined();
  expect(localStackEnvironment({ ...environment, HISTORY_CDC_STACK: '' })).toBeUndefined();
  expect(localStackEnvironment({ ...environment, HISTORY_CDC_STACK: 'second' })).toEqual({
    KAFKA_BROKERS: '127.0.0.1:20002',
  });
});

test('a stack whose server has died answers with every address, and one of which nothing is up is not there', async () => {
  const { environment, instance } = instanceWith(SERVER_NAMES);
  const whole = localStackEnvironment(environment);
  const others = SERVER_NAMES.filter((name) => name !== 'kafka');
  const server = spawn('sleep', ['60']);
  writeFileSync(pidFile(instance, 'kafka'), describeProcess(server.pid ?? 0) ?? '');
  server.kill('SIGKILL');
  await once(server, 'exit');
  expect(localStackEnvironment(environment)).toEqual(whole);
  for (const name of others) writeFileSync(pidFile(instance, name), '');
  expect(localStackEnvironment(environment)).toBeUndefined();
});

test('a name that leads out of the folder is no stack', () => {
  const { environment } = instanceWith(SERVER_NAMES);
  expect(localStackEnvironment({ ...environment, HISTORY_CDC_STACK: '../instances/local' })).toBeUndefined();
});

test('the state holds passwords, so only its owner may read it; a damaged one is no state', () => {
  const { instance, state } = instanceWith(SERVER_NAMES);
  const file = path.join(instance.folder, 'state.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readState(instance)).toEqual(state);
  expect(new Set(Object.values(state.passwords)).size).toBe(3);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
  expect(readState(instance)).toBeUndefined();
});
