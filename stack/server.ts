import type { Environment } from '../lib/config.ts';
import { HttpClient } from '../lib/http-client.ts';
import type { LaunchCommand } from './process.ts';
import type { Runtime } from './runtime.ts';
import type { Instance, ServerName, StackState } from './state.ts';

/** What a server may use to get ready. */
export interface StartContext {
  readonly instance: Instance;
  readonly state: StackState;
  readonly environment: Environment;
  readonly onProgress: (line: string) => void;
  /** Java and the jars; asked for only by the servers that need them. */
  readonly jvm: () => Promise<{ readonly java: string; readonly runtime: Runtime }>;
}

/** One server of the stack: how it starts, how it is known to answer, how it stops. */
export interface Server {
  readonly name: ServerName;
  readonly title: string;
  readonly startWithinMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** Servers that must answer before this one starts, where they are part of the instance. */
  readonly after: readonly ServerName[];
  /** Data folder and configuration. Runs before every start, so it holds after a crash at any point of itself. */
  prepare(context: StartContext): Promise<LaunchCommand>;
  /** Asks the server for something that only a working one can answer; rejects with the reason while it cannot. */
  probe(state: StackState): Promise<void>;
  /** What has to be in it before anybody uses it; runs after every start. */
  furnish?(state: StackState): Promise<void>;
}

/** A server's environment: none of the caller's variables, so none of the caller's secrets. */
export function serverEnvironment(environment: Environment): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR'].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8', TZ: 'UTC' };
}

const PROBE_TIMEOUT_MS = 5000;

/** A GET that must be answered with 200, with the login in the URL; returns the parsed body. */
export async function getJson(url: string, path: string, caFile: string | undefined): Promise<unknown> {
  const client = new HttpClient({ url, caFile }, STACKS_OWN);
  const { status, text } = await client.ask({ method: 'GET', path, timeoutMs: PROBE_TIMEOUT_MS });
  if (status !== 200) throw new Error(`GET ${path} answers ${String(status)}`);
  return JSON.parse(text);
}

const STACKS_OWN = { address: 'CONNECT_URL', token: 'CONNECT_TOKEN', ca: 'CONNECT_CA_FILE' } as const;
