import type { Command } from './command.ts';

/** The HTTP side of a running `project`. */
export interface Service {
  readonly url: string;
  ready(): Promise<{ readonly status: number; readonly reason: string | undefined }>;
  /** Samples of /metrics by name and labels, as `name{label="value"}`. */
  metrics(): Promise<ReadonlyMap<string, number>>;
}

/** Finds the address in the log: HTTP_PORT=0 takes any free port. */
export async function serviceOf(projector: Command): Promise<Service> {
  const { url } = await projector.logged('serving /healthz, /readyz and /metrics');
  if (typeof url !== 'string') throw new Error('the log line has no url');
  return {
    url,
    ready: async () => {
      const answer = await fetch(`${url}/readyz`);
      const body = (await answer.json()) as { readonly ready: boolean; readonly reason?: string };
      if (body.ready !== (answer.status === 200)) throw new Error('/readyz contradicts its status');
      return { status: answer.status, reason: body.reason };
    },
    metrics: async () => parseMetrics(await (await fetch(`${url}/metrics`)).text()),
  };
}

function parseMetrics(text: string): ReadonlyMap<string, number> {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}
