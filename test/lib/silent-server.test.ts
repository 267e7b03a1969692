import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { HttpClient } from '../../lib/http-client.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';

/** Takes every connection and every byte, and answers nothing: as a proxy that keeps the socket and forwards nothing. */
let silent: Server;
let address: string;
const sockets = new Set<Socket>();
beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

async function secondsUntilRejected(
  ask: () => Promise<unknown>,
): Promise<{ seconds: number; error: unknown }> {
  const begun = performance.now();
  const error = await ask().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { seconds: (performance.now() - begun) / 1000, error };
}

const settings = (brokers: readonly string[]) => ({
  KAFKA_BROKERS: brokers,
  KAFKA_TLS: false,
  KAFKA_TLS_CA_FILE: undefined,
  KAFKA_TLS_CERT_FILE: undefined,
  KAFKA_TLS_KEY_FILE: undefined,
  KAFKA_SASL_MECHANISM: undefined,
  KAFKA_SASL_USERNAME: undefined,
  KAFKA_SASL_PASSWORD: undefined,
});

// Side by side, because all that each does is wait.
test.concurrent(
  'a Kafka that keeps the socket and says nothing is named in bounded time',
  { timeout: 60_000 },
  async ({ expect }) => {
    const { seconds, error } = await secondsUntilRejected(() =>
      KafkaCluster.connect(settings([address]), createLogger('silent')),
    );
    expect(error).toMatchObject({ code: 'KAFKA_UNREACHABLE' });
    expect(seconds).toBeLessThan(50);
  },
);

test.concurrent('a question by HTTP to a server that says nothing ends in its time', async ({ expect }) => {
  const names = {
    address: 'SCHEMA_REGISTRY_URL',
    token: 'SCHEMA_REGISTRY_TOKEN',
    ca: 'SCHEMA_REGISTRY_CA_FILE',
  } as const;
  const client = new HttpClient({ url: `http://${address}` }, names);
  const { seconds, error } = await secondsUntilRejected(() =>
    client.ask({ method: 'GET', path: '/subjects', timeoutMs: 300 }),
  );
  expect(error).toMatchObject({ name: 'AbortError' });
  expect(seconds).toBeLessThan(25);
});

test.concurrent(
  'a Connect that says nothing is named in bounded time',
  { timeout: 120_000 },
  async ({ expect }) => {
    const connect = new ConnectClient({ url: `http://${address}`, secrets: [] });
    const { seconds, error } = await secondsUntilRejected(() => connect.worker());
    expect(error).toMatchObject({ code: 'CONNECT_UNREACHABLE' });
    expect(seconds).toBeLessThan(110);
  },
);
