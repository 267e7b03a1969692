import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { FatalError, messageOf } from '../lib/errors.ts';
import { isFree } from './ports.ts';
import { launchDetached, readRecord } from './process.ts';
import { PORTS_OF } from './servers.ts';
import type { Server, StartContext } from './server.ts';
import { isServerAlive, logFile, pidFile, type Instance, type ServerName } from './state.ts';
import { waitUntil } from './wait.ts';

const TELL_EVERY_MS = 5000;
const TAIL_LINES = 15;

/** Starts the server unless it runs, and returns when it answers. True if it had to be started. */
export async function startServer(
  server: Server,
  context: StartContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { instance, state, onProgress } = context;
  const begun = Date.now();
  // A process that was just killed still exists for a moment, so a living process is not enough: it must answer.
  const runs = isServerAlive(instance, server.name) && (await answersBeforeItEnds(server, context, signal));
  if (!runs) {
    await launch(server, context, signal);
    if (!(await answersBeforeItEnds(server, context, signal)))
      throw failed(server, instance, 'ended while it started');
  }
  await server.furnish?.(state);
  const took = ((Date.now() - begun) / 1000).toFixed(1);
  onProgress(runs ? `${server.title} answers, it was up` : `${server.title} answers after ${took} s`);
  return !runs;
}

async function launch(server: Server, context: StartContext, signal: AbortSignal): Promise<void> {
  const { instance } = context;
  await requireFreePorts(server.name, context);
  const command = await server.prepare(context);
  if (signal.aborted) throw new Error('given up, because another server failed');
  const log = logFile(instance, server.name);
  mkdirSync(path.dirname(log), { recursive: true });
  mkdirSync(path.dirname(pidFile(instance, server.name)), { recursive: true });
  // There is one log per start, and the log of the start before. Servers write warnings only, so a log does not grow
  // large.
  if (existsSync(log)) renameSync(log, `${log}.1`);
  launchDetached(command, pidFile(instance, server.name), log);
  const recorded = () => readRecord(pidFile(instance, server.name)) !== undefined;
  if (!(await waitUntil(recorded, { withinMs: 10_000, everyMs: 10 }))) {
    throw failed(server, instance, 'could not be started');
  }
}

async function requireFreePorts(name: ServerName, { state, instance }: StartContext): Promise<void> {
  for (const port of PORTS_OF[name]) {
    const number = state.ports[port];
    if (await isFree(number)) continue;
    throw new FatalError({
      code: 'STACK_SERVER_FAILED',
      message: `port ${String(number)} of ${name} is in use by a process that does not belong to this stack`,
      wayOut: `end that process, choose another port (\`history-cdc stack up --help\`), or begin anew: \`history-cdc stack down --name ${instance.name} --purge\``,
    });
  }
}

/** Waits until the server answers; false if its process ends first. */
async function answersBeforeItEnds(
  server: Server,
  context: StartContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { instance, state, onProgress } = context;
  let ended = false;
  let reason = '';
  let toldAt = Date.now();
  const settled = async () => {
    if (signal.aborted) throw new Error('given up, because another server failed');
    ended = !isServerAlive(instance, server.name);
    if (ended) return true;
    try {
      await server.probe(state);
      return true;
    } catch (error) {
      reason = messageOf(error);
    }
    if (Date.now() - toldAt >= TELL_EVERY_MS) {
      toldAt = Date.now();
      onProgress(`waiting for ${server.title}: ${reason}`);
    }
    return false;
  };
  if (!(await waitUntil(settled, { withinMs: server.startWithinMs }))) {
    const seconds = String(server.startWithinMs / 1000);
    throw failed(server, instance, `does not answer within ${seconds} s (${reason})`);
  }
  return !ended;
}

function failed(server: Server, instance: Instance, what: string): FatalError {
  const log = logFile(instance, server.name);
  const tail = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES) : [];
  return new FatalError({
    code: 'STACK_SERVER_FAILED',
    message: [`${server.title} ${what}; the end of its log:`, ...tail.map((line) => `    ${line}`)].join(
      '\n',
    ),
    wayOut: `read ${log}; if the data is past saving, \`history-cdc stack down --name ${instance.name} --purge\` begins anew`,
  });
}
