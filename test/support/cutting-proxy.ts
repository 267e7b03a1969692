import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** When a connection is cut: before the server has the message, or when it has done what it says and answers. */
type When = 'before' | 'answer';

export interface CuttingProxy {
  /** The database, by way of the proxy. */
  readonly url: string;
  /** How many connections were cut so far. */
  readonly cuts: number;
  /** Cuts the next connection that sends `text`, once. */
  cutOnce(when: When, text: string): void;
  close(): Promise<void>;
}

/** Stands between a pool and the real Postgres, and cuts a connection at the byte that a test names. */
export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let armed: { readonly when: When; readonly text: string } | undefined;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let cutsAnswer = false;
    const cut = () => {
      cuts++;
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      const meets = armed !== undefined && bytes.includes(armed.text);
      const when = meets ? armed?.when : undefined;
      if (meets) armed = undefined;
      cutsAnswer = when === 'answer';
      if (when === 'before') cut();
      else upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (cutsAnswer) cut();
      else client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get cuts() {
      return cuts;
    },
    cutOnce: (when, text) => {
      armed = { when, text };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
