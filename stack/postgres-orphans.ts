import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { identityOf, signalProcess, type ProcessIdentity } from './process.ts';
import { waitUntil } from './wait.ts';

const END_WITHIN_MS = 10_000;

/**
 * Ends the backends of a Postgres whose main process was killed. Idle backends notice the kill and end; a backend in
 * the middle of a long query does not, and keeps the next server from starting. It recognises backends by their program
 * and their folder, so it does not end a shell that somebody left in the data folder. It works only with /proc. On
 * other systems, Postgres says why it does not start.
 */
export async function endOrphans(binary: string, data: string): Promise<void> {
  const find = () => findOrphans(realpathSync(binary), realpathSync(data));
  for (const orphan of find()) signalProcess(orphan, 'SIGKILL');
  await waitUntil(() => find().length === 0, { withinMs: END_WITHIN_MS });
}

function findOrphans(binary: string, data: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && linkOf(pid, 'exe') === binary && linkOf(pid, 'cwd') === data)
    .map(identityOf)
    .filter((identity) => identity !== undefined);
}

function linkOf(pid: number, name: 'exe' | 'cwd'): string | undefined {
  try {
    return readlinkSync(`/proc/${String(pid)}/${name}`);
  } catch {
    return undefined;
  }
}
