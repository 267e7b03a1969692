import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/** Systems pick ports for outgoing connections above this range, so nobody takes the ports of a stack that is down. */
const RANGE = { from: 20_000, to: 30_000 } as const;
const ATTEMPTS = 200;

/** True if nobody listens on the port. */
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

/** Picks a free port at random, so that two stacks that start at the same moment do not pick the same one. */
export async function pickPort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${String(RANGE.from)} and ${String(RANGE.to)}`);
}
