import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** When a connection is cut: before the server has the message, or when it has done what it says and answers. */
type When = 'before' | 'answer';

export interface CuttingProxy extends TcpProxy {
  /** The number of connections that were cut so far. */
  readonly cuts: number;
  /** Cuts the next connection that sends `text`, once. */
  cutOnce(when: When, text: string): void;
}

/** Stands between a pool and the real Postgres, and cuts a connection at the byte that a test names. */
export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  let armed: { readonly when: When; readonly text: string } | undefined;
  let cuts = 0;
  const proxy = await startTcpProxy(databaseUrl, (client, upstream) => {
    let cutsAnswer = false;
    const close = () => {
      client.destroy();
      upstream.destroy();
    };
    const cut = () => {
      cuts++;
      close();
    };
    client.on('close', close);
    upstream.on('close', close);
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
  return {
    ...proxy,
    get cuts() {
      return cuts;
    },
    cutOnce: (when, text) => {
      armed = { when, text };
    },
  };
}
