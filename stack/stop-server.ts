import { rmSync } from 'node:fs';
import { isAlive, readRecord, signalProcess, type ProcessIdentity } from './process.ts';
import type { Server } from './server.ts';
import { pidFile, type Instance } from './state.ts';
import { waitUntil } from './wait.ts';

const GRACE_MS = 30_000;
const KILL_MS = 10_000;

/** Stops the process that the pid file names, if it still runs. True if there was one to stop. */
export async function stopServer(server: Server, instance: Instance): Promise<boolean> {
  const file = pidFile(instance, server.name);
  const target = readRecord(file);
  const runs = target !== undefined && isAlive(target);
  if (runs) await end(target, server);
  rmSync(file, { force: true });
  return runs;
}

async function end(target: ProcessIdentity, server: Server): Promise<void> {
  const gone = () => !isAlive(target);
  signalProcess(target, server.stopSignal);
  if (await waitUntil(gone, { withinMs: GRACE_MS, everyMs: 50 })) return;
  signalProcess(target, 'SIGKILL');
  if (await waitUntil(gone, { withinMs: KILL_MS, everyMs: 50 })) return;
  throw new Error(`${server.title}, process ${String(target.pid)}, does not end, not even by SIGKILL`);
}
