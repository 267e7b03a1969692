import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export interface SilentProxy extends TcpProxy {
  readonly connections: number;
  /** From now on, every open connection, and every new one unless `onlyOpen`, stays open and passes nothing on. */
  fallSilent(options?: { readonly onlyOpen?: boolean }): void;
  /** New connections are served again. Those that fell silent stay silent. */
  speak(): void;
}

/** Behaves like a NAT that has forgotten a connection, or a host that is gone: no byte, no FIN, no RST. */
export async function startSilentProxy(serviceUrl: string): Promise<SilentProxy> {
  const open = new Set<{ silent: boolean }>();
  let [mute, connections] = [false, 0];
  const proxy = await startTcpProxy(serviceUrl, (client, upstream) => {
    const line = { silent: mute };
    open.add(line);
    connections += 1;
    const close = () => {
      // The other side is not told.
      if (line.silent) return;
      open.delete(line);
      client.destroy();
      upstream.destroy();
    };
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('close', close);
      from.on('data', (bytes) => {
        if (!line.silent) to.write(bytes);
      });
    }
  });
  return {
    ...proxy,
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
  };
}
