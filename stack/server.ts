import type { Environment } from '../lib/config.ts';
import { HttpClient } from '../lib/http-client.ts';
import type { LaunchCommand } from './process.ts';
import type { Runtime } from './runtime.ts';
import type { Instance, ServerName, StackState } from './state.ts';

/** What a server may use to prepare its start. */
export interface StartContext {
  readonly instance: Instance;
  readonly state: StackState;
  readonly environment: Environment;
  readonly onProgress: (line: string) => void;
  /** Java and the jars. Only the servers that need them call it, because it may fetch them. */
  readonly jvm: () => Promise<{ readonly java: string; readonly runtime: Runtime }>;
}

/** One server of the stack: how it starts, how to check that it answers, how it stops. */
export interface Server {
  readonly name: ServerName;
  readonly title: string;
  readonly startWithinMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** Servers that must answer before this one starts, if the instance has them. */
  readonly after: readonly ServerName[];
  /**
   * Makes data folder and configuration. It runs before every start, and completes what a crash of an earlier run left.
   */
  prepare(context: StartContext): Promise<LaunchCommand>;
  /** Asks the server a question that it answers only if it works. Rejects with the reason until then. */
  probe(state: StackState): Promise<void>;
  /** Creates what clients need inside the server. It runs after every start. */
  furnish?(state: StackState): Promise<void>;
}

/** The environment of a server. It has no variable of the caller, and so none of the caller's secrets. */
export function serverEnvironment(environment: Environment): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR'].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8', TZ: 'UTC' };
}

const PROBE_TIMEOUT_MS = 5000;

/** Sends a GET with the login in the URL, and returns the parsed body. Rejects if the answer is not 200. */
export async function getJson(url: string, path: string, caFile: string | undefined): Promise<unknown> {
  const client = new HttpClient({ url, caFile }, STACKS_OWN);
  const { status, text } = await client.ask({ method: 'GET', path, timeoutMs: PROBE_TIMEOUT_MS });
  if (status !== 200) throw new Error(`GET ${path} answers ${String(status)}`);
  return JSON.parse(text);
}

const STACKS_OWN = { address: 'CONNECT_URL', token: 'CONNECT_TOKEN', ca: 'CONNECT_CA_FILE' } as const;
