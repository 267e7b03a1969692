import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface SilentProxy {
  /** The service, by way of the proxy. */
  readonly url: string;
  readonly connections: number;
  /** From now on every connection that is open, and every new one unless told, stays open and passes nothing on. */
  fallSilent(options?: { readonly onlyOpen?: boolean }): void;
  /** New connections are served again; those that fell silent stay so. */
  speak(): void;
  close(): Promise<void>;
}

/** As a NAT that has forgotten a connection, or a host that is gone: no byte, no FIN, no RST. */
export async function startSilentProxy(serviceUrl: string): Promise<SilentProxy> {
  const target = new URL(serviceUrl);
  const sockets = new Set<Socket>();
  const open = new Set<{ silent: boolean }>();
  let [mute, connections] = [false, 0];
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const line = { silent: mute };
    open.add(line);
    connections += 1;
    const close = () => {
      open.delete(line);
      client.destroy();
      upstream.destroy();
    };
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        // The other side hears nothing of it.
        if (!line.silent) close();
      });
      from.on('data', (bytes) => {
        if (!line.silent) to.write(bytes);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(serviceUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get connections() {
      return connections;
    },
    fallSilent: ({ onlyOpen = false } = {}) => {
      for (const line of open) line.silent = true;
      mute = !onlyOpen;
    },
    speak: () => {
      mute = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
