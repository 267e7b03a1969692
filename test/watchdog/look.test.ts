import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gapOpen, streamBroken } from '../../operations/watchdog/break-errors.ts';
import { assertContinuous } from '../../operations/connector/guard.ts';
import { look, STREAM } from '../../operations/watchdog/look.ts';
import { Services } from '../../operations/facts/services.ts';
import { CONFIG } from '../doctor/healthy.ts';
import { judgeContinuity } from '../../operations/continuity/judge.ts';
import { loadConfig } from '../../lib/config.ts';
import { openGap } from '../doctor/open-gap.ts';

/** A look with these settings. */
async function looked(settings: Readonly<Record<string, string>>, withinMs: number) {
  const config = loadConfig({ ...settings, LOG_LEVEL: 'silent' }, undefined);
  const services = new Services(config, { name: 'test' });
  try {
    return await look({ services, config, facts: STREAM, withinMs });
  } finally {
    await services.close();
  }
}

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
  const seen = await looked({}, 60_000);
  expect(Object.fromEntries(seen.blind)).toEqual({
    legacy: 'LEGACY_DATABASE_URL is not set',
    connect: 'CONNECT_URL is not set',
    kafka: 'KAFKA_BROKERS is not set',
  });
  expect(seen).toMatchObject({ present: { unfit: {} }, failure: undefined });
  expect(judgeContinuity('t', new Map([['slot', 's']]), seen.present)).toEqual([]);
});

test('what is silent is left to itself, each service in its time', async () => {
  const address = `127.0.0.1:${String(port)}`;
  const settings = {
    KAFKA_BROKERS: address,
    CONNECT_URL: `http://${address}`,
    LEGACY_DATABASE_URL: `postgresql://nobody@${address}/none`,
  };
  const { blind, present } = await looked(settings, 200);
  const silence = 'no answer within 0.2 s';
  expect(Object.fromEntries(blind)).toEqual({ connect: silence, legacy: silence, kafka: silence });
  expect(present).toEqual({ unfit: {} });
});

test('what refuses says so', async () => {
  const { blind } = await looked({ LEGACY_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' }, 60_000);
  expect(blind.get('legacy')).toContain('ECONNREFUSED');
});

test('a connector is not told to go on where something cannot be asked, unless a person says so', async () => {
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
  const note = (line: string) => notes.push(line);
  const refused = assertContinuous(config, { note });
  await expect(refused).rejects.toMatchObject({
    code: 'SOURCE_UNSEEN',
    message: expect.stringContaining('no Kafka broker answers at 127.0.0.1:1') as string,
  });
  expect(notes).toEqual([]);
  await assertContinuous(config, { note, unseen: true });
  // The legacy database, Kafka Connect and Kafka do not answer, and no ledger is set.
  expect(notes).toHaveLength(4);
});

const steps = (wayOut: string) =>
  wayOut
    .split('\n')
    .slice(1)
    .map((line) => line.trim().replace(/ {2}[-#].*$/, ''));

test('the way out names the gaps, and each step once, in its order', () => {
  const gaps = [openGap, { ...openGap, id: '5', kind: 'position' as const }];
  const { code, message, wayOut } = gapOpen(gaps, CONFIG);
  expect(code).toBe('GAP_OPEN');
  expect(message).toContain('gap 3, slot, since 1970-01-01T00:00:00.000Z: it is gone');
  expect(steps(wayOut)).toEqual([
    'history-cdc project --accept-gap 3 5 --until-caught-up',
    'history-cdc project',
    'history-cdc connector delete --forget-offsets',
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'history_cdc';",
    'history-cdc connector apply',
    'history-cdc reconcile --fresh',
  ]);
});

test.each([
  ['position', ['connector resume', 'snapshot start --follow']],
  ['publication', ['connector restart', 'snapshot start --follow']],
  ['timeline', ['connector restart', 'snapshot start --follow']],
  ['system', ['connector apply', 'snapshot start --follow']],
] as const)('behind a gap of the %s, the rows come back by %j, and no topic is deleted', (kind, commands) => {
  const { wayOut } = gapOpen([{ ...openGap, kind }], CONFIG);
  expect(steps(wayOut).slice(2, -1)).toEqual(commands.map((command) => `history-cdc ${command}`));
});

test('without a ledger there is nothing to accept: the connector begins anew; a new topic has its own way', () => {
  const broken = streamBroken({ breaks: [{ kind: 'position', evidence: 'ahead' }], gaps: [] }, CONFIG);
  expect(broken.code).toBe('STREAM_BROKEN');
  expect(broken.message).toContain('- position: ahead (');
  expect(steps(broken.wayOut)[0]).toBe('history-cdc connector delete --forget-offsets');
  const gaps = [{ ...openGap, kind: 'topic' as const }];
  const topic = streamBroken({ breaks: [{ kind: 'topic', evidence: 'x' }], gaps }, CONFIG);
  expect(steps(topic.wayOut).at(-1)).toBe('history-cdc project --accept-new-topic');
});
