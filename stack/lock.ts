import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { FatalError } from '../lib/errors.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process.ts';
import { waitUntil } from './wait.ts';

interface LockOptions {
  readonly file: string;
  /** What the holder does. It fills the gap in `waiting for another … to finish`. */
  readonly purpose: string;
  readonly withinMs: number;
  readonly onProgress: (line: string) => void;
}

/**
 * Runs the work while no other process holds the same lock. The file names its holder, so that a process can take over
 * the lock of a process that was killed. Otherwise such a lock would block for ever.
 */
export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  const me = identityOf(process.pid);
  if (me === undefined) throw new Error('this process cannot see itself in the process table');
  mkdirSync(path.dirname(options.file), { recursive: true });
  let told = false;
  const locked = await waitUntil(
    () => {
      if (tryLock(options.file, me)) return true;
      removeAbandoned(options.file);
      if (tryLock(options.file, me)) return true;
      if (!told) options.onProgress(`waiting for another ${options.purpose} to finish`);
      told = true;
      return false;
    },
    { withinMs: options.withinMs },
  );
  if (!locked) throw stillHeld(options);
  try {
    return await work();
  } finally {
    rmSync(options.file, { force: true });
  }
}

/** Creates the lock by `link`, so that lock and content become visible in one step, and nobody reads half a lock. */
function tryLock(file: string, me: ProcessIdentity): boolean {
  const own = `${file}.${randomUUID()}`;
  writeFileSync(own, JSON.stringify(me));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Moves an abandoned lock aside before it judges it: if two processes find the lock abandoned, only one of them can
 * move it. If another process took the lock in between, the moved lock belongs to a living holder, and is moved back.
 */
function removeAbandoned(file: string): void {
  if (!existsSync(file) || isHeld(file)) return;
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
    if (isHeld(aside)) linkSync(aside, file);
  } catch {
    // Another process moved it first, or has the lock already. The next attempt looks again.
  } finally {
    rmSync(aside, { force: true });
  }
}

function isHeld(file: string): boolean {
  const holder = readHolder(file);
  return holder !== undefined && isAlive(holder);
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function stillHeld({ file, purpose }: LockOptions): FatalError {
  const holder = readHolder(file);
  const who = holder === undefined ? 'another process' : `process ${String(holder.pid)}`;
  return new FatalError({
    code: 'STACK_BUSY',
    message: `${who} has been busy with ${purpose} for too long`,
    wayOut: 'wait for that process to end, or end it; its lock then counts for nothing',
  });
}
