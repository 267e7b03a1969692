import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * A process, by its number and the time when it started. The number alone is not enough: the system uses numbers again,
 * and `down` could kill another program.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string;
}

export interface LaunchCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /**
   * The whole environment of the process. The caller's variables are not passed on, because the server outlives the
   * caller.
   */
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

const onLinux = process.platform === 'linux';

/**
 * The shell writes its process number and start time to descriptor 3, and then becomes the server. So every server is
 * recorded before it exists, and a kill of the caller never leaves a server that nobody knows.
 */
const RECORD_THEN_EXEC = onLinux
  ? 'read -r stat < /proc/$$/stat && printf "%s\\n" "$stat" >&3 && exec 3>&- && exec "$@"'
  : 'ps -o pid=,stat=,lstart= -p $$ >&3 && exec 3>&- && exec "$@"';

/** Starts a process that outlives the caller, with its output appended to `logFile` and its identity in `pidFile`. */
export function launchDetached(command: LaunchCommand, pidFile: string, logFile: string): void {
  const log = openSync(logFile, 'a', 0o600);
  const record = openSync(pidFile, 'w', 0o644);
  try {
    const child = spawn('/bin/sh', ['-c', RECORD_THEN_EXEC, 'sh', command.file, ...command.args], {
      cwd: command.cwd,
      env: command.env,
      detached: true,
      stdio: ['ignore', log, log, record],
      ...(command.uid === undefined ? {} : { uid: command.uid }),
      ...(command.gid === undefined ? {} : { gid: command.gid }),
    });
    // If the start fails, the server is not alive, and its log has the reason.
    child.on('error', () => undefined);
    child.unref();
  } finally {
    closeSync(log);
    closeSync(record);
  }
}

/** Reads the process from a pid file; undefined if there is no file, or if it is still empty. */
export function readRecord(pidFile: string): ProcessIdentity | undefined {
  return parseRecord(readText(pidFile));
}

/** The process that has the number now; undefined if there is none, or only a zombie that waits to be reaped. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  return parseRecord(describeProcess(pid));
}

/** The process as `launchDetached` records it; undefined when there is none. */
export function describeProcess(pid: number): string | undefined {
  if (onLinux) return readText(`/proc/${String(pid)}/stat`);
  const ps = spawnSync('ps', ['-o', 'pid=,stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return ps.status === 0 ? ps.stdout : undefined;
}

function parseRecord(text: string | undefined): ProcessIdentity | undefined {
  if (text === undefined) return undefined;
  return onLinux ? parseProcStat(text) : parsePs(text);
}

/** True if any process has the number, even a zombie. Other programs count a zombie as running. */
export function isNumberTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export function isAlive(recorded: ProcessIdentity): boolean {
  return identityOf(recorded.pid)?.startedAt === recorded.startedAt;
}

/** Sends the signal to this process only, and never to a later process with the same number. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** `pid (name) state ppid … starttime …`; the name may itself contain spaces and brackets. */
export function parseProcStat(stat: string): ProcessIdentity | undefined {
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  const [state] = fields;
  const startedAt = fields[19];
  const pid = Number.parseInt(stat, 10);
  if (nameEnd < 0 || startedAt === undefined || !(pid > 0) || state === 'Z' || state === 'X')
    return undefined;
  return { pid, startedAt };
}

/** `pid state weekday month day time year`. */
export function parsePs(line: string): ProcessIdentity | undefined {
  const [pid, state, ...started] = line.trim().split(/\s+/);
  if (pid === undefined || state === undefined || state.startsWith('Z') || started.length === 0)
    return undefined;
  return { pid: Number(pid), startedAt: started.join(' ') };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
