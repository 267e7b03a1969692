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

/** Makes the data folder if there is none, and removes the files with which a crash keeps Postgres from starting. */
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
      // This gives the same order of texts on every machine, because the C library has no part in it.
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
 * Removes postmaster.pid after a crash, if another program has its process number by now: Postgres refuses to start
 * while any process has that number. No server uses this folder at this point; our own pid file says so. If the number
 * belongs to the dead server, which only waits to be reaped, it waits. If the number is free, the file stays, because
 * Postgres needs it to find out whether a backend of the old server still runs.
 */
async function settlePidFile(data: string): Promise<void> {
  const file = path.join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (await waitUntil(() => !isNumberTaken(pid), { withinMs: 3000 })) return;
  rmSync(file);
}
