import { spawn } from 'node:child_process';
import { chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FatalError } from '../lib/errors.ts';
import type { Account } from './account.ts';
import { newFolder } from './new-folder.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { endOrphans } from './postgres-orphans.ts';
import { isNumberTaken, type LaunchCommand } from './process.ts';
import { serverEnvironment, type StartContext } from './server.ts';
import { ROLES } from './state.ts';
import { waitUntil } from './wait.ts';

interface DataFolder extends StartContext {
  readonly binaries: PostgresBinaries;
  readonly account: Account;
  readonly data: string;
}

/** Makes the data folder where there is none, and clears what a crash left that would keep Postgres from starting. */
export async function prepareData(folder: DataFolder): Promise<void> {
  await newFolder(folder.data, (fresh) => initialise(fresh, folder));
  await endOrphans(folder.binaries.postgres, folder.data);
  await settlePidFile(folder.data);
}

async function initialise(fresh: string, { instance, state, environment, binaries, account }: DataFolder) {
  const passwordFile = path.join(instance.folder, 'initdb-password');
  writeFileSync(passwordFile, state.passwords.superuser, { mode: 0o600 });
  try {
    for (const entry of [fresh, passwordFile]) {
      if (account.owner !== undefined) chownSync(entry, account.owner.uid, account.owner.gid);
    }
    const args = [
      `--pgdata=${fresh}`,
      `--username=${ROLES.superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The same order of text on every machine, whatever its C library.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(state.unsafeFast ? ['--no-sync'] : []),
    ];
    const env = serverEnvironment(environment);
    await runToEnd(account.as({ file: binaries.initdb, args, cwd: instance.folder, env }));
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function runToEnd(command: LaunchCommand): Promise<void> {
  const child = spawn(command.file, [...command.args], { ...command, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status === 0) return;
  throw new FatalError({
    code: 'STACK_SERVER_FAILED',
    message: `initdb failed:\n${complaint.trim()}`,
    wayOut: 'mend what initdb names and run it again',
  });
}

/**
 * After a crash Postgres takes the number in its postmaster.pid for itself, and refuses to start while any process
 * has it. Nobody serves this folder when we get here (our own pid file says so): it is a dead server that waits to
 * be reaped, which passes, or by now a stranger, and then the file goes. Where the number is free the file stays,
 * because by it Postgres also finds out whether an orphan of the old server is still at work.
 */
async function settlePidFile(data: string): Promise<void> {
  const file = path.join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (await waitUntil(() => !isNumberTaken(pid), { withinMs: 3000 })) return;
  rmSync(file);
}
