import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/** Below the range from which systems pick ports for outgoing connections, so a stack that is down keeps its ports. */
const RANGE = { from: 20_000, to: 30_000 } as const;
const ATTEMPTS = 200;

/** True when nobody listens there. */
export async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** Picks at random, so two stacks that start at the same moment do not both take the first free one. */
export async function pickPort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${String(RANGE.from)} and ${String(RANGE.to)}`);
}
