import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { FatalError } from '../lib/errors.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process.ts';
import { waitUntil } from './wait.ts';

interface LockOptions {
  readonly file: string;
  /** What the holder does, as `waiting for another … to finish`. */
  readonly purpose: string;
  readonly withinMs: number;
  readonly onProgress: (line: string) => void;
}

/**
 * Runs the work while no other process holds the same lock. The file names its holder, so the lock of a process
 * that was killed is taken over instead of blocking for ever.
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

/** `link` makes the lock and its content visible in one step: nobody ever reads half a lock. */
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
 * Moves the lock aside before it is judged: of two processes that find it abandoned only one moves it. If what was
 * moved turns out to be a living holder's, because it changed hands in between, it goes back.
 */
function removeAbandoned(file: string): void {
  if (!existsSync(file) || isHeld(file)) return;
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
    if (isHeld(aside)) linkSync(aside, file);
  } catch {
    // Somebody else moved it first, or has the lock already: the next attempt sees how things stand.
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
