import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

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

/**
 * Picks a free port at random. A server listens on it only minutes later, when the servers before it are up, so the port is
 * kept for a while: two stacks that start at the same moment never pick the same one.
 */
export async function pickPort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (!taken.has(port) && (await isFree(port)) && reserve(port)) return port;
  }
  throw new Error(`no free port between ${String(RANGE.from)} and ${String(RANGE.to)}`);
}

/** Longer than a stack takes to start on a busy machine. */
const RESERVED_MS = 30 * 60_000;
const RESERVED = path.join(tmpdir(), `history-cdc-ports-${userInfo().username}`);

/** False if somebody has picked the port in the last half hour. An empty file by the port's name says so. */
function reserve(port: number): boolean {
  mkdirSync(RESERVED, { recursive: true });
  for (const name of readdirSync(RESERVED)) {
    const file = path.join(RESERVED, name);
    const since = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > RESERVED_MS) rmSync(file, { force: true });
  }
  try {
    closeSync(openSync(path.join(RESERVED, String(port)), 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
