import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ConnectClient, type ConnectorState } from '../../connectors/deploy/connect-client.ts';
import { switchConnector } from '../../operations/connector/switch.ts';

/** What Kafka Connect says of the connector and of its task; without a task where the second is left out. */
type Told = readonly [ConnectorState, ConnectorState?];

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A Kafka Connect that tells these states one after the other, and the last one again and again. */
async function telling(
  states: readonly Told[],
): Promise<{ readonly connect: ConnectClient; readonly asked: () => number }> {
  let asked = 0;
  server = createServer(({ method }, response) => {
    if (method !== 'GET') return response.writeHead(202).end();
    const [connector, task] = states[Math.min(asked, states.length - 1)] ?? ['UNASSIGNED'];
    asked += 1;
    const tasks = task === undefined ? [] : [{ id: 0, state: task, trace: 'it broke' }];
    const body = JSON.stringify({ connector: { state: connector }, tasks });
    return response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String((listening.address() as AddressInfo).port)}`;
  return { connect: new ConnectClient({ url, secrets: [] }), asked: () => asked };
}

test.each<['resume' | 'restart' | 'pause', readonly Told[]]>([
  ['resume', [['STOPPED'], ['RUNNING'], ['RUNNING', 'UNASSIGNED'], ['RUNNING', 'RUNNING']]],
  [
    'restart',
    [
      ['RUNNING', 'FAILED'],
      ['RUNNING', 'FAILED'],
      ['RUNNING', 'RESTARTING'],
      ['RUNNING', 'RUNNING'],
    ],
  ],
  [
    'pause',
    [
      ['RUNNING', 'RUNNING'],
      ['PAUSED', 'RUNNING'],
      ['PAUSED', 'PAUSED'],
    ],
  ],
])('%s returns when it has happened, and not before', async (to, states) => {
  const { connect, asked } = await telling(states);
  await switchConnector(connect, { name: 'c', to });
  expect(asked()).toBe(states.length);
});

test.each<['resume' | 'restart', readonly Told[], string]>([
  ['restart', [['RUNNING', 'FAILED']], 'CONNECTOR_FAILED'],
  ['resume', [['STOPPED'], ['RUNNING']], 'CONNECTOR_SILENT'],
])('%s that does not come about fails, by what is seen last: %j', async (to, states, code) => {
  const { connect } = await telling(states);
  await expect(switchConnector(connect, { name: 'c', to, withinMs: 500 })).rejects.toMatchObject({ code });
});

test.each<[string, readonly Told[]]>([
  ['that it does not restart', [['RUNNING', 'FAILED']]],
  [
    'that it brings about',
    [
      ['PAUSED', 'PAUSED'],
      ['RUNNING', 'FAILED'],
    ],
  ],
])('resume does not wait behind a failed task %s', async (_, states) => {
  const { connect, asked } = await telling(states);
  const resumed = switchConnector(connect, { name: 'c', to: 'resume' });
  await expect(resumed).rejects.toMatchObject({ code: 'CONNECTOR_FAILED' });
  expect(asked()).toBe(2);
});
