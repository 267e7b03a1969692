import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

export interface FaultyProxy extends TcpProxy {
  /** Ends every open connection, silent ones too, on both sides, and returns how many. New ones are served. */
  cut(): number;
  /** Every open connection, and every new one until `heal`, stays open and passes nothing on. Returns how many are open. */
  silence(): number;
  /** From now on each piece of data is passed on this much later than the one before it. */
  slowDown(milliseconds: number): void;
  /** New connections are served at once again. Connections that fell silent stay silent until they are cut. */
  heal(): void;
}

interface Line {
  silent: boolean;
  readonly sockets: readonly [Socket, Socket];
}

/** Stands between a client and a service, and misbehaves as a network does. */
export async function startFaultyProxy(serviceUrl: string): Promise<FaultyProxy> {
  const lines = new Set<Line>();
  let [mute, delayMs] = [false, 0];
  const proxy = await startTcpProxy(serviceUrl, (client, upstream) => {
    const line: Line = { silent: mute, sockets: [client, upstream] };
    lines.add(line);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      const pass = (bytes: Buffer) => {
        if (!line.silent && !to.destroyed) to.write(bytes);
      };
      // What waits here comes first, so that no change of the delay turns the order round.
      let waiting = 0;
      let last = Promise.resolve();
      from.on('data', (bytes: Buffer) => {
        if (delayMs === 0 && waiting === 0) {
          pass(bytes);
          return;
        }
        waiting += 1;
        last = last
          .then(() => setTimeout(delayMs))
          .then(() => {
            waiting -= 1;
            pass(bytes);
          });
      });
      from.on('close', () => {
        // The other side of a silent connection is not told.
        if (!line.silent) void last.then(() => to.destroy());
        if (line.sockets.every(({ destroyed }) => destroyed)) lines.delete(line);
      });
    }
  });
  return {
    ...proxy,
    cut: () => {
      const open = [...lines];
      for (const { sockets } of open) for (const socket of sockets) socket.destroy();
      return open.length;
    },
    silence: () => {
      mute = true;
      for (const line of lines) line.silent = true;
      return lines.size;
    },
    slowDown: (milliseconds) => {
      delayMs = milliseconds;
    },
    heal: () => {
      mute = false;
      delayMs = 0;
    },
  };
}
