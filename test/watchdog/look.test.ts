import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { gapOpen, streamBroken } from '../../operations/watchdog/break-errors.ts';
import { assertContinuous } from '../../operations/connector/guard.ts';
import { look } from '../../operations/watchdog/look.ts';
import { judgeContinuity } from '../../operations/continuity/judge.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { loadConfig } from '../../lib/config.ts';
import { createPool } from '../../lib/postgres.ts';
import { openGap } from '../doctor/open-gap.ts';

const NAMES = loadConfig({}, undefined);

/** Keeps every socket, takes every byte and answers none. */
let silent: Server;
let port: number;
const sockets = new Set<Socket>();
beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  ({ port } = silent.address() as AddressInfo);
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('what is not configured is blind with its setting, and no break', async () => {
  const seen = await look({ legacy: undefined, connect: undefined, kafka: undefined }, NAMES);
  expect(Object.fromEntries(seen.blind)).toEqual({
    legacy: 'LEGACY_DATABASE_URL is not set',
    connect: 'CONNECT_URL is not set',
    kafka: 'KAFKA_BROKERS is not set',
  });
  expect(seen).toMatchObject({ present: {}, failure: undefined, ends: undefined });
  expect(judgeContinuity('t', new Map([['slot', 's']]), seen.present)).toEqual([]);
});

test('what is silent is left to itself, each service in its time', async () => {
  const address = `127.0.0.1:${String(port)}`;
  const connect = new ConnectClient({ url: `http://${address}`, secrets: [] });
  const legacy = createPool({ url: `postgresql://nobody@${address}/none`, name: 'test', connections: 1 });
  const config = loadConfig({ KAFKA_BROKERS: address, LOG_LEVEL: 'silent' }, undefined, ['KAFKA_BROKERS']);
  const kafka = KafkaCluster.connect(config, createLogger('silent'));
  kafka.catch(() => undefined);
  const { blind, present } = await look({ legacy, connect, kafka }, NAMES, 200);
  const silence = 'no answer within 0.2 s';
  expect(Object.fromEntries(blind)).toEqual({ connect: silence, legacy: silence, kafka: silence });
  expect(present).toEqual({});
});

test('what refuses says so', async () => {
  const legacy = createPool({ url: 'postgresql://nobody@127.0.0.1:1/none', name: 'test', connections: 1 });
  const { blind } = await look({ legacy, connect: undefined, kafka: undefined }, NAMES, 5_000);
  expect(blind.get('legacy')).toContain('ECONNREFUSED');
  await legacy.end();
});

test('a connector is told to go on with a note of what could not be asked, and why', async () => {
  const config = loadConfig(
    {
      CONNECT_URL: 'http://127.0.0.1:1',
      KAFKA_BROKERS: '127.0.0.1:1',
      LEGACY_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
      LOG_LEVEL: 'silent',
    },
    undefined,
    ['CONNECT_URL'],
  );
  const notes: string[] = [];
  await assertContinuous(config, (line) => notes.push(line));
  expect(notes).toHaveLength(3);
  expect(notes.join('\n')).toContain('no Kafka broker answers at 127.0.0.1:1');
  expect(notes.join('\n')).not.toContain('is not set');
});

test('the way out names the gaps, and each step once, in its order', () => {
  const gaps = [openGap, { ...openGap, id: '5', kind: 'publication' as const }];
  const { code, message, wayOut } = gapOpen(gaps);
  expect(code).toBe('GAP_OPEN');
  expect(message).toContain('gap 3, slot, since 1970-01-01T00:00:00.000Z: it is gone');
  const steps = wayOut.split('\n').map((line) => line.trim());
  expect(steps.map((line) => line.slice(0, 2))).toEqual(['th', '1.', '2.', '3.', '4.']);
  expect(steps[1]).toContain('`history-cdc project --accept-gap 3 5`');
});

test('without a ledger there is nothing to accept: the connector begins anew; a new topic has its own way', () => {
  const broken = streamBroken([{ kind: 'position', evidence: 'ahead' }], []);
  expect(broken.code).toBe('STREAM_BROKEN');
  expect(broken.message).toContain('- position: ahead (the slot is ahead of');
  expect(broken.wayOut).toMatch(/^`history-cdc connector delete --forget-offsets`/);
  const topic = [{ ...openGap, kind: 'topic' as const }];
  expect(streamBroken([{ kind: 'topic', evidence: 'x' }], topic).wayOut).toContain('--accept-new-topic');
});
