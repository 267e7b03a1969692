import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Clock ticks a second in what /proc tells, on every Linux. */
const TICKS = 100;

/** CPU seconds of one process, and of its children that have ended and were waited for. */
export interface ProcessTimes {
  readonly own: number;
  readonly endedChildren: number;
}

/** From `/proc/PID/stat`: `pid (name) state ppid … utime stime cutime cstime …`; the name may hold spaces and brackets. */
export function parseTimes(stat: string): ProcessTimes {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const seconds = (index: number) => Number(fields[index]) / TICKS;
  return { own: seconds(11) + seconds(12), endedChildren: seconds(13) + seconds(14) };
}

/** Seconds that all CPUs together were busy since the start of the machine, what the hypervisor took away included. */
export function parseBusy(stat: string): number {
  const [line = ''] = stat.split('\n');
  // user nice system idle iowait irq softirq steal; guest time is in user already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS;
}

/** The most memory that a process ever had, in MiB, from `/proc/PID/status`; 0 where it does not say. */
export function parsePeakMiB(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Undefined where the process is gone. */
export function readProcess(pid: number, file: 'stat' | 'status'): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

export function machineBusy(): number {
  return parseBusy(readFileSync('/proc/stat', 'utf8'));
}

/**
 * CPU seconds of a process with all its descendants' so far. Those of a child that has ended are in its parent; so what
 * this gives only grows, as long as the process itself lives.
 */
export function treeSeconds(pid: number): number | undefined {
  const stat = readProcess(pid, 'stat');
  if (stat === undefined) return undefined;
  const { own, endedChildren } = parseTimes(stat);
  return childrenOf(pid).reduce((sum, child) => sum + (treeSeconds(child) ?? 0), own + endedChildren);
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** What the figures were measured on. */
export function describeMachine() {
  return {
    cores: os.availableParallelism(),
    processor: os.cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
  };
}
